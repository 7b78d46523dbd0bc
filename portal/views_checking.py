"""Documents that nothing was done with, because something does not fit: at the pharmacy, at the clinician's."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.doors import ActingPharmacist, ActingPhysician, Pharmacist, Physician, RowId, TheFront
from portal.language import N_
from portal.work import TheChecking


def _router(prefix: str, seeing: Any, acting: Any, back: str) -> APIRouter:
    """The two routes for one role; `back` is what its first page is called."""
    router, path = APIRouter(prefix=prefix), f"{prefix}/a-verifier"

    @router.get("/a-verifier")
    def doubts(request: Request, front: TheFront, checking: TheChecking, visitor: seeing) -> Response:
        """All of them, with the reason for each."""
        waiting = checking.doubts(visitor)
        shown: dict[str, Any] = {
            "doubts": waiting,
            "decisions": checking.decisions(visitor),
            "base": prefix,
            "back_label": back,
        }
        return front.pages.show(request, "checking.html", visitor=visitor, **shown)

    @router.post("/a-verifier/{document_id}")
    def decide(
        checking: TheChecking,
        visitor: acting,
        document_id: RowId,
        classer: Annotated[str, Form(max_length=3)] = "",
    ) -> Response:
        """`classer=oui` files it, anything else puts it aside."""
        checking.decide(visitor, document_id, classer == "oui")
        return RedirectResponse(path, 303)

    @router.post("/a-verifier/{document_id}/annuler")
    def undo(checking: TheChecking, visitor: acting, document_id: RowId) -> Response:
        """Takes a decision back."""
        checking.undo(visitor, document_id)
        return RedirectResponse(path, 303)

    return router


pharmacy = _router("/officine", Pharmacist, ActingPharmacist, N_("Toutes les commandes"))
clinic = _router("/pro", Physician, ActingPhysician, N_("Mes messages"))
