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
from core.errors import NotFound, Refused
from core.ids import token as new_token
from mail.accounts import Account, get_account, set_password
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
class OpenSession:
    """One of a person's own; `name` is for forms, times in milliseconds."""

    name: str
    device: str
    opened_at: int
    seen_at: int
    is_this: bool


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

    async def open(self, identity: Identity, device: str = "") -> str:
        """A new session on such a device; returns the cookie's token."""
        token = new_token(TOKEN_BYTES)
        await self._services.db.arun(self._open, token, identity, device)
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

    def new_password(self, visitor: Visitor, before: str, hashed: str) -> str:
        """In place of the one whose hash was `before`; every session of the account ends, and one begins anew here.
        Returns the cookie's token. Raises Refused when it was changed meanwhile."""
        token = new_token(TOKEN_BYTES)
        self._services.db.run(self._new_password, token, visitor, before, hashed)
        return token

    def mine(self, visitor: Visitor) -> tuple[OpenSession, ...]:
        """The account's own that are not over, the last used first."""
        return self._services.db.read(self._mine, visitor)

    def end(self, visitor: Visitor, name: str = "") -> int:
        """One's own other session of this name, without a name all others; returns how many ended."""
        return self._services.db.run(self._end, visitor, name)

    def form_fits(self, visitor: Visitor, given: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(visitor.form_token.encode(), given.encode(errors="replace"))

    def _switch(self, session: Session, token: str, visitor: Visitor, account_id: int) -> None:
        device = _device(session, visitor)
        self._close(session, visitor)
        self._open_for(session, token, account_id, device)

    def _open(self, session: Session, token: str, identity: Identity, device: str) -> None:
        self._open_for(session, token, identity.account_id, device)

    def _new_password(self, session: Session, token: str, visitor: Visitor, before: str, hashed: str) -> None:
        if get_account(session, self._services.keyring, visitor.account_id).password_hash != before:
            raise Refused("Le mot de passe a changé entre-temps. Recommencez.", "password changed meanwhile")
        device = _device(session, visitor)
        set_password(session, visitor.account_id, hashed)
        session.execute(delete(web_sessions).where(web_sessions.c.account_id == visitor.account_id))
        self._trace(session, visitor.actor, visitor.holder_id, "password.change")
        self._open_for(session, token, visitor.account_id, device)

    def _mine(self, session: Session, visitor: Visitor) -> tuple[OpenSession, ...]:
        now = self._services.clock.now()
        account = get_account(session, self._services.keyring, visitor.account_id)
        query = select(web_sessions).where(
            web_sessions.c.account_id == account.id,
            web_sessions.c.credential == self._credential(account),
            web_sessions.c.seen_at > epoch_ms(now - IDLE),
            web_sessions.c.opened_at > epoch_ms(now - self._longest),
        )
        rows = session.execute(query.order_by(web_sessions.c.seen_at.desc())).all()
        return tuple(
            OpenSession(
                self._name(row.lookup), row.device or "", row.opened_at, row.seen_at, row.lookup == visitor.session
            )
            for row in rows
        )

    def _end(self, session: Session, visitor: Visitor, name: str) -> int:
        mine = select(web_sessions.c.lookup).where(web_sessions.c.account_id == visitor.account_id)
        every = [lookup for lookup in session.execute(mine).scalars() if lookup != visitor.session]
        ended = [lookup for lookup in every if not name or hmac.compare_digest(self._name(lookup), name)]
        for lookup in ended:
            session.execute(delete(web_sessions).where(web_sessions.c.lookup == lookup))
            self._trace(session, visitor.actor, visitor.holder_id, "web.end")
        return len(ended)

    def _name(self, lookup: bytes) -> str:
        """By which a page speaks of a session: says nothing of its token."""
        return self._services.keyring.mac("web-session-name", lookup).hex()[:32]

    def _open_for(self, session: Session, token: str, account_id: int, device: str) -> None:
        now = self._services.clock.now()
        account = get_account(session, self._services.keyring, account_id)
        forget_old(session, now, self._longest)
        row = {"lookup": self._lookup(token), "account_id": account.id, "credential": self._credential(account)}
        row |= {"opened_at": epoch_ms(now), "seen_at": epoch_ms(now), "device": device}
        session.execute(insert(web_sessions), row)
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


def _device(session: Session, visitor: Visitor) -> str:
    found = select(web_sessions.c.device).where(web_sessions.c.lookup == visitor.session)
    return session.execute(found).scalar() or ""


def forget_old(session: Session, now: datetime, longest: timedelta) -> int:
    """Remove sessions that are over; returns how many."""
    over = or_(web_sessions.c.seen_at <= epoch_ms(now - IDLE), web_sessions.c.opened_at <= epoch_ms(now - longest))
    return len(session.execute(delete(web_sessions).where(over).returning(web_sessions.c.lookup)).all())


def _touch(session: Session, lookup: bytes, now: datetime) -> None:
    session.execute(update(web_sessions).where(web_sessions.c.lookup == lookup).values(seen_at=epoch_ms(now)))
