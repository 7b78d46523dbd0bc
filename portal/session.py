"""Sessions of the pages: a random token in a cookie, its blind index in a row. Closing one ends it at once, everywhere.

Over after 30 minutes without an act of the person's own (a page that refreshes itself is none), after the operator's
longest session, or when the account is closed or its password changed.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms
from core.errors import NotFound
from core.ids import token as new_token
from mail.accounts import Account, get_account
from mail.auth import Identity
from portal.services import Services
from portal.tables import web_sessions

IDLE = timedelta(minutes=30)
TOUCH = timedelta(minutes=1)  # how often activity is written down
TOKEN_BYTES = 32
LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True, repr=False)
class Visitor:
    """Who is signed in, and the token of this session's forms."""

    account_id: int
    mailbox_id: int
    holder_id: int
    role: str
    name: str
    form_token: str
    session: bytes  # blind index of the cookie's token

    def __repr__(self) -> str:
        return f"Visitor(account={self.account_id}, {self.role})"

    @property
    def actor(self) -> str:
        """How the trail calls them."""
        return str(self.account_id)


@dataclass(frozen=True, slots=True)
class _Found:
    visitor: Visitor
    to_touch: bool


class Sessions:
    """Opens, finds and closes them; from any thread."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._longest = timedelta(hours=services.session_hours)

    @property
    def cookie(self) -> str:
        """Its name; the prefix makes browsers insist on TLS and on this host alone (RFC 6265bis §4.1.3.2)."""
        return "__Host-pli" if self._services.https else "pli"

    def cookie_for(self, path: str) -> str:
        """In the demonstration the patient's pages have a session of their own: both sides fit into one window."""
        apart = self._services.demo and (path == "/p" or path.startswith("/p/"))
        return f"{self.cookie}-p" if apart else self.cookie

    async def open(self, identity: Identity) -> str:
        """A new session; returns the cookie's token."""
        token = new_token(TOKEN_BYTES)
        await self._services.db.arun(self._open, token, identity)
        return token

    def find(self, token: str, *, active: bool) -> Visitor | None:
        """Whose session this is, None when it is over. `active`: a person acted, so the idle time starts anew."""
        if not token or len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        found = self._services.db.read(self._find, token)
        if found and found.to_touch and active:
            self._services.db.run(_touch, found.visitor.session, self._services.clock.now())
        return found.visitor if found else None

    def switch(self, visitor: Visitor, account_id: int) -> str:
        """The post passes to a colleague: a new session for them, this one ends; returns the cookie's token."""
        token = new_token(TOKEN_BYTES)
        self._services.db.run(self._switch, token, visitor, account_id)
        return token

    def close(self, visitor: Visitor) -> None:
        """Sign out."""
        self._services.db.run(self._close, visitor)

    def form_fits(self, visitor: Visitor, given: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(visitor.form_token.encode(), given.encode(errors="replace"))

    def _switch(self, session: Session, token: str, visitor: Visitor, account_id: int) -> None:
        self._close(session, visitor)
        self._open_for(session, token, account_id)

    def _open(self, session: Session, token: str, identity: Identity) -> None:
        self._open_for(session, token, identity.account_id)

    def _open_for(self, session: Session, token: str, account_id: int) -> None:
        now = self._services.clock.now()
        account = get_account(session, self._services.keyring, account_id)
        forget_old(session, now, self._longest)
        row = {"lookup": self._lookup(token), "account_id": account.id, "credential": self._credential(account)}
        session.execute(insert(web_sessions), row | {"opened_at": epoch_ms(now), "seen_at": epoch_ms(now)})
        self._trace(session, str(account.id), account.holder_id, "web.sign_in")

    def _find(self, session: Session, token: str) -> _Found | None:
        now, lookup = self._services.clock.now(), self._lookup(token)
        row = session.execute(select(web_sessions).where(web_sessions.c.lookup == lookup)).one_or_none()
        if row is None or row.seen_at <= epoch_ms(now - IDLE) or row.opened_at <= epoch_ms(now - self._longest):
            return None
        try:
            account = get_account(session, self._services.keyring, row.account_id)
        except NotFound:
            return None
        if not account.may_log_in or not hmac.compare_digest(self._credential(account), row.credential):
            return None
        return _Found(self._visitor(account, token, lookup), row.seen_at <= epoch_ms(now - TOUCH))

    def _visitor(self, account: Account, token: str, lookup: bytes) -> Visitor:
        form = base64.urlsafe_b64encode(self._services.keyring.mac("web-form", token.encode())).decode()
        name = str(account.profile.get("name") or "")
        return Visitor(account.id, account.mailbox_id, account.holder_id, account.role, name, form, lookup)

    def _close(self, session: Session, visitor: Visitor) -> None:
        session.execute(delete(web_sessions).where(web_sessions.c.lookup == visitor.session))
        self._trace(session, visitor.actor, visitor.holder_id, "web.sign_out")

    def _trace(self, session: Session, actor: str, holder_id: int, action: str) -> None:
        event = Event(actor, action, "allowed", self._services.clock.now(), holder_id=holder_id)
        self._services.trail.record(session, event)

    def _lookup(self, token: str) -> bytes:
        return self._services.keyring.blind("web-session", token)

    def _credential(self, account: Account) -> bytes:
        return self._services.keyring.mac("web-credential", (account.password_hash or "").encode())


def forget_old(session: Session, now: datetime, longest: timedelta) -> int:
    """Remove sessions that are over; returns how many."""
    over = or_(web_sessions.c.seen_at <= epoch_ms(now - IDLE), web_sessions.c.opened_at <= epoch_ms(now - longest))
    return len(session.execute(delete(web_sessions).where(over).returning(web_sessions.c.lookup)).all())


def _touch(session: Session, lookup: bytes, now: datetime) -> None:
    session.execute(update(web_sessions).where(web_sessions.c.lookup == lookup).values(seen_at=epoch_ms(now)))
