"""Receipts: whether a message asks for one, and sending it when its reader agrees. RFC 8098.

Sent once: by us, or by the reader's mail program, which leaves the keyword $MDNSent (RFC 3503).
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.address import Address
from core.clock import Clock
from core.db import Db
from core.errors import NotFound, Refused
from crypto.keyring import Keyring
from crypto.protected import protect
from crypto.sign import sign_message
from directory.mailboxes import Mailbox, address_of, get_mailbox
from mail.auth import Identity
from mail.compose import Draft, header_block
from mail.folder_rows import Change, change_flags
from mail.headers import Headers
from mail.incoming import Door, Incoming, Peer
from mail.mdn import APPLICATION_ERRORS, Disposition, Notification, Request, entity, requested, subject_of
from mail.reception import Reception
from mail.seals import open_seal
from mail.store import Opened, Store
from mail.submit import ROLES
from mail.tables import folder_messages, folders

SENT = "$MDNSent"


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A receipt is asked for. `answered`: it was sent already."""

    request: Request
    answered: bool


class Receipts:
    """For threads; never inside a unit of work."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        clock: Clock,
        store: Store,
        reception: Reception,
        host: str,
        product: str = "",
    ) -> None:
        """`host`: our own name; `product`: X-MSS-NIL."""
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._store = store
        self._reception = reception
        self._host = host
        self._product = product

    def asked(self, mailbox_id: int, message_id: int) -> Asked | None:
        """What the pages show beside a message; None when no receipt is asked for. Raises NotFound."""
        mailbox = self._db.read(get_mailbox, mailbox_id)
        return self._asked(mailbox, self._store.open_message(message_id, mailbox.holder_id), message_id)

    def answer(
        self, mailbox_id: int, message_id: int, disposition: Disposition = Disposition.DISPLAYED, error: int = 0
    ) -> int:
        """Send the receipt that the reader agrees to; returns its number. `error`: an application code, 900 to 906.

        Raises NotFound, Refused (none asked for, or sent already), MailError.
        """
        mailbox = self._db.read(get_mailbox, mailbox_id)
        opened = self._store.open_message(message_id, mailbox.holder_id)
        asked = self._asked(mailbox, opened, message_id)
        if asked is None:
            raise Refused("ce message ne demande pas d'accusé de lecture", "no receipt is asked for")
        if asked.answered:
            raise Refused("l'accusé de lecture est déjà parti", "receipt already sent")
        errors = ((error, APPLICATION_ERRORS[error]),) if error in APPLICATION_ERRORS else ()
        sent = self._send(mailbox, opened, Address.parse(asked.request.to), disposition, errors, message_id)
        self._db.run(_mark, mailbox_id, message_id)
        return sent

    def _asked(self, mailbox: Mailbox, opened: Opened, message_id: int) -> Asked | None:
        if not opened.meta.sender or opened.meta.tree.sub == b"report":
            return None  # RFC 8098 §3: no notification about a notification
        headers = Headers(opened.read(0, opened.meta.tree.body))
        request = requested(headers, opened.meta.sender)
        if request is None:
            return None
        return Asked(request, self._db.read(_is_marked, mailbox.id, message_id))

    def _send(
        self,
        mailbox: Mailbox,
        opened: Opened,
        to: Address,
        disposition: Disposition,
        errors: tuple[tuple[int, str], ...],
        message_id: int,
    ) -> int:
        author, now = self._db.read(address_of, self._keyring, mailbox.id), self._clock.now()
        headers = Headers(opened.read(0, opened.meta.tree.body))
        original_recipient = (headers.first(b"original-recipient") or b"").decode("latin-1")
        notification = Notification(
            author.text, opened.meta.message_id, disposition, True, original_recipient, errors, bool(errors)
        )
        mark = self._keyring.blind("mdn", f"{mailbox.id} {message_id}")
        subject = subject_of(notification, "".join(c if c.isprintable() else " " for c in opened.meta.subject))
        rfc_id = f"{mark.hex()[:40]}@{author.domain}"
        draft = Draft(author, "", [to], subject, "", rfc_id, now, product=self._product)
        raw = self._signed(mailbox, header_block(draft), entity(notification, self._host, opened.raw))
        identity = Identity(0, mailbox.id, mailbox.holder_id, author, ROLES.get(mailbox.kind, "operator"))
        here = Peer("127.0.0.1", helo="localhost", extended=True, tls=True)
        mail = Incoming(Door.SUBMISSION, here, now, identity)  # the null sender, RFC 8098 §3
        return self._reception.accept_now(mail, [to], raw, mark).message_id

    def _signed(self, mailbox: Mailbox, headers: bytes, part: bytes) -> bytes:
        """With the mailbox's seal; without one it goes unsigned, as a mail program's would."""
        try:
            seal = self._db.read(open_seal, self._keyring, mailbox.id)
        except NotFound:
            return headers + b"MIME-Version: 1.0\r\n" + part
        return sign_message(headers, protect(headers, part), seal.key, seal.certificate, seal.chain)


def _copies(session: Session, mailbox_id: int, message_id: int) -> list[tuple[int, int, str]]:
    query = (
        select(folder_messages.c.folder_id, folder_messages.c.uid, folder_messages.c.flags)
        .join(folders, folders.c.id == folder_messages.c.folder_id)
        .where(folders.c.mailbox_id == mailbox_id, folder_messages.c.message_id == message_id)
    )
    return [(row.folder_id, row.uid, row.flags) for row in session.execute(query)]


def _is_marked(session: Session, mailbox_id: int, message_id: int) -> bool:
    copies = _copies(session, mailbox_id, message_id)
    return any(SENT.lower() in flags.lower().split() for _folder, _uid, flags in copies)


def _mark(session: Session, mailbox_id: int, message_id: int) -> None:
    for folder_id, uid, _flags in _copies(session, mailbox_id, message_id):
        change_flags(session, folder_id, [uid], Change.ADD, [SENT])
