"""A message as this room reads it: who wrote, to whom, the verdict, the bytes and their parts."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.address import Address, NotAnAddress
from core.db import Db
from core.errors import NotFound
from crypto.verdict import Signature
from directory.resolve import is_local_domain
from mail.meta import MessageMeta
from mail.part import Part
from mail.store import Opened, Store
from mail.tables import message_keys

COLLECT = "collect"
OUTSIDE = frozenset({"mx", COLLECT})  # listeners by which others come in


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """One message. `sender` is None where nobody vouches for it: null sender, or ours but come in from outside."""

    message_id: int
    raw: bytes
    tree: Part
    verdict: str  # a word of crypto.verify
    sender: Address | None
    recipients: tuple[Address, ...]
    subject: str
    rfc_message_id: str
    in_reply_to: str = ""

    def __repr__(self) -> str:
        return f"Letter({self.message_id}, {self.verdict})"


class Letters(Protocol):
    """Where messages are opened for filing."""

    def open(self, message_id: int) -> Letter:
        """Raises NotFound."""
        ...


class StoredLetters:
    """Opens messages of the mail store in the name of the service, with the key of one of their holders."""

    def __init__(self, db: Db, store: Store) -> None:
        self._db, self._store = db, store

    def open(self, message_id: int) -> Letter:
        """Raises NotFound when it is gone, or when the keys of all its holders are."""
        opened, sender = self._db.read(self._opened, message_id)
        return Letter(
            message_id,
            opened.raw,
            opened.meta.tree,
            opened.meta.verdict,
            sender,
            _addresses(opened.meta.recipients),
            opened.meta.subject,
            opened.meta.message_id,
            opened.meta.in_reply_to,
        )

    def _opened(self, session: Session, message_id: int) -> tuple[Opened, Address | None]:
        for holder_id in _holders(session, message_id):
            try:
                opened = self._store.open_within(session, message_id, holder_id)
            except NotFound:  # this holder's key was destroyed
                continue
            return opened, _vouched_sender(session, opened.meta)
        raise NotFound("message introuvable", "no holder can open this message")


_HOLDERS = (
    select(message_keys.c.holder_id)
    .where(message_keys.c.message_id == bindparam("message"))
    .order_by(message_keys.c.holder_id)
)


def _holders(session: Session, message_id: int) -> list[int]:
    return list(session.execute(_HOLDERS, {"message": message_id}).scalars())


def _vouched_sender(session: Session, meta: MessageMeta) -> Address | None:
    """Submission binds the sender to the login, an operator's certificate to its domain; but never to one of ours.

    Who writes to a mailbox that we follow at another operator comes back to us from there: one of ours is then believed
    by their own signature, which binds certificate, From and return path.
    """
    found = _addresses((meta.sender,))
    if not found:
        return None
    proved = meta.listener == COLLECT and meta.verdict == Signature.PASS.value
    outside = meta.listener in OUTSIDE and is_local_domain(session, found[0].domain)
    return found[0] if proved or not outside else None


def _addresses(texts: tuple[str, ...]) -> tuple[Address, ...]:
    found = []
    for text in texts:
        try:
            found.append(Address.parse(text))
        except NotAnAddress:
            continue
    return tuple(found)
