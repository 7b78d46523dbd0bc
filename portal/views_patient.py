"""`/p`: the patient's orders, each with one big line that says where it stands, its mails, and the code to collect."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import BadInput
from mail.compose import Attachment
from portal.desk import actor
from portal.doors import ActingPatient, Patient, RowId, Secret, TheFront
from portal.receipts import AGREE, Choice, ReceiptDesk
from portal.views_record import TheRecord
from portal.work import TheMailroom, TheMine, TheReviews, TheThreads
from record.order_facts import Order, Wish
from record.orders import State

router = APIRouter(prefix="/p")

DONE = {
    "annulee": "Votre commande est annulée.",
    "envoyee": "Votre ordonnance est envoyée. Vous verrez ici quand elle sera prête.",
    "repondue": "Votre message est envoyé.",
    "mandataire": "C'est enregistré : un nouveau code de retrait remplace l'ancien.",
}
Version = Annotated[int, Form(ge=0, le=2**31)]


@router.get("")
def orders(
    request: Request,
    front: TheFront,
    mine: TheMine,
    record: TheRecord,
    reviews: TheReviews,
    visitor: Patient,
    fait: str = "",
    fil: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Under way first, then those that are over. `fil`: the order whose mails are to be open."""
    parcels = mine.orders(visitor, fil)
    running = tuple(parcel for parcel in parcels if not parcel.is_over)
    over = tuple(parcel for parcel in parcels if parcel.is_over)
    alarms = [each for owner in record.everyone(visitor) for each in reviews.of_patient(visitor, owner, fresh=True)]
    shown: dict[str, Any] = {"alarms": alarms, "running": running, "over": over, "done": DONE.get(fait, "")}
    shown["asked"] = fil
    return front.pages.show(request, "patient.html", visitor=visitor, **shown)


@router.post("/commande/{number}/annuler")
def cancel(front: TheFront, mine: TheMine, visitor: ActingPatient, number: str, version: Version) -> Response:
    """The one move that is the patient's."""
    known, services = mine.order(visitor, number), front.services
    now = services.clock.now()
    services.db.run(services.orders.move, known.id, State.CANCELLED, actor(visitor), now, version=version, wish=Wish())
    return RedirectResponse("/p?fait=annulee", 303)


@router.post("/commande/{number}/mandataire")
def delegate(
    front: TheFront,
    mine: TheMine,
    visitor: ActingPatient,
    number: str,
    version: Version,
    nom: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Who may collect in the patient's place; the earlier code is void from now on."""
    known, services = mine.order(visitor, number), front.services
    now = services.clock.now()
    services.db.run(services.orders.name_delegate, known.id, nom.strip(), actor(visitor), now, version=version)
    return RedirectResponse("/p?fait=mandataire", 303)


@router.post("/repondre/{number}")
def answer(
    front: TheFront,
    mine: TheMine,
    room: TheMailroom,
    threads: TheThreads,
    visitor: ActingPatient,
    number: str,
    texte: Annotated[str, Form(max_length=1000)] = "",
    photo: Annotated[list[UploadFile], File(max_length=3)] = [],  # noqa: B006  may be missing
    chiffrer: Secret = False,
) -> Response:
    """A mail to the pharmacy in the order's thread; a new photo completes the order."""
    order = mine.order(visitor, number)
    files = [data for each in photo if (data := each.file.read())]
    opened = room.sending.opened(files)
    if not texte.strip() and not opened:
        raise BadInput("Écrivez un message ou ajoutez une photo.", "empty answer")
    if chiffrer and opened:
        raise BadInput(
            "Une photo chiffrée ne serait pas classée : décochez « Chiffrer » pour l'envoyer.", "secret photo"
        )
    room.signing.ensure_seal(visitor.mailbox_id)
    attachments = tuple(Attachment(file.media, file.name, data) for file, data in zip(opened, files, strict=True))
    message_id = _send(front, room, threads, visitor, order, texte, attachments, encrypt=chiffrer)
    threads.add(order, message_id, inward=True)
    return RedirectResponse("/p?fait=repondue", 303)


@router.post("/accuse/{number}/{message_id}")
def receipt(
    front: TheFront,
    mine: TheMine,
    room: TheMailroom,
    visitor: ActingPatient,
    number: str,
    message_id: RowId,
    choix: Choice = "",
) -> Response:
    """Whether the pharmacy may know that its mail was read; signed, as all that a patient sends."""
    order = mine.order(visitor, number)
    if choix == AGREE:
        room.signing.ensure_seal(visitor.mailbox_id)
    ReceiptDesk(front.services).answer(visitor, message_id, choix)
    return RedirectResponse(f"/p?fil={order.number}#accuse{message_id}", 303)


def _send(
    front: TheFront,
    room: TheMailroom,
    threads: TheThreads,
    visitor: ActingPatient,
    order: Order,
    text: str,
    attachments: tuple[Attachment, ...],
    *,
    encrypt: bool,
) -> int:
    said = threads.of(visitor, order)
    answered = next((each.rfc_id for each in reversed(said) if each.rfc_id and not each.inward), "")
    answered = answered or next((each.rfc_id for each in said if each.rfc_id), "")
    to = room.sending.address_of(order.pharmacy_mailbox_id)
    body = text.replace("\r\n", "\n").strip() or "Voici une nouvelle photo."
    key = f"reply:{order.id}:{len(said)}:{hash_of(body, attachments)}"
    subject = f"Commande n° {order.number}"
    return front.services.post.submit(
        visitor.mailbox_id, (to,), subject, f"{body}\n", answered, key, attachments=attachments, encrypt=encrypt
    )


def hash_of(text: str, attachments: tuple[Attachment, ...]) -> str:
    """What makes a second press of the same button the same mail."""
    whole = hashlib.sha256(text.encode())
    for each in attachments:
        whole.update(hashlib.sha256(each.content).digest())
    return whole.hexdigest()[:16]
