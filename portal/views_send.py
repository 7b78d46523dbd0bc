"""`/p/envoyer`: a prescription to one of the patient's pharmacies, in three steps; signed in the browser, or by the
seal of their mailbox where there are no scripts."""

import base64
import binascii
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from core.errors import BadInput
from portal.doors import ActingPatient, Front, Patient, RowId, TheFront
from portal.drafts import Parcel
from portal.files import file_response
from portal.moments import moments
from portal.sending import FILES, NOTE_CHARACTERS
from portal.work import TheMailroom

router = APIRouter(prefix="/p")

SENT = "/p?fait=envoyee"
WISHED_CHARACTERS = 80
Id = Annotated[int, Form(ge=0, lt=2**63)]
Note = Annotated[str, Form(max_length=NOTE_CHARACTERS)]
Wished = Annotated[str, Form(max_length=WISHED_CHARACTERS)]
Files = Annotated[list[UploadFile], File(max_length=FILES + 1)]
Encoded = Annotated[str, Form(max_length=16_000)]


@router.get("/envoyer")
def choose(request: Request, front: TheFront, room: TheMailroom, visitor: Patient) -> Response:
    """Step one: to whom."""
    return front.pages.show(request, "send1.html", visitor=visitor, choices=room.sending.pharmacies(visitor))


@router.get("/envoyer/documents")
def gather(
    request: Request,
    front: TheFront,
    room: TheMailroom,
    visitor: Patient,
    pharmacie: Annotated[int, Query(ge=0, lt=2**63)] = 0,
) -> Response:
    """Step two: what."""
    return _gather(request, front, room, visitor, pharmacie)


@router.post("/envoyer/documents")
def take(
    request: Request,
    front: TheFront,
    room: TheMailroom,
    visitor: ActingPatient,
    pharmacie: Id = 0,
    photo: Files = [],  # noqa: B006  FastAPI's way of saying "may be missing"
    fichiers: Files = [],  # noqa: B006
    dossier: Annotated[list[int], Form(max_length=FILES)] = [],  # noqa: B006
) -> Response:
    """The files are opened and looked at; what cannot be read is said at once, with what to do."""
    files = [data for each in (*photo, *fichiers) if (data := each.file.read())]
    try:
        draft_id = room.sending.take(visitor, pharmacie, files, dossier)
    except BadInput as error:
        return _gather(request, front, room, visitor, pharmacie, error.public)
    return RedirectResponse(f"/p/envoyer/relire/{draft_id}", 303)


@router.get("/envoyer/relire/{draft_id}")
def review(request: Request, front: TheFront, room: TheMailroom, visitor: Patient, draft_id: RowId) -> Response:
    """Step three: look, sign, send."""
    return _review(request, front, room, visitor, room.drafts.get(visitor, draft_id))


@router.post("/envoyer/relire/{draft_id}")
def send(room: TheMailroom, visitor: ActingPatient, draft_id: RowId, note: Note = "", souhait: Wished = "") -> Response:
    """Without scripts: the mailbox's seal signs."""
    parcel = _with(room.drafts.get(visitor, draft_id), note, souhait)
    room.sending.send(visitor, parcel)
    return RedirectResponse(SENT, 303)


@router.post("/envoyer/composer/{draft_id}")
def compose(
    room: TheMailroom, visitor: ActingPatient, draft_id: RowId, note: Note = "", souhait: Wished = ""
) -> Response:
    """The octets that the browser signs."""
    parcel = _with(room.drafts.get(visitor, draft_id), note, souhait)
    return Response(room.sending.compose(visitor, parcel), media_type="application/octet-stream")


@router.post("/envoyer/signer/{draft_id}")
def signed(room: TheMailroom, visitor: ActingPatient, draft_id: RowId, signature: Encoded = "") -> Response:
    """The browser's signature, DER in base64. Out: where to go."""
    room.sending.send_signed(visitor, room.drafts.get(visitor, draft_id), _octets(signature))
    return JSONResponse({"next": SENT})


@router.post("/cle")
def key(room: TheMailroom, visitor: ActingPatient, cle: Encoded = "", preuve: Encoded = "") -> Response:
    """Certifies the key that this browser made; everything in base64."""
    made = room.signing.certify(visitor, _octets(cle), _octets(preuve))
    certificates = [base64.b64encode(each).decode() for each in (made.certificate, *made.chain)]
    return JSONResponse({"certificates": certificates})


@router.get("/envoyer/fichier/{draft_id}/{file_id}")
def file(room: TheMailroom, visitor: Patient, draft_id: RowId, file_id: RowId) -> Response:
    """What was chosen, to be looked at before it goes."""
    parcel = room.drafts.get(visitor, draft_id)
    media = next((each.media for each in parcel.files if each.id == file_id), "")
    return file_response(room.drafts.file(visitor, draft_id, file_id), media, "ordonnance")


def _gather(request: Request, front: Front, room: Any, visitor: Any, pharmacy_id: int, problem: str = "") -> Response:
    shown = {"choice": room.sending.pharmacy(visitor, pharmacy_id), "record": room.sending.record(visitor)}
    status = 400 if problem else 200
    return front.pages.show(request, "send2.html", visitor=visitor, status=status, problem=problem, **shown)


def _review(request: Request, front: Front, room: Any, visitor: Any, parcel: Parcel) -> Response:
    services = front.services
    shown: dict[str, Any] = {"parcel": parcel, "choice": room.sending.pharmacy(visitor, parcel.pharmacy_id)}
    shown |= {"in_browser": room.signing.in_browsers, "moments": moments(services.clock.now(), services.zone)}
    return front.pages.show(request, "send3.html", visitor=visitor, **shown)


def _with(parcel: Parcel, note: str, wished: str) -> Parcel:
    """What was written, free of controls: the wish becomes a header field."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in wished).split())
    return replace(parcel, note=note.replace("\r\n", "\n").strip(), wished=plain)


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("La signature est illisible. Recommencez.", "not base64") from None
