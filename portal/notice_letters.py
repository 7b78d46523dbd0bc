"""`notice.find` and `notice.send`: from a delivered message to the mailboxes to tell, and the letter that tells.

The letter says no name, no pharmacy, no subject: whoever reads over a shoulder learns that somebody uses Pli.
"""

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Protocol

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.clock import Clock, epoch_ms
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from mail.tables import folder_messages, folders
from portal.notices import Notice, notice_of, promise
from portal.tables import web_notices

SUBJECT = "Vous avez un nouveau message dans Pli"
CODE_SUBJECT = "Votre code Pli"

log = structlog.get_logger()


class Carrier(Protocol):
    """Hands a letter to the smart host. Raises Temporary; Permanent when it will never be taken."""

    def carry(self, recipient: str, letter: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Letterhead:
    """`sender`: From; `link`: where the pages are, or empty."""

    sender: str
    link: str = ""
    quiet_s: float = 600.0


class FindNoticed:
    """The handler of `notice.find`; its ref is a message id."""

    def __init__(self, db: Db, clock: Clock, head: Letterhead) -> None:
        self._db, self._clock, self._head = db, clock, head

    def __call__(self, message_id: int) -> None:
        """Harmless twice: who knows already is not told again."""
        self._db.run(self._find, message_id)

    def _find(self, session: Session, message_id: int) -> None:
        """Unit of work: the mailboxes in whose INBOX it lies; what one has sent oneself is no news."""
        query = (
            select(folders.c.mailbox_id)
            .join(folder_messages, folder_messages.c.folder_id == folders.c.id)
            .where(folder_messages.c.message_id == message_id, folders.c.name == "INBOX")
        )
        for mailbox_id in set(session.execute(query).scalars().all()):
            promise(session, mailbox_id, self._clock.now(), self._head.quiet_s)


class SendNotice:
    """The handler of `notice.send`; its ref is a mailbox."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, head: Letterhead, carrier: Carrier) -> None:
        self._db, self._keyring, self._clock, self._head, self._carrier = db, keyring, clock, head, carrier

    def __call__(self, mailbox_id: int) -> None:
        """Raises what the carrier raises, to be tried again."""
        try:
            notice = self._db.read(notice_of, self._keyring, mailbox_id)
        except NotFound:
            notice = None
        if notice is None:
            log.info("notice.nobody")
            return
        self._db.run(self._leaves, mailbox_id, notice.confirmed)
        self._carrier.carry(notice.address, letter(notice, self._head, self._clock))

    def _leaves(self, session: Session, mailbox_id: int, confirmed: bool) -> None:
        """Unit of work, before it goes: what comes from now on is worth another letter."""
        values = {"pending": False} | ({"sent_at": epoch_ms(self._clock.now())} if confirmed else {})
        session.execute(update(web_notices).where(web_notices.c.mailbox_id == mailbox_id).values(values))


def letter(notice: Notice, head: Letterhead, clock: Clock) -> bytes:
    """The whole mail, CRLF lines: a notice, or the code for an address that is not confirmed yet."""
    said, code = EmailMessage(), notice.code
    said["From"], said["To"] = head.sender, notice.address
    said["Subject"] = CODE_SUBJECT if code else SUBJECT
    said["Date"] = format_datetime(clock.now())
    said["Message-ID"] = make_msgid(domain=head.sender.rpartition("@")[2])
    said["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5
    text = (
        f"Votre code : {code}\n\nSi vous n'avez rien demandé, ne faites rien : vous n'aurez pas d'autre courrier.\n"
        if code
        else f"{SUBJECT}.\n\nPour le lire, ouvrez Pli{f' : {head.link}' if head.link else '.'}\n\n"
        "Ces avis s'arrêtent dans Pli, page « Mon compte ».\n"
    )
    said.set_content(text)
    return said.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
