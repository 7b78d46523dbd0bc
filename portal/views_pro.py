"""`/pro`: a clinician between two visits. What is new by patient, the letter, its documents, the answer."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.ids import token
from portal.certainty import Certainty
from portal.correspondence import ANSWER_CHARACTERS, SUBJECT_CHARACTERS
from portal.desk import reader
from portal.doors import ActingPhysician, Physician, RowId, Secret, TheFront
from portal.files import file_response
from portal.language import N_
from portal.patient_page import PatientDesk
from portal.receipts import Choice, ReceiptDesk
from portal.showing import document_response
from portal.work import TheChecking, TheCorrespondence, TheInbox

router = APIRouter(prefix="/pro")

Words = Annotated[str, Form(max_length=ANSWER_CHARACTERS * 2)]
Line = Annotated[str, Form(max_length=SUBJECT_CHARACTERS * 2)]
Key = Annotated[str, Form(max_length=64)]
DONE = {
    "envoye": N_("Votre message est parti, signé."),
    "salon": N_("Le salon du dossier est ouvert : l'invitation vous attend dans votre messagerie instantanée."),
}


@router.get("")
def inbox(
    request: Request,
    front: TheFront,
    inbox: TheInbox,
    checking: TheChecking,
    visitor: Physician,
    fait: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What is new first, one bundle a patient."""
    shown: dict[str, Any] = {
        "bundles": inbox.bundles(visitor),
        "doubts": checking.count(visitor),
        "news": PatientDesk(front.services).news(visitor),
        "done": DONE.get(fait, ""),
    }
    return front.pages.show(request, "pro.html", visitor=visitor, **shown)


@router.get("/message/{message_id}")
def letter(
    request: Request, front: TheFront, letters: TheCorrespondence, visitor: Physician, message_id: RowId
) -> Response:
    """One letter; seeing it marks it as read."""
    opened = letters.letter(visitor, message_id)
    shown: dict[str, Any] = {"letter": opened, "key": token(), "chat": front.services.cases is not None}
    return front.pages.show(request, "letter.html", visitor=visitor, **shown)


@router.get("/message/{message_id}/fichier/{number}")
def enclosure(letters: TheCorrespondence, visitor: Physician, message_id: RowId, number: RowId) -> Response:
    """A file of an encrypted letter: it was never filed, and is opened for this view only."""
    found = letters.enclosure(visitor, message_id, number)
    return file_response(found.data, found.declared, f"fichier-{number}")


@router.post("/message/{message_id}/repondre")
def answer(
    letters: TheCorrespondence,
    visitor: ActingPhysician,
    message_id: RowId,
    cle: Key,
    texte: Words = "",
    chiffrer: Secret = False,
) -> Response:
    """In the thread, signed; sent twice by mistake it leaves once."""
    letters.answer(visitor, message_id, texte, cle, encrypt=chiffrer)
    return RedirectResponse("/pro?fait=envoye", 303)


@router.post("/message/{message_id}/accuse")
def receipt(front: TheFront, visitor: ActingPhysician, message_id: RowId, choix: Choice = "") -> Response:
    """Whether the author may know that it was read."""
    ReceiptDesk(front.services).answer(visitor, message_id, choix)
    return RedirectResponse(f"/pro/message/{message_id}#accuse", 303)


@router.post("/message/{message_id}/salon")
def case(letters: TheCorrespondence, visitor: ActingPhysician, message_id: RowId, cle: Key) -> Response:
    """A chat room about the patient of this letter, between professionals."""
    letters.open_case(visitor, message_id, cle)
    return RedirectResponse("/pro?fait=salon", 303)


@router.get("/ecrire")
def blank(
    request: Request, front: TheFront, visitor: Physician, a: Annotated[str, Query(max_length=254)] = ""
) -> Response:
    """An empty sheet, to the address that the annuaire gave, with what makes one certain of it."""
    cue = Certainty(front.services).of(visitor, a) if a else None
    return front.pages.show(request, "write.html", visitor=visitor, to=a, cue=cue, key=token())


@router.post("/ecrire")
def write(
    letters: TheCorrespondence,
    visitor: ActingPhysician,
    cle: Key,
    a: Line = "",
    objet: Line = "",
    texte: Words = "",
    chiffrer: Secret = False,
) -> Response:
    """To a colleague or a patient."""
    letters.write(visitor, a, objet, texte, cle, encrypt=chiffrer)
    return RedirectResponse("/pro?fait=envoye", 303)


@router.get("/document/{document_id}")
def document(front: TheFront, visitor: Physician, document_id: RowId) -> Response:
    """The document as browsers show it, by the record's own door."""
    read = front.services.records.read(reader(visitor), document_id)
    return document_response(read, front.services.clock.now())
