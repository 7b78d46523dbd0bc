"""`/pro/urgence`: a clinician opens one record without consent, for an hour. `/admin/urgence`: somebody reviews it."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import BadInput, NotFound, Refused
from portal.doors import ActingOperator, ActingPhysician, Front, Operator, Physician, RowId, TheFront
from portal.failures import status_of, told
from portal.language import N_, known, language_of
from portal.session import Visitor
from portal.work import TheEmergencies, TheReviews
from record.break_glass import MINUTES, REASON_LEAST, REASON_MOST

router = APIRouter()
UNSAID = N_("L'accès n'a pas été ouvert. Vérifiez ce que vous avez écrit.")
Short = Annotated[str, Form(max_length=64)]


@router.get("/pro/urgence")
def form(request: Request, front: TheFront, emergencies: TheEmergencies, visitor: Physician) -> Response:
    """Whose record and why; and what is open already."""
    return _form(request, front, emergencies, visitor)


@router.post("/pro/urgence")
def open_record(
    request: Request,
    front: TheFront,
    emergencies: TheEmergencies,
    visitor: ActingPhysician,
    matricule: Short = "",
    naissance: Short = "",
    motif: Annotated[str, Form(max_length=REASON_MOST * 4)] = "",
) -> Response:
    """Opens it, or shows the form again with what was wrong; the matricule is never written back into a page."""
    try:
        glass_id = emergencies.open(visitor, matricule, naissance, motif)
    except (BadInput, NotFound, Refused) as error:
        text = told(error)
        problem = text if known(text, language_of(request)) else UNSAID
        return _form(request, front, emergencies, visitor, problem, status_of(error), motif, naissance)
    return RedirectResponse(f"/pro/urgence/{glass_id}", 303)


@router.get("/pro/urgence/{glass_id}")
def record(
    request: Request, front: TheFront, emergencies: TheEmergencies, visitor: Physician, glass_id: RowId
) -> Response:
    """The record while the time lasts."""
    opening = emergencies.look(visitor, glass_id)
    return front.pages.show(request, "emergency_record.html", visitor=visitor, opening=opening, total=MINUTES)


@router.post("/pro/urgence/{glass_id}/fin")
def close(emergencies: TheEmergencies, visitor: ActingPhysician, glass_id: RowId) -> Response:
    """Before its time."""
    emergencies.close(visitor, glass_id)
    return RedirectResponse(f"/pro/urgence/{glass_id}", 303)


@router.get("/admin/urgence/{glass_id}")
def case(request: Request, front: TheFront, reviews: TheReviews, visitor: Operator, glass_id: RowId) -> Response:
    """One opening: who, when, why, what was read."""
    return front.pages.show(request, "emergency_review.html", visitor=visitor, case=reviews.case(visitor, glass_id))


@router.post("/admin/urgence/{glass_id}")
def decide(
    reviews: TheReviews, visitor: ActingOperator, glass_id: RowId, avis: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """`vu` or `a-contester`; once."""
    reviews.decide(visitor, glass_id, avis)
    return RedirectResponse(f"/admin/urgence/{glass_id}", 303)


def _form(
    request: Request,
    front: Front,
    emergencies: TheEmergencies,
    visitor: Visitor,
    problem: str = "",
    status: int = 200,
    reason: str = "",
    born: str = "",
) -> Response:
    shown: dict[str, Any] = {"problem": problem, "reason": reason, "born": born, "total": MINUTES}
    shown |= {"lasting": emergencies.lasting(visitor), "least": REASON_LEAST, "most": REASON_MOST}
    return front.pages.show(request, "emergency.html", visitor=visitor, status=status, **shown)
