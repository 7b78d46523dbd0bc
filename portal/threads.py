"""The mails of an order as both sides read them: text, or HTML washed and shut in; the trail is written first."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from core.errors import NotFound
from directory.mailboxes import get_mailbox
from directory.patients import get_patient
from mail.deciphering import decipher, says_encrypted
from mail.encryption import certificate_of
from mail.store import Opened
from portal import words
from portal.mail_words import shown
from portal.reads import Reads
from portal.receipts import Asking, ReceiptDesk
from portal.services import Services
from portal.session import Visitor
from record import order_thread
from record.order_facts import Order
from record.order_thread import OrderLetter


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """One mail. `inward`: the patient wrote it; `html` is washed already and only for a sandboxed frame; `gone`: it
    cannot be opened any more; `encrypted`: it came so, and is filed nowhere; without text it is closed here; `asking`:
    its reader is asked for a receipt."""

    message_id: int
    rfc_id: str
    inward: bool
    at: int
    text: str
    html: str
    badge: words.Badge
    gone: bool
    encrypted: bool = False
    asking: Asking | None = None


class Threads:
    """Opens the mails of one order for somebody who may see the order."""

    def __init__(self, services: Services, reads: Reads) -> None:
        self._services = services
        self._reads = reads

    def of(self, visitor: Visitor, order: Order) -> tuple[Said, ...]:
        """Oldest first."""
        return self.of_many(visitor, (order,))[order.id]

    def of_many(self, visitor: Visitor, orders: Sequence[Order]) -> dict[int, tuple[Said, ...]]:
        """The same for several orders, read together; by order."""
        threads, holders = self._services.db.read(_threads, visitor, orders)
        for order in orders:
            self._reads.letters(visitor, order, threads[order.id])
        missing = {each.message_id for letters in threads.values() for each in letters}
        opened: dict[int, Opened] = {}
        for holder_id in holders if missing else ():
            opened |= self._services.store.open_many(missing - opened.keys(), holder_id, with_body=True)
            if missing <= opened.keys():
                break
        inward = visitor.role != "patient"  # those that the other side wrote
        received = {each.message_id for letters in threads.values() for each in letters if each.inward is inward}
        asking = ReceiptDesk(self._services).of(visitor, {one: opened[one] for one in received & opened.keys()})
        return {
            order_id: tuple(
                replace(self._said(visitor, each, opened.get(each.message_id)), asking=asking.get(each.message_id))
                for each in letters
            )
            for order_id, letters in threads.items()
        }

    def may_encrypt(self, visitor: Visitor, order: Order) -> bool:
        """Whether a mail to the other side can be encrypted."""
        return self._services.db.read(self._knows_other_side, visitor, order)

    def seen(self, order: Order) -> int:
        """A pharmacist has the thread before their eyes; how many mails were new."""
        if not self._services.db.read(order_thread.unseen, (order.id,)):
            return 0
        return self._services.db.run(order_thread.mark_seen, order, self._services.clock.now())

    def add(self, order: Order, message_id: int, *, inward: bool) -> None:
        """A mail just sent from a page joins its thread at once."""
        holder_id = self._services.db.read(_pharmacy_holder, order)
        if inward:
            opened = self._services.store.open_message(message_id, holder_id)
        else:
            opened = self._services.store.open_message(message_id, self._services.db.read(_patient_holder, order))
        now: datetime = self._services.clock.now()
        rfc_id = opened.meta.message_id
        self._services.db.run(self._add, order, message_id, rfc_id, inward, now)

    def _said(self, visitor: Visitor, letter: OrderLetter, opened: Opened | None) -> Said:
        if opened is None or not says_encrypted(opened.meta.tree):
            return _said(letter, opened)
        services, meta = self._services, opened.meta
        args = (services.db, services.keyring, services.judge, visitor.mailbox_id, opened.raw, meta.sender)
        found = decipher(*args, services.clock.now())
        if found is None or found.letter.description is None:
            badge = words.badge(meta.verdict, meta.reason)
            return Said(letter.message_id, meta.message_id, letter.inward, letter.at, "", "", badge, False, True)
        text, html = shown(found.letter.raw, found.letter.description.tree)
        badge = words.badge(found.verdict.signature.value, found.verdict.reason.value)
        return Said(letter.message_id, meta.message_id, letter.inward, letter.at, text, html, badge, False, True)

    def _knows_other_side(self, session: Session, visitor: Visitor, order: Order) -> bool:
        keyring, other = self._services.keyring, order.pharmacy_mailbox_id
        if visitor.mailbox_id == other:
            other = get_patient(session, order.patient_id).mailbox_id or 0
        return bool(other) and certificate_of(session, keyring, other) is not None

    def _add(self, session: Session, order: Order, message_id: int, rfc_id: str, inward: bool, now: datetime) -> None:
        """Unit of work."""
        keyring = self._services.keyring
        if order_thread.add_letter(session, keyring, order, message_id, rfc_id, inward, now) and inward:
            self._services.orders.written(session, order, now)


def _threads(
    session: Session, visitor: Visitor, orders: Sequence[Order]
) -> tuple[dict[int, tuple[OrderLetter, ...]], tuple[int, ...]]:
    """The mails of each, and the holders by whose keys they open: the reader's own first."""
    found = order_thread.threads_of(session, [order.id for order in orders])
    holders = dict.fromkeys((visitor.holder_id, *(each for order in orders for each in _holders(session, order))))
    return found, tuple(holders)


def _holders(session: Session, order: Order) -> tuple[int, ...]:
    found = [_pharmacy_holder(session, order)]
    with suppress(NotFound):
        found.append(_patient_holder(session, order))
    return tuple(found)


def _pharmacy_holder(session: Session, order: Order) -> int:
    return get_mailbox(session, order.pharmacy_mailbox_id).holder_id


def _patient_holder(session: Session, order: Order) -> int:
    mailbox_id = get_patient(session, order.patient_id).mailbox_id
    if mailbox_id is None:
        raise NotFound("boîte aux lettres introuvable", "patient without a mailbox here")
    return get_mailbox(session, mailbox_id).holder_id


def _said(letter: OrderLetter, opened: Opened | None) -> Said:
    if opened is None:
        return Said(letter.message_id, "", letter.inward, letter.at, "", "", words.GONE, True)
    text, html = shown(opened.raw, opened.meta.tree)
    badge = words.badge(opened.meta.verdict, opened.meta.reason)
    return Said(letter.message_id, opened.meta.message_id, letter.inward, letter.at, text, html, badge, False)
