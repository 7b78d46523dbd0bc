"""Receipts: whether a message asks for one, and sending it when its reader agrees. RFC 8098.

Answered once: by us, or by the reader's mail program. The trail has it, in the same commit as a receipt that is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db
from core.errors import NotFound, Refused
from core.freight import Freight
from core.tables import audit
from crypto.keyring import Keyring
from crypto.protected import protect
from crypto.sign import sign_message
from directory.mailboxes import Mailbox, address_of, get_mailbox
from mail.auth import Identity
from mail.bounds import MimeBounds
from mail.compose import Draft, header_block
from mail.headers import Headers
from mail.incoming import Door, Incoming, Peer
from mail.mdn import APPLICATION_ERRORS, Disposition, Notification, Request, entity, requested, subject_of
from mail.receipt_answers import ACTION, DECLINED, SENT, Answer, answers, mark
from mail.reception import Reception
from mail.seals import open_seal
from mail.store import Opened, Store
from mail.submit import ROLES


class Answered(Refused):
    """The reader has answered already."""

    def __init__(self) -> None:
        super().__init__("l'accusé de lecture est déjà parti, ou a été refusé", "receipt already answered")


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A receipt is asked for. `answer` None: nobody has answered yet."""

    request: Request
    answer: Answer | None


class Receipts:
    """For threads; never inside a unit of work."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        trail: Trail,
        clock: Clock,
        store: Store,
        reception: Reception,
        host: str,
        product: str = "",
    ) -> None:
        """`host`: our own name; `product`: X-MSS-NIL."""
        self._db = db
        self._keyring = keyring
        self._trail = trail
        self._clock = clock
        self._store = store
        self._reception = reception
        self._host = host
        self._product = product

    def asked(self, mailbox_id: int, message_id: int) -> Asked | None:
        """None when no receipt is asked for, or the message is not in this mailbox any more. Raises NotFound."""
        return self._asked(*self._opened(mailbox_id, message_id))

    def asked_of(self, mailbox_id: int, opened: Mapping[int, Opened]) -> dict[int, Asked]:
        """Of several messages, by id, what the pages show beside each; those that ask for no receipt are left out."""
        mailbox = self._db.read(get_mailbox, mailbox_id)
        requests = {message_id: found for message_id, each in opened.items() if (found := _request(each))}
        said = self._db.read(answers, mailbox.id, mailbox.holder_id, requests) if requests else {}
        return {message_id: Asked(requests[message_id], answer) for message_id, answer in said.items()}

    def answer(
        self,
        mailbox_id: int,
        message_id: int,
        actor: str,
        disposition: Disposition = Disposition.DISPLAYED,
        error: int = 0,
    ) -> int:
        """Send the receipt that the reader (`actor`, for the trail) agrees to; returns its number. `error`: an
        application code, 900 to 906.

        Raises NotFound, Refused (none asked for), Answered, MailError.
        """
        mailbox, opened = self._opened(mailbox_id, message_id)
        request = _unanswered(self._asked(mailbox, opened))
        errors = ((error, APPLICATION_ERRORS[error]),) if error in APPLICATION_ERRORS else ()
        sent = self._send(mailbox, opened, Address.parse(request.to), disposition, errors, actor)
        self._db.run(mark, mailbox_id, message_id)
        return sent

    def decline(self, mailbox_id: int, message_id: int, actor: str) -> None:
        """Send none, and ask no more. Raises NotFound, Refused (none asked for), Answered."""
        mailbox, opened = self._opened(mailbox_id, message_id)
        _unanswered(self._asked(mailbox, opened))
        self._db.run(self._decline, mailbox, message_id, actor)

    def _decline(self, session: Session, mailbox: Mailbox, message_id: int, actor: str) -> None:
        """Unit of work."""
        if answers(session, mailbox.id, mailbox.holder_id, (message_id,)).get(message_id):
            raise Answered
        self._trail.record(session, self._event(mailbox, message_id, actor, DECLINED))
        mark(session, mailbox.id, message_id)

    def _event(self, mailbox: Mailbox, message_id: int, actor: str, outcome: str) -> Event:
        return Event(actor, ACTION, outcome, self._clock.now(), message_id, mailbox.holder_id)

    def _opened(self, mailbox_id: int, message_id: int) -> tuple[Mailbox, Opened]:
        mailbox = self._db.read(get_mailbox, mailbox_id)
        return mailbox, self._store.open_message(message_id, mailbox.holder_id)

    def _asked(self, mailbox: Mailbox, opened: Opened) -> Asked | None:
        return self.asked_of(mailbox.id, {opened.message_id: opened}).get(opened.message_id)

    def _send(
        self,
        mailbox: Mailbox,
        opened: Opened,
        to: Address,
        disposition: Disposition,
        errors: tuple[tuple[int, str], ...],
        actor: str,
    ) -> int:
        author, now = self._db.read(address_of, self._keyring, mailbox.id), self._clock.now()
        headers = Headers(opened.read(0, opened.meta.tree.body))
        original_recipient = (headers.first(b"original-recipient") or b"").decode("latin-1")
        notification = Notification(
            author.text, opened.meta.message_id, disposition, True, original_recipient, errors, bool(errors)
        )
        once = self._keyring.blind("mdn", f"{mailbox.id} {opened.message_id}")
        subject = subject_of(notification, "".join(c if c.isprintable() else " " for c in opened.meta.subject))
        rfc_id = f"{once.hex()[:40]}@{author.domain}"
        draft = Draft(author, "", [to], subject, "", rfc_id, now, product=self._product)
        raw = self._signed(mailbox, header_block(draft), entity(notification, self._host, opened.raw))
        identity = Identity(0, mailbox.id, mailbox.holder_id, author, ROLES.get(mailbox.kind, "operator"))
        here = Peer("127.0.0.1", helo="localhost", extended=True, tls=True)
        mail = Incoming(Door.SUBMISSION, here, now, identity)  # the null sender, RFC 8098 §3
        agreed = Freight({audit: [self._trail.row(self._event(mailbox, opened.message_id, actor, SENT))]})
        return self._reception.accept_now(mail, [to], raw, once, agreed).message_id

    def _signed(self, mailbox: Mailbox, headers: bytes, part: bytes) -> bytes:
        """With the mailbox's seal; without one it goes unsigned, as a mail program's would."""
        try:
            seal = self._db.read(open_seal, self._keyring, mailbox.id)
        except NotFound:
            return headers + b"MIME-Version: 1.0\r\n" + part
        return sign_message(headers, protect(headers, part), seal.key, seal.certificate, seal.chain)


def _request(opened: Opened) -> Request | None:
    if not opened.meta.sender or opened.meta.tree.sub == b"report":
        return None  # RFC 8098 §3: no notification about a notification
    try:
        return requested(Headers(opened.read(0, opened.meta.tree.body)), opened.meta.sender)
    except MimeBounds:
        return None


def _unanswered(asked: Asked | None) -> Request:
    if asked is None:
        raise Refused("ce message ne demande pas d'accusé de lecture", "no receipt is asked for")
    if asked.answer:
        raise Answered
    return asked.request
