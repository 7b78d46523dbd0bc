"""Good once, for a short time: a challenge, a sign-in half made, a round trip's state. The token is not kept."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.ids import token as new_token
from portal.services import Services
from portal.tables import web_passes

LASTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, repr=False)
class Pass:
    """What was kept under a token: for whom (0: nobody yet), and the facts."""

    account_id: int
    facts: Any


class Passes:
    """Each is taken out by its first use, right or wrong."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def give(self, purpose: str, account_id: int, facts: Any) -> str:
        """A token for the next request. `facts` hold no secret that outlives the pass."""
        token = new_token(32)
        self._services.db.run(self._give, purpose, token, account_id, facts)
        return token

    def take(self, purpose: str, token: str) -> Pass | None:
        """None when it is unknown, used, of another purpose or too old."""
        if not token or len(token) > 64 or not token.isascii():
            return None
        return self._services.db.run(self._take, purpose, token)

    def mark(self, purpose: str, name: bytes, account_id: int) -> None:
        """From now on this holds, as long as a pass does; `name` is no secret, such as a session's index."""
        self._services.db.run(self._put, purpose, name.hex(), account_id)

    def holds(self, purpose: str, name: bytes) -> bool:
        """Whether it was marked a moment ago. Asking uses nothing up."""
        return self._services.db.read(self._holds, purpose, name.hex())

    def _put(self, session: Session, purpose: str, name: str, account_id: int) -> None:
        session.execute(delete(web_passes).where(web_passes.c.lookup == self._lookup(purpose, name)))
        self._give(session, purpose, name, account_id, None)

    def _holds(self, session: Session, purpose: str, name: str) -> bool:
        mine = web_passes.c.lookup == self._lookup(purpose, name)
        until = session.execute(select(web_passes.c.expires_at).where(mine)).scalar_one_or_none()
        return until is not None and until > epoch_ms(self._services.clock.now())

    def _give(self, session: Session, purpose: str, token: str, account_id: int, facts: Any) -> None:
        now = self._services.clock.now()
        session.execute(delete(web_passes).where(web_passes.c.expires_at <= epoch_ms(now)))
        row = {"lookup": self._lookup(purpose, token), "purpose": purpose, "account_id": account_id}
        row |= {"sealed": json.dumps(facts).encode(), "expires_at": epoch_ms(now + LASTS)}
        session.execute(insert(web_passes), row)

    def _take(self, session: Session, purpose: str, token: str) -> Pass | None:
        mine = web_passes.c.lookup == self._lookup(purpose, token)
        kept = (
            delete(web_passes)
            .where(mine)
            .returning(web_passes.c.account_id, web_passes.c.sealed, web_passes.c.expires_at)
        )
        row = session.execute(kept).one_or_none()
        if row is None or row.expires_at <= epoch_ms(self._services.clock.now()):
            return None
        return Pass(row.account_id, json.loads(row.sealed))

    def _lookup(self, purpose: str, token: str) -> bytes:
        return self._services.keyring.blind("web-pass", f"{purpose}:{token}")
