"""`/officine`: what happens at the counter: codes scanned, answers written, sheets and labels printed."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import Refused
from portal import pickup
from portal.answers import answer_patient
from portal.barcode import ean13, is_ean13
from portal.cards import Card
from portal.desk import LOOKS, Desk
from portal.doors import ActingPharmacist, Front, Pharmacist, RowId, Secret, TheFront
from portal.receipts import Choice, ReceiptDesk
from portal.reference import Said, said_of
from portal.services import Services
from portal.session import Visitor
from portal.work import TheDesk, TheThreads
from record.lines import Line, posology_text
from record.order_facts import Changing, Order

router = APIRouter(prefix="/officine")

PACKS = 3  # shown of one medicine: the ones that are on shelves
Text = Annotated[str, Form(max_length=1000)]


@dataclass(frozen=True, slots=True, repr=False)
class Printed:
    """One line of the sheet with what the reference says of it, and the barcodes of its packs."""

    line: Line
    said: Said
    packs: tuple[tuple[str, str, str], ...]  # CIP13, label, SVG


@router.post("/retrait")
def collect(
    request: Request,
    front: TheFront,
    desk: TheDesk,
    visitor: ActingPharmacist,
    code: Annotated[str, Form(max_length=60)],
) -> Response:
    """Which order this code collects; nothing is handed over before the next press."""
    found = _collectable(front, desk, visitor, code)
    shown: dict[str, Any] = {"cards": found, "code": code.strip(), "number": pickup.number_in(code)}
    return front.pages.show(request, "pickup.html", visitor=visitor, status=200 if found else 404, **shown)


@router.post("/commande/{number}/repondre")
def reply(
    front: TheFront,
    desk: TheDesk,
    threads: TheThreads,
    visitor: ActingPharmacist,
    number: str,
    texte: Text = "",
    chiffrer: Secret = False,
) -> Response:
    """A signed mail to the patient, in the order's thread."""
    order = desk.order(visitor, number)
    answer_patient(front.services, threads, visitor, order, texte, encrypt=chiffrer)
    return RedirectResponse(f"/officine/commande/{order.number}#messages", 303)


@router.post("/commande/{number}/accuse/{message_id}")
def receipt(
    front: TheFront, desk: TheDesk, visitor: ActingPharmacist, number: str, message_id: RowId, choix: Choice = ""
) -> Response:
    """Whether the patient may know that their mail was read."""
    order = desk.order(visitor, number)
    ReceiptDesk(front.services).answer(visitor, message_id, choix)
    return RedirectResponse(f"/officine/commande/{order.number}#accuse{message_id}", 303)


@router.get("/commande/{number}/fiche")
def sheet(request: Request, front: TheFront, desk: TheDesk, visitor: Pharmacist, number: str) -> Response:
    """The preparation sheet, A4: confirmed lines with barcodes for the pharmacy's own software."""
    found = desk.sheet(visitor, number)
    facts = said_of(front.services.medicines, found.card.lines)
    printed = tuple(_printed(front, *each) for each in zip(found.card.lines, facts, strict=True))
    shown: dict[str, Any] = {
        "card": found.card,
        "printed": printed,
        "alerts": found.alerts,
        "name": desk.name_of(visitor.mailbox_id),
    }
    return front.pages.show(request, "sheet.html", visitor=visitor, posology=posology_text, **shown)


@router.get("/commande/{number}/etiquette")
def label(request: Request, front: TheFront, desk: TheDesk, visitor: Pharmacist, number: str) -> Response:
    """The bag's label, 62 mm wide: what finds the bag again, no medicine."""
    found = desk.sheet(visitor, number)
    order = found.card.order
    code = pickup.picture(order.number, f"Commande {order.number}")
    return front.pages.show(request, "label.html", visitor=visitor, card=found.card, code=code)


def _collectable(front: Front, desk: Desk, visitor: Visitor, code: str) -> tuple[Card, ...]:
    """Raises Refused for what never holds still."""
    for _ in range(LOOKS):
        with suppress(Changing):
            found = front.services.db.read(_fitting, front.services, visitor.mailbox_id, code)
            return desk.cards_of(visitor, found)
    raise Refused("la commande a changé entre-temps", "orders change too fast to be shown")


def _fitting(session: Session, services: Services, mailbox_id: int, code: str) -> tuple[Order, ...]:
    """Those whose code it is. Their details are opened together: a busy evening has hundreds of bags waiting."""
    number = pickup.number_in(code)
    if not number and not pickup.is_digits(code):
        return ()
    waiting = [order for order in services.orders.of_pharmacy(session, mailbox_id) if order.state in pickup.COLLECTABLE]
    near = [order for order in waiting if not number or order.number == number]
    details, keyring = services.orders.details(session, near), services.keyring
    known = [order for order in near if order.id in details]
    return tuple(order for order in known if pickup.fits(keyring, order, details[order.id].delegate, code))


def _printed(front: Front, line: Line, said: Said) -> Printed:
    """Barcodes of confirmed lines only: nothing unconfirmed is scanned into another software."""
    shelf = front.services.medicines
    packs = shelf.packs(line.cis)[:PACKS] if shelf and line.cis and line.confirmed else ()
    return Printed(line, said, tuple((code, text, ean13(code)) for code, text in packs if is_ean13(code)))
