"""Mail that the house writes in a mailbox's name: composed, signed with the mailbox's seal, then the way of every mail.

Harmless twice: the caller's key gives the Message-ID and the mark by which delivery knows a repeat.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from core.address import Address
from core.clock import Clock
from core.db import Db
from core.errors import BadInput
from crypto.entitled import Recipient
from crypto.keyring import Keyring
from crypto.protected import protect
from crypto.secret_mail import encrypt_message
from crypto.sign import sign_message
from directory.extracts.entry import Entry
from directory.mailboxes import Mailbox, address_of, get_mailbox
from directory.resolve import find_entry
from mail.auth import Identity
from mail.compose import Attachment, Draft, header_block, mime_entity
from mail.deliver import find_repeat
from mail.encryption import MayReceive, recipients_of
from mail.incoming import Door, Incoming, Peer
from mail.reception import Reception
from mail.seals import open_seal

ROLES = {"PAT": "patient", "APP": "software"}
HERE = Peer("127.0.0.1", helo="localhost", extended=True, tls=True)


@dataclass(frozen=True, slots=True, repr=False)
class _Author:
    """In whose name: address and shown name."""

    mailbox: Mailbox
    address: Address
    name: str


class Submitter:
    """Sends mail from one of our mailboxes; for threads, never inside a unit of work."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        clock: Clock,
        reception: Reception,
        may_receive: MayReceive | None = None,
        product: str = "",
    ) -> None:
        """`may_receive` checks recipients' certificates; without it nothing is encrypted. `product`: X-MSS-NIL."""
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._reception = reception
        self._may_receive = may_receive
        self._product = product

    def submit(
        self,
        sender_mailbox_id: int,
        recipients: Sequence[Address],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
        attachments: Sequence[Attachment] = (),
        extra: tuple[tuple[str, str], ...] = (),
        references: Sequence[str] = (),
        *,
        encrypt: bool = False,
    ) -> int:
        """Durable when it returns the message's id. The same key of a mailbox sends once, whatever else is asked.

        `text` has LF line ends; `in_reply_to` is a Message-ID or empty, `references` are those of its thread, `extra`
        are further header fields. `encrypt`: only the keys of recipients and author open it. Raises NotFound (mailbox
        or seal), BadInput, MailError (a stage refuses), StorageFull, DatabaseDown.
        """
        sent = self._db.read(find_repeat, self._dedup(sender_mailbox_id, idempotency_key))
        if sent is not None:
            return sent
        author = self._db.read(self._author, sender_mailbox_id)
        seal = self._db.read(open_seal, self._keyring, sender_mailbox_id)
        draft = self._draft(
            author, recipients, subject, text, in_reply_to, idempotency_key, attachments=attachments, extra=extra
        )
        draft = replace(draft, references=references)
        head, entity = header_block(draft), mime_entity(draft)
        if encrypt:
            raw = encrypt_message(head, entity, seal, self._certificates(author, recipients))
        else:
            raw = sign_message(head, protect(head, entity), seal.key, seal.certificate, seal.chain)
        dedup = self._dedup(sender_mailbox_id, idempotency_key)
        return self._reception.accept_now(self._incoming(author), recipients, raw, dedup).message_id

    def compose(
        self,
        sender_mailbox_id: int,
        recipients: Sequence[Address],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
        attachments: Sequence[Attachment] = (),
        extra: tuple[tuple[str, str], ...] = (),
    ) -> tuple[bytes, bytes]:
        """For a key that is elsewhere: header block and MIME entity; the entity's bytes are what is to be signed."""
        author = self._db.read(self._author, sender_mailbox_id)
        draft = self._draft(
            author, recipients, subject, text, in_reply_to, idempotency_key, attachments=attachments, extra=extra
        )
        head = header_block(draft)
        return head, protect(head, mime_entity(draft))

    def send_signed(
        self, sender_mailbox_id: int, recipients: Sequence[Address], raw: bytes, idempotency_key: str
    ) -> int:
        """A whole message that its author signed; durable when it returns its id. Raises as `submit`."""
        dedup = self._dedup(sender_mailbox_id, idempotency_key)
        sent = self._db.read(find_repeat, dedup)
        if sent is not None:
            return sent
        author = self._db.read(self._author, sender_mailbox_id)
        return self._reception.accept_now(self._incoming(author), recipients, raw, dedup).message_id

    def _certificates(self, author: _Author, recipients: Sequence[Address]) -> list[Recipient]:
        """The author's own too, where there is one: what one wrote can be read again. Raises BadInput."""
        if self._may_receive is None:
            raise BadInput("Ce service ne chiffre pas les messages.", "no trust to check certificates with")
        now = self._clock.now()
        found = self._db.read(recipients_of, self._keyring, recipients, self._may_receive, now)
        with suppress(BadInput):
            found += self._db.read(recipients_of, self._keyring, [author.address], self._may_receive, now)
        return found

    def _draft(
        self,
        author: _Author,
        recipients: Sequence[Address],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
        *,
        attachments: Sequence[Attachment],
        extra: tuple[tuple[str, str], ...],
    ) -> Draft:
        return Draft(
            sender=author.address,
            sender_name=author.name,
            recipients=recipients,
            subject=subject,
            text=text,
            message_id=message_id_of(self._keyring, author.mailbox.id, idempotency_key, author.address),
            date=self._clock.now(),
            in_reply_to=in_reply_to,
            attachments=attachments,
            extra=extra,
            product=self._product,
        )

    def _dedup(self, mailbox_id: int, idempotency_key: str) -> bytes:
        return self._keyring.blind("submit", _mark(mailbox_id, idempotency_key))

    def _incoming(self, author: _Author) -> Incoming:
        role = ROLES.get(author.mailbox.kind, "operator")
        identity = Identity(0, author.mailbox.id, author.mailbox.holder_id, author.address, role)
        return Incoming(Door.SUBMISSION, HERE, self._clock.now(), identity, sender=author.address)

    def _author(self, session: Session, mailbox_id: int) -> _Author:
        mailbox = get_mailbox(session, mailbox_id)
        address = address_of(session, self._keyring, mailbox_id)
        name = shown_name(find_entry(session, address))
        return _Author(mailbox, address, name)


def message_id_of(keyring: Keyring, sender_mailbox_id: int, idempotency_key: str, sender: Address) -> str:
    """The Message-ID that `submit` gives for this key: whoever ties things to a mail knows it before it is sent."""
    mark = _mark(sender_mailbox_id, idempotency_key)
    return f"{keyring.mac('message-id', mark.encode()).hex()[:40]}@{sender.domain}"


def _mark(mailbox_id: int, idempotency_key: str) -> str:
    return f"{mailbox_id}:{idempotency_key}"


def shown_name(entry: Entry | None) -> str:
    """The name that goes with the address: a person's, or the entity's. R2 2.2.7."""
    if entry is None:
        return ""
    if entry.kind == "PER":
        return " ".join(part for part in (entry.title, entry.given, entry.family) if part)
    return entry.structure_name
