"""Keys with which a pharmacy's software calls the interface: made by a person, shown once, ended at any time."""

from datetime import timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms
from core.errors import NotFound
from core.ids import token as new_token
from mail.accounts import get_account
from portal.services import Services
from portal.session import Visitor
from portal.tables import web_passes

PURPOSE = "api"
LASTS = timedelta(days=365)


class ApiKeys:
    """A key speaks for the account that made it, as long as that account may log in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def make(self, visitor: Visitor) -> str:
        """A new key; only its blind index is kept."""
        key = f"pli_{new_token(32)}"
        self._services.db.run(self._make, visitor, key)
        return key

    def count(self, visitor: Visitor) -> int:
        """How many of this account are in force."""
        return self._services.db.read(self._count, visitor.account_id)

    def end_all(self, visitor: Visitor) -> None:
        """None of this account's keys opens anything any more."""
        self._services.db.run(self._end, visitor)

    def visitor(self, key: str) -> Visitor | None:
        """Who calls; None for a key that is unknown, too old, or of an account that is closed."""
        if not key.startswith("pli_") or len(key) > 80 or not key.isascii():
            return None
        return self._services.db.read(self._find, key)

    def _make(self, session: Session, visitor: Visitor, key: str) -> None:
        now = self._services.clock.now()
        row = {"lookup": self._lookup(key), "purpose": PURPOSE, "account_id": visitor.account_id, "sealed": b""}
        session.execute(insert(web_passes), row | {"expires_at": epoch_ms(now + LASTS)})
        event = Event(visitor.actor, "api.key", "allowed", now, holder_id=visitor.holder_id)
        self._services.trail.record(session, event)

    def _count(self, session: Session, account_id: int) -> int:
        mine = (web_passes.c.account_id == account_id) & (web_passes.c.purpose == PURPOSE)
        return int(session.execute(select(func.count()).select_from(web_passes).where(mine)).scalar_one())

    def _end(self, session: Session, visitor: Visitor) -> None:
        mine = (web_passes.c.account_id == visitor.account_id) & (web_passes.c.purpose == PURPOSE)
        session.execute(delete(web_passes).where(mine))
        event = Event(visitor.actor, "api.end", "allowed", self._services.clock.now(), holder_id=visitor.holder_id)
        self._services.trail.record(session, event)

    def _find(self, session: Session, key: str) -> Visitor | None:
        lookup = self._lookup(key)
        row = session.execute(select(web_passes).where(web_passes.c.lookup == lookup)).one_or_none()
        if row is None or row.purpose != PURPOSE or row.expires_at <= epoch_ms(self._services.clock.now()):
            return None
        try:
            account = get_account(session, self._services.keyring, row.account_id)
        except NotFound:
            return None
        if not account.may_log_in or account.role != "pharmacist":
            return None
        name = str(account.profile.get("name") or "")
        return Visitor(account.id, account.mailbox_id, account.holder_id, account.role, name, "", lookup)

    def _lookup(self, key: str) -> bytes:
        return self._services.keyring.blind("api-key", key)
