"""Seals that come to their end: which they are, renewed where their authority is our own, replaced where it is not.

A new seal must first sign a message that our own strict profile takes; nothing is replaced by what recipients refuse.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import Clock, epoch_ms
from core.db import Db
from core.errors import BadInput, NotFound
from crypto.authority import Authority
from crypto.identity import Identity
from crypto.keyring import Keyring
from crypto.sign import sign_message
from crypto.verdict import Reason
from directory.mailboxes import address_of, get_mailbox
from directory.tables import mailboxes
from mail.judge import Judge
from mail.seals import keep_seal, open_seal
from mail.tables import seal_keys

SOON = timedelta(days=30)
_TRIAL = b"Content-Type: text/plain\r\n\r\nEssai du sceau.\r\n"


@dataclass(frozen=True, slots=True)
class SealEnd:
    """One mailbox that is not closed, and when its seal ends (ms); `kind` as PER, ORG or PAT."""

    mailbox_id: int
    kind: str
    ends_at: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """How many were renewed, and whose certificate comes from another authority or could not be renewed."""

    done: int
    left: tuple[SealEnd, ...]


class Seals:
    """For commands; never inside a unit of work. `authority`: our own, where its key is here."""

    def __init__(
        self, db: Db, keyring: Keyring, trail: Trail, clock: Clock, judge: Judge, authority: Authority | None
    ) -> None:
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._judge, self._authority = judge, authority

    def ends(self, within: timedelta | None = None) -> tuple[SealEnd, ...]:
        """The first to end in front; `within`: only those that end until then, or have ended."""
        self._db.run(self._learn)
        last = epoch_ms(self._clock.now() + within) if within is not None else 2**62
        return tuple(each for each in self._db.read(seal_ends) if each.ends_at <= last)

    def renew(self, within: timedelta, mailbox_id: int | None = None) -> Renewed:
        """Those of our own authority that end within this time; with `mailbox_id` that one, whenever it ends.

        Raises NotFound (no seal), BadInput (our own authority is not trusted here, or has no key here).
        """
        if self._authority is None:
            raise BadInput("the key of the authority is not here (tls.patient_authority_key)")
        wanted = self.ends(within if mailbox_id is None else None)
        chosen = [each for each in wanted if mailbox_id in (None, each.mailbox_id)]
        if mailbox_id is not None and not chosen:
            raise NotFound("cette boîte n'a pas de sceau, ou est fermée", "no seal to renew")
        left = tuple(each for each in chosen if not self._renewed(each.mailbox_id, self._authority))
        return Renewed(len(chosen) - len(left), left)

    def put(self, mailbox_id: int, certificate_pem: bytes, key_pem: bytes) -> None:
        """A seal from another authority. Raises BadInput (with our reason), IdentityBroken, NotFound."""
        self._keep(mailbox_id, Identity.from_pem(certificate_pem, key_pem), "seal.put")

    def _renewed(self, mailbox_id: int, authority: Authority) -> bool:
        """False where another authority must do it."""
        old = self._db.read(open_seal, self._keyring, mailbox_id)
        if not authority.has_issued(old.certificate):
            return False
        self._keep(mailbox_id, authority.renew_smime(old, now=self._clock.now()), "seal.renew")
        return True

    def _keep(self, mailbox_id: int, made: Identity, action: str) -> None:
        now = self._clock.now()
        address = self._db.read(address_of, self._keyring, mailbox_id).text
        head = f"From: <{address}>\r\nTo: <{address}>\r\nSubject: x\r\n".encode()
        reason = self._judge(sign_message(head, _TRIAL, made.key, made.certificate, made.chain), address, now).reason
        if reason is not Reason.OK:
            raise BadInput(f"what this seal signs is not accepted here: {reason.value}")
        self._db.run(self._kept, mailbox_id, made, action, now)

    def _kept(self, session: Session, mailbox_id: int, made: Identity, action: str, now: datetime) -> None:
        keep_seal(session, self._keyring, mailbox_id, made)
        holder_id = get_mailbox(session, mailbox_id).holder_id
        self._trail.record(session, Event("operator", action, "done", now, mailbox_id, holder_id))

    def _learn(self, session: Session) -> None:
        """Rows of earlier versions do not say when they end."""
        query = select(seal_keys.c.mailbox_id).where(seal_keys.c.ends_at.is_(None))
        for mailbox_id in session.execute(query).scalars().all():
            try:
                end = open_seal(session, self._keyring, mailbox_id).certificate.not_valid_after_utc
            except NotFound:  # of a patient who was erased
                continue
            mine = update(seal_keys).where(seal_keys.c.mailbox_id == mailbox_id)
            session.execute(mine.values(ends_at=epoch_ms(end)))


def seal_ends(session: Session) -> tuple[SealEnd, ...]:
    """Of mailboxes that are not closed, as far as it is known; the first to end in front."""
    columns: list[Any] = [seal_keys.c.mailbox_id, mailboxes.c.kind, seal_keys.c.ends_at]
    query = select(*columns).join(mailboxes, mailboxes.c.id == seal_keys.c.mailbox_id)
    query = query.where(mailboxes.c.state != "closed", seal_keys.c.ends_at.is_not(None))
    return tuple(SealEnd(*row) for row in session.execute(query.order_by(seal_keys.c.ends_at)))
