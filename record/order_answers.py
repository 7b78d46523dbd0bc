"""`order.thread`: what a patient answers by mail joins the thread of the order that was asked about."""

import structlog
from sqlalchemy.orm import Session

from core.clock import Clock
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from directory.mailboxes import find_mailbox
from directory.patients import get_patient
from mail.headers import Headers
from mail.words import decode_words
from record.letters import Letter, Letters
from record.order_book import OrderBook
from record.order_thread import add_letter, answered_order

THREAD_KIND = "order.thread"
WISHED_HEADER = b"x-pli-souhait"
WISHED_CHARACTERS = 80

log = structlog.get_logger()


class FollowThread:
    """The handler of `order.thread`; its ref is a message id."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, letters: Letters, book: OrderBook) -> None:
        self._db, self._keyring, self._clock, self._letters, self._book = db, keyring, clock, letters, book

    def __call__(self, message_id: int) -> None:
        """Harmless twice."""
        try:
            letter = self._letters.open(message_id)
        except NotFound:
            log.info("order.message_gone", message_id=message_id)
            return
        self._db.run(self._follow, letter)

    def _follow(self, session: Session, letter: Letter) -> None:
        """Unit of work. Only the order's own patient answers in its thread."""
        for address in letter.recipients:
            mailbox = find_mailbox(session, self._keyring, address)
            order_id = answered_order(session, self._keyring, (letter.in_reply_to,), mailbox.id) if mailbox else None
            if order_id is None or letter.sender is None:
                continue
            order = self._book.get(session, order_id)
            writer = find_mailbox(session, self._keyring, letter.sender)
            if writer and get_patient(session, order.patient_id).mailbox_id == writer.id:
                now = self._clock.now()
                if add_letter(session, self._keyring, order, letter.message_id, letter.rfc_message_id, True, now):
                    self._book.written(session, order, now)


def wished_time(raw: bytes) -> str:
    """When the patient would like to come, as their page wrote it; a word for the counter, nothing more."""
    headers = Headers(raw[: raw.find(b"\r\n\r\n") + 2])
    text = decode_words(headers.first(WISHED_HEADER) or b"")
    return "".join(char for char in text if char.isprintable())[:WISHED_CHARACTERS].strip()
