"""What a person proves besides, or instead of, a password: a code by time, a passkey. Sealed like their mail."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms
from core.errors import BadInput, Refused
from core.ids import new_id
from mail.accounts import Account, get_account
from mail.auth import Identity
from portal import totp
from portal.sealing import open_json, seal_json
from portal.services import Services
from portal.session import Visitor
from portal.tables import web_factors

TOTP, PASSKEY = "totp", "passkey"
LOCKED_AT = 10
_KIND = "web-factor"


@dataclass(frozen=True, slots=True, repr=False)
class Factor:
    """One of them. `secret` is what was sealed."""

    id: int
    account_id: int
    kind: str
    counter: int
    failures: int
    created_at: int
    secret: Any


class Factors:
    """Kept for accounts; every use is in the trail."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, account_id: int, kind: str) -> tuple[Factor, ...]:
        """All of this kind."""
        return self._services.db.read(self._of, account_id, kind)

    def passkey(self, credential_id: bytes) -> Factor | None:
        """Whose credential this is."""
        lookup = self._services.keyring.blind("web-passkey", credential_id.hex())
        return self._services.db.read(self._by_lookup, lookup)

    def add_totp(self, visitor: Visitor, secret: str, code: str) -> None:
        """From now on a password alone is not enough. Raises BadInput when the code is not of this secret."""
        step = totp.matching_step(secret, code, self._services.clock.now().timestamp(), -1)
        if step is None:
            raise BadInput("Ce code n'est pas le bon : attendez le suivant et recommencez.", "wrong TOTP at enrolment")
        lookup = self._services.keyring.blind("web-totp", str(visitor.account_id))
        self._services.db.run(self._add, visitor, TOTP, lookup, {"secret": secret}, step)

    def add_passkey(self, visitor: Visitor, credential_id: bytes, public_key: bytes, counter: int) -> None:
        """A key of this person's device. Raises Refused when it is known already."""
        lookup = self._services.keyring.blind("web-passkey", credential_id.hex())
        secret = {"id": credential_id.hex(), "key": public_key.hex()}
        self._services.db.run(self._add, visitor, PASSKEY, lookup, secret, counter)

    def remove(self, visitor: Visitor, factor_id: int) -> None:
        """One's own only; harmless twice."""
        self._services.db.run(self._remove, visitor, factor_id)

    def code_is_right(self, account_id: int, code: str) -> bool:
        """The second step of a sign-in; a code is good once, and ten wrong ones in a row lock it for the operator."""
        for factor in self.of(account_id, TOTP):
            if factor.failures >= LOCKED_AT:
                return False
            now = self._services.clock.now().timestamp()
            step = totp.matching_step(factor.secret["secret"], code, now, factor.counter)
            return self._services.db.run(self._used, factor, step)
        return True

    def used(self, factor: Factor, counter: int) -> bool:
        """A passkey was shown; False when its counter went back: a copy of it exists (WebAuthn §6.1.1)."""
        return self._services.db.run(self._used, factor, counter if counter >= factor.counter else None)

    def identity(self, account_id: int) -> Identity | None:
        """Who enters; None when the account may not log in any more."""
        account = self._services.db.read(get_account, self._services.keyring, account_id)
        return _identity(account) if account.may_log_in else None

    def _of(self, session: Session, account_id: int, kind: str) -> tuple[Factor, ...]:
        query = select(web_factors).where(web_factors.c.account_id == account_id, web_factors.c.kind == kind)
        return tuple(self._opened(session, row) for row in session.execute(query.order_by(web_factors.c.id)))

    def _by_lookup(self, session: Session, lookup: bytes) -> Factor | None:
        row = session.execute(select(web_factors).where(web_factors.c.lookup == lookup)).one_or_none()
        return self._opened(session, row) if row else None

    def _opened(self, session: Session, row: Any) -> Factor:
        holder_id = get_account(session, self._services.keyring, row.account_id).holder_id
        secret = open_json(session, self._services.keyring, holder_id, row.sealed, _KIND, row.id)
        return Factor(row.id, row.account_id, row.kind, row.counter, row.failures, row.created_at, secret)

    def _add(self, session: Session, visitor: Visitor, kind: str, lookup: bytes, secret: Any, counter: int) -> None:
        if session.execute(select(web_factors.c.id).where(web_factors.c.lookup == lookup)).one_or_none():
            raise Refused("Cette clé est déjà enregistrée.", "factor known already")
        row_id, now = new_id(), self._services.clock.now()
        sealed = seal_json(session, self._services.keyring, visitor.holder_id, secret, _KIND, row_id)
        row = {"id": row_id, "account_id": visitor.account_id, "kind": kind, "lookup": lookup, "sealed": sealed}
        session.execute(insert(web_factors), row | {"counter": counter, "failures": 0, "created_at": epoch_ms(now)})
        self._trace(session, visitor.actor, f"factor.add.{kind}", "allowed")

    def _remove(self, session: Session, visitor: Visitor, factor_id: int) -> None:
        mine = (web_factors.c.id == factor_id) & (web_factors.c.account_id == visitor.account_id)
        if session.execute(delete(web_factors).where(mine).returning(web_factors.c.id)).one_or_none():
            self._trace(session, visitor.actor, "factor.remove", "allowed")

    def _used(self, session: Session, factor: Factor, counter: int | None) -> bool:
        """One conditional UPDATE: of two who use the same code at once, one wins."""
        mine = web_factors.c.id == factor.id
        if counter is None:
            session.execute(update(web_factors).where(mine).values(failures=web_factors.c.failures + 1))
            self._trace(session, str(factor.account_id), f"factor.use.{factor.kind}", "refused")
            return False
        fresh = web_factors.c.counter < counter if factor.kind == TOTP else web_factors.c.counter <= counter
        won = session.execute(
            update(web_factors).where(mine, fresh).values(counter=counter, failures=0).returning(web_factors.c.id)
        ).one_or_none()
        self._trace(session, str(factor.account_id), f"factor.use.{factor.kind}", "allowed" if won else "refused")
        return won is not None

    def _trace(self, session: Session, actor: str, action: str, outcome: str) -> None:
        self._services.trail.record(session, Event(actor, action, outcome, self._services.clock.now()))


def forget(session: Session, account_id: int) -> None:
    """Passkeys and codes by time of an account whose owner has lost them; the PIN of the counter stays."""
    mine = (web_factors.c.account_id == account_id) & web_factors.c.kind.in_((TOTP, PASSKEY))
    session.execute(delete(web_factors).where(mine))


def _identity(account: Account) -> Identity:
    return Identity(account.id, account.mailbox_id, account.holder_id, account.address, account.role)
