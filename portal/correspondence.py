"""A letter opened on a page, and the answer to it. The trail and \\Seen are durable before a word is shown."""

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Event
from core.errors import BadInput, NotFound
from core.value import replace as changed
from directory.mailboxes import address_of
from mail.deciphering import Deciphered, decipher, says_encrypted
from mail.encryption import is_known
from mail.folder_rows import SEEN, Change, change_flags
from mail.folders import find_inbox
from mail.meta import MessageMeta
from mail.store import Opened
from mail.tables import folder_messages
from mail.words import decode_words
from portal import words
from portal.desk import reader
from portal.mail_words import shown
from portal.receipts import Asking, ReceiptDesk
from portal.services import Services
from portal.session import Visitor
from record.access import Shown
from record.from_message import Attachment, attachments

ANSWER_CHARACTERS = 20_000
SUBJECT_CHARACTERS = 200
FILE_OCTETS = 25 * 1024 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class OpenLetter:
    """`html`: where the letter has no plain text; washed, for a sandboxed frame alone. `encrypted`: it came so, whether
    or not it could be opened here; `enclosed` are then the names of its files, which nobody filed. `asking`: a receipt
    is asked for."""

    message_id: int
    meta: MessageMeta
    badge: words.Badge
    text: str
    html: str
    papers: tuple[Shown, ...]
    encrypted: bool = False
    enclosed: tuple[str, ...] = ()
    may_encrypt: bool = False
    asking: Asking | None = None


class Correspondence:
    """Reads and answers, for whoever holds the message."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def letter(self, visitor: Visitor, message_id: int) -> OpenLetter:
        """Raises NotFound, also for somebody else's letter; SealBroken."""
        self._services.db.run(self._take, visitor, message_id)
        opened = self._services.store.open_message(message_id, visitor.holder_id)
        known = self._is_known(opened.meta.from_)
        asking = ReceiptDesk(self._services).of(visitor, {message_id: opened}).get(message_id)
        found = self._secret if says_encrypted(opened.meta.tree) else self._plain
        return replace(found(visitor, message_id, opened), may_encrypt=known, asking=asking)

    def _plain(self, visitor: Visitor, message_id: int, opened: Opened) -> OpenLetter:
        text, html = shown(opened.raw, opened.meta.tree)
        papers = self._services.records.of_message(reader(visitor), message_id)
        badge = words.badge(opened.meta.verdict, opened.meta.reason)
        return OpenLetter(message_id, opened.meta, badge, text, html, papers)

    def enclosure(self, visitor: Visitor, message_id: int, number: int) -> Attachment:
        """A file of an encrypted letter, by its place from 1. Raises NotFound."""
        self._services.db.run(self._take, visitor, message_id)
        found = self._deciphered(visitor, self._services.store.open_message(message_id, visitor.holder_id))
        files = _files(found)
        if not 1 <= number <= len(files):
            raise NotFound("Ce fichier n'est pas dans ce message.", "no such enclosure")
        return files[number - 1]

    def _secret(self, visitor: Visitor, message_id: int, opened: Opened) -> OpenLetter:
        """What the mailbox's seal opens is shown with the verdict of what is inside; the rest only says what it is."""
        meta, found = opened.meta, self._deciphered(visitor, opened)
        if found is None or found.letter.description is None:
            return OpenLetter(message_id, meta, words.badge(meta.verdict, meta.reason), "", "", (), encrypted=True)
        text, html = shown(found.letter.raw, found.letter.description.tree)
        subject = decode_words(found.letter.headers.first(b"subject") or b"")[:SUBJECT_CHARACTERS]
        badge = words.badge(found.verdict.signature.value, found.verdict.reason.value)
        names = tuple(file.name or f"Fichier {number}" for number, file in enumerate(_files(found), 1))
        return OpenLetter(
            message_id, changed(meta, subject=subject), badge, text, html, (), encrypted=True, enclosed=names
        )

    def _deciphered(self, visitor: Visitor, opened: Opened) -> Deciphered | None:
        services, raw = self._services, opened.raw
        at = services.clock.now()
        return decipher(services.db, services.keyring, services.judge, visitor.mailbox_id, raw, opened.meta.sender, at)

    def _is_known(self, author: str) -> bool:
        """Whether an answer can be encrypted to the author."""
        try:
            return self._services.db.read(is_known, self._services.keyring, Address.parse(author))
        except BadInput:
            return False

    def answer(self, visitor: Visitor, message_id: int, text: str, key: str, *, encrypt: bool = False) -> int:
        """To the author, in the thread, signed; the same key sends once. Raises NotFound, BadInput, MailError."""
        meta = self._services.store.open_message(message_id, visitor.holder_id).meta
        subject = meta.subject if meta.subject.lower().startswith("re:") else f"Re: {meta.subject}"
        return self.write(visitor, meta.from_, subject, text, key, in_reply_to=meta.message_id, encrypt=encrypt)

    def write(
        self,
        visitor: Visitor,
        to: str,
        subject: str,
        text: str,
        key: str,
        *,
        in_reply_to: str = "",
        encrypt: bool = False,
    ) -> int:
        """A letter of one's own; returns the message's id. Raises BadInput, MailError."""
        recipient = Address.parse(to.strip())
        body = text.replace("\r\n", "\n").strip()
        if not body or len(body) > ANSWER_CHARACTERS:
            raise BadInput("Écrivez votre message avant de l'envoyer.", "empty or too long a letter")
        title = " ".join(subject.split())[:SUBJECT_CHARACTERS] or "(sans objet)"
        return self._services.post.submit(
            visitor.mailbox_id, (recipient,), title, body + "\n", in_reply_to, f"pro:{key}", encrypt=encrypt
        )

    def open_case(self, visitor: Visitor, message_id: int, key: str) -> str:
        """A chat room about the patient of a letter; the same key opens one. Raises NotFound, Refused."""
        services = self._services
        if services.cases is None:
            raise NotFound("la messagerie instantanée n'est pas activée", "no chat for a case")
        address = services.db.read(address_of, services.keyring, visitor.mailbox_id)
        return services.cases.open_from_page(
            visitor.account_id, address, message_id, f"page:{visitor.account_id}:{key}"
        )

    def _take(self, session: Session, visitor: Visitor, message_id: int) -> None:
        """Unit of work: it is in the INBOX of this mailbox, is marked as read, and the trail says by whom."""
        folder = find_inbox(session, visitor.mailbox_id)
        uids = select(folder_messages.c.uid).where(
            folder_messages.c.folder_id == folder.id, folder_messages.c.message_id == message_id
        )
        found = list(session.execute(uids).scalars())
        if not found:
            raise NotFound("Ce message n'est pas dans votre boîte.", "message not in this INBOX")
        change_flags(session, folder.id, found, Change.ADD, (SEEN,))
        now, holder_id = self._services.clock.now(), visitor.holder_id
        self._services.trail.record(session, Event(visitor.actor, "mail.read", "read", now, message_id, holder_id))


def _files(found: Deciphered | None) -> tuple[Attachment, ...]:
    if found is None or found.letter.description is None:
        return ()
    return attachments(found.letter.raw, found.letter.description.tree, FILE_OCTETS)
