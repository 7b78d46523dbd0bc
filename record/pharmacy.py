"""Order ↔ mail: `order.draft` makes an order from a message, `order.notify` tells the patient of a move."""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.address import Address
from core.clock import Clock
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from directory.mailboxes import address_of, find_mailbox
from directory.patients import get_patient
from directory.resolve import find_entry, is_pharmacy
from record.drafter import Drafted, Drafter
from record.filing import FilingRules
from record.letters import Letter, Letters
from record.order_answers import wished_time
from record.order_book import OrderBook
from record.order_detail import READING, Detail
from record.order_facts import Order, Step
from record.order_mail import News, subject, tells, text
from record.order_reading import promise_reading
from record.order_thread import add_letter, answered_order, mark_seen
from record.post import Submitter
from record.reading.read import Reader

log = structlog.get_logger()


class DraftOrder:
    """The handler of `order.draft`; its ref is a message id. Fast: pictures are read by `order.read`, after it."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        clock: Clock,
        letters: Letters,
        book: OrderBook,
        rules: FilingRules,
        reader: Reader | None = None,
    ) -> None:
        self._db, self._keyring, self._clock, self._book = db, keyring, clock, book
        self._drafter = Drafter(db, keyring, letters, rules, reader or Reader())

    def __call__(self, message_id: int) -> None:
        """Harmless twice. Raises Temporary to be tried again."""
        try:
            self.draft(message_id)
        except NotFound:
            log.info("order.message_gone", message_id=message_id)

    def draft(self, message_id: int) -> tuple[Order, ...]:
        """One order at each pharmacy of ours among the recipients. Raises NotFound when the message is gone."""
        drafted = self._drafter.draft(message_id, pictures=False)
        if drafted is None:
            return ()
        try:
            return self._db.run(self._draft, drafted)
        except IntegrityError:  # another worker was faster
            return self._db.run(self._draft, drafted)

    def _draft(self, session: Session, drafted: Drafted) -> tuple[Order, ...]:
        """Unit of work."""
        letter, now, found = drafted.letter, self._clock.now(), []
        for address in letter.recipients:
            mailbox = find_mailbox(session, self._keyring, address)
            if mailbox and is_pharmacy(session, self._keyring, mailbox):
                found.append(self._at(session, drafted, mailbox.id, now))
        made = tuple(order for order in found if order)
        if made and READING in drafted.detail.alerts:
            promise_reading(session, letter.message_id, now)
        return made

    def _at(self, session: Session, drafted: Drafted, mailbox_id: int, now: datetime) -> Order | None:
        """At one pharmacy: what answers an open order, or comes later from its message, completes it."""
        letter, detail = drafted.letter, drafted.detail
        known = self._book.of_message(session, letter.message_id, mailbox_id)
        answered = answered_order(session, self._keyring, (letter.in_reply_to,), mailbox_id)
        if known is None and answered is not None:
            known = self._book.get(session, answered)
            known = known if known.patient_id == drafted.patient_id else None
        if known and self._book.complete(session, known.id, detail, now):
            self._follow(session, known, letter, now)
            return known
        wished = replace(detail, wished=wished_time(letter.raw))
        made = self._book.draft(session, letter.message_id, mailbox_id, drafted.patient_id, wished, now)
        if made:
            self._follow(session, made, letter, now)
            mark_seen(session, made, now)  # the card itself says that it is new
        return made

    def _follow(self, session: Session, order: Order, letter: Letter, now: datetime) -> None:
        add_letter(session, self._keyring, order, letter.message_id, letter.rfc_message_id, True, now)


@dataclass(frozen=True, slots=True, repr=False)
class _Known:
    """What the database knows for one letter to the patient."""

    order: Order
    step: Step
    detail: Detail
    patient_address: Address | None
    pharmacy: str


class NotifyOrder:
    """The handler of `order.notify`; its ref is a step of an order."""

    def __init__(
        self, db: Db, keyring: Keyring, clock: Clock, letters: Letters, book: OrderBook, submitter: Submitter
    ) -> None:
        self._db, self._keyring, self._clock, self._letters = db, keyring, clock, letters
        self._book, self._submitter = book, submitter

    def __call__(self, step_id: int) -> None:
        """Sends once, however often it runs. Raises Temporary to be tried again."""
        try:
            known = self._db.read(self._known, step_id)
        except NotFound:
            log.info("order.nobody_to_tell", step_id=step_id)
            return
        to, answered = self._written_by(known)
        if to is None or not tells(known.step.to_state):
            log.info("order.nobody_to_tell", step_id=step_id)
            return
        news = _news(known)
        mailbox = known.order.pharmacy_mailbox_id
        sent = self._submitter.submit(mailbox, (to,), subject(news), text(news), answered, f"order-step:{step_id}")
        self._db.run(self._told, known.order, step_id, sent, self._rfc_id(sent))

    def _told(self, session: Session, order: Order, step_id: int, message_id: int, rfc_id: str) -> None:
        """Unit of work."""
        self._book.told(session, step_id, message_id)
        if rfc_id:
            add_letter(session, self._keyring, order, message_id, rfc_id, False, self._clock.now())

    def _rfc_id(self, message_id: int) -> str:
        """Empty when nobody here holds what was sent."""
        try:
            return self._letters.open(message_id).rfc_message_id
        except NotFound:
            return ""

    def _known(self, session: Session, step_id: int) -> _Known:
        order, step = self._book.step(session, step_id)
        mailbox_id = get_patient(session, order.patient_id).mailbox_id
        address = address_of(session, self._keyring, mailbox_id) if mailbox_id else None
        entry = find_entry(session, address_of(session, self._keyring, order.pharmacy_mailbox_id))
        return _Known(order, step, self._book.detail(session, order), address, entry.structure_name if entry else "")

    def _written_by(self, known: _Known) -> tuple[Address | None, str]:
        """Whom to write to, and the Message-ID that is answered; a patient elsewhere is known by what they wrote."""
        try:
            letter = self._letters.open(known.order.message_id)
        except NotFound:
            return known.patient_address, ""
        patient_wrote = letter.sender is not None and letter.sender.is_patient
        to = known.patient_address or (letter.sender if patient_wrote else None)
        return to, letter.rfc_message_id if patient_wrote else ""


def _news(known: _Known) -> News:
    detail, step = known.detail, known.step
    number, note = known.order.number, step.note
    return News(step.to_state, number, known.pharmacy, note, detail.promised, detail.promised_on, detail.owed)
