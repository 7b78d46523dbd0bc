"""`/pro/patient/…`: a patient's page for a clinician, writing about them, a room about them; `/pro/envoyes`."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.ids import token
from portal.correspondence import ANSWER_CHARACTERS, SUBJECT_CHARACTERS
from portal.doors import ActingPhysician, Physician, RowId, TheFront
from portal.language import N_
from portal.patient_mail import COLLEAGUES, PDF_ALONE, PatientMail, Sheet, Wanted
from portal.patient_page import PatientDesk
from portal.sent import SentBook

router = APIRouter(prefix="/pro")

Key = Annotated[str, Form(min_length=1, max_length=64)]
Form_ = Annotated[str, Form(max_length=10)]
Line = Annotated[str, Form(max_length=SUBJECT_CHARACTERS * 2)]
DONE = {"envoye": N_("Votre message est parti, signé.")}
KINDS = {
    "11488-4": N_("Compte rendu de consultation"),
    "60591-5": N_("Synthèse médicale"),
    "11490-0": N_("Lettre de liaison à la sortie"),
}


@router.get("/patient/{patient_id}")
def patient(
    request: Request,
    front: TheFront,
    visitor: Physician,
    patient_id: RowId,
    fait: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What is new since the last visit first, then all that they may see."""
    found = PatientDesk(front.services).page(visitor, patient_id)
    shown: dict[str, Any] = {"found": found, "key": token(), "chat": front.services.cases is not None}
    return front.pages.show(request, "bedside.html", visitor=visitor, done=DONE.get(fait, ""), **shown)


@router.post("/patient/{patient_id}/salon")
def case(front: TheFront, visitor: ActingPhysician, patient_id: RowId, cle: Key) -> Response:
    """A chat room about this patient, between professionals."""
    PatientDesk(front.services).open_case(visitor, patient_id, cle)
    return RedirectResponse("/pro?fait=salon", 303)


@router.get("/patient/{patient_id}/ecrire")
def sheet(request: Request, front: TheFront, visitor: Physician, patient_id: RowId) -> Response:
    """An empty sheet about this patient."""
    found = PatientDesk(front.services).page(visitor, patient_id)
    shown: dict[str, Any] = {"found": found, "key": token(), "kinds": KINDS, "rows": range(1, COLLEAGUES + 1)}
    return front.pages.show(request, "write_about.html", visitor=visitor, **shown)


@router.post("/patient/{patient_id}/ecrire")
def send(
    front: TheFront,
    visitor: ActingPhysician,
    patient_id: RowId,
    cle: Key,
    type_: Annotated[str, Form(alias="type", max_length=20)] = "",
    titre: Line = "",
    texte: Annotated[str, Form(max_length=ANSWER_CHARACTERS * 2)] = "",
    au_patient: Annotated[bool, Form()] = False,
    forme: Form_ = PDF_ALONE,
    a: Annotated[tuple[str, ...], Form(max_length=COLLEAGUES)] = (),
    forme_a: Annotated[tuple[str, ...], Form(max_length=COLLEAGUES)] = (),
    document: Annotated[tuple[int, ...], Form(max_length=50)] = (),
    sans_reponse: Annotated[bool, Form()] = False,
    accuse: Annotated[bool, Form()] = False,
) -> Response:
    """Signed, to each in the form that was chosen for them."""
    forms = (*forme_a, *[PDF_ALONE] * len(a))
    to = [Wanted("", forme)] if au_patient else []
    to += [Wanted(address, form) for address, form in zip(a, forms, strict=False) if address.strip()]
    filled = Sheet(tuple(to), type_, titre, texte, document, no_answer=sans_reponse, receipt=accuse)
    PatientMail(front.services, PatientDesk(front.services)).send(visitor, patient_id, filled, cle)
    return RedirectResponse(f"/pro/patient/{patient_id}?fait=envoye", 303)


@router.get("/envoyes")
def sent(request: Request, front: TheFront, visitor: Physician) -> Response:
    """What left this mailbox, and where it stands."""
    return front.pages.show(request, "sent.html", visitor=visitor, letters=SentBook(front.services).latest(visitor))


@router.get("/envoyes/{message_id}")
def timeline(request: Request, front: TheFront, visitor: Physician, message_id: RowId) -> Response:
    """All that became of one message."""
    letter = SentBook(front.services).letter(visitor, message_id)
    return front.pages.show(request, "timeline.html", visitor=visitor, letter=letter)
