"""A message as this room reads it: who wrote, to whom, the verdict, the bytes and their parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.address import Address, NotAnAddress
from core.db import Db
from core.errors import NotFound
from crypto.verdict import Signature
from directory.local_domains import is_local_domain
from mail.meta import MessageMeta
from mail.part import Part
from mail.store import Opened, Store
from mail.tables import messages

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

    def rounds(self, message_ids: Sequence[int], octets: int) -> list[list[int]]:
        """Those that are there, in groups of so many octets at most; what is larger makes a group of its own."""
        ...

    def open_many(self, message_ids: Sequence[int]) -> tuple[Letter, ...]:
        """Those that are there."""
        ...


class StoredLetters:
    """Opens messages of the mail store in the name of the service, with the key of one of their holders."""

    def __init__(self, db: Db, store: Store) -> None:
        self._db, self._store = db, store

    def open(self, message_id: int) -> Letter:
        """Raises NotFound when it is gone, or when the keys of all its holders are."""
        for letter in self.open_many([message_id]):
            return letter
        raise NotFound("message introuvable", "no holder can open this message")

    def rounds(self, message_ids: Sequence[int], octets: int) -> list[list[int]]:
        """As the protocol says."""
        found: list[list[int]] = []
        room = 0
        for message_id, size in self._db.read(_sizes, message_ids):
            if size > room or not found:
                found.append([])
                room = octets
            found[-1].append(message_id)
            room -= size
        return found

    def open_many(self, message_ids: Sequence[int]) -> tuple[Letter, ...]:
        """In one look at the database. Raises SealBroken."""
        return tuple(_letter(opened, sender) for opened, sender in self._db.read(self._opened, message_ids))

    def _opened(self, session: Session, message_ids: Sequence[int]) -> list[tuple[Opened, Address | None]]:
        ours = _Ours(session)
        found = self._store.open_for_any(session, message_ids)
        return [(opened, _vouched_sender(ours, opened.meta)) for opened in found]


def _sizes(session: Session, message_ids: Sequence[int]) -> list[tuple[int, int]]:
    query = select(messages.c.id, messages.c.size).where(messages.c.id.in_(message_ids)).order_by(messages.c.id)
    return [(row.id, row.size) for row in session.execute(query)]


class _Ours(dict[str, bool]):
    """Whether mail for a domain ends here, asked once each: senders in a row are mostly of one."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def __missing__(self, domain: str) -> bool:
        self[domain] = is_local_domain(self._session, domain)
        return self[domain]


def _letter(opened: Opened, sender: Address | None) -> Letter:
    meta = opened.meta
    return Letter(
        opened.message_id,
        opened.raw,
        meta.tree,
        meta.verdict,
        sender,
        _addresses(meta.recipients),
        meta.subject,
        meta.message_id,
        meta.in_reply_to,
    )


def _vouched_sender(ours: _Ours, meta: MessageMeta) -> Address | None:
    """Submission binds the sender to the login, an operator's certificate to its domain; but never to one of ours.

    Who writes to a mailbox that we follow at another operator comes back to us from there: one of ours is then believed
    by their own signature, which binds certificate, From and return path.
    """
    found = _addresses((meta.sender,))
    if not found:
        return None
    proved = meta.listener == COLLECT and meta.verdict == Signature.PASS.value
    outside = meta.listener in OUTSIDE and ours[found[0].domain]
    return found[0] if proved or not outside else None


def _addresses(texts: tuple[str, ...]) -> tuple[Address, ...]:
    found = []
    for text in texts:
        try:
            found.append(Address.parse(text))
        except NotAnAddress:
            continue
    return tuple(found)
