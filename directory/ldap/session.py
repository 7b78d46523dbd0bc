"""One client's session: who it is, what it may, the pages that it has not fetched yet."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.errors import PliError, Temporary
from directory.ldap import ber, tree
from directory.ldap import messages as m
from directory.ldap.ber import BadBer
from directory.ldap.filters import matches
from directory.ldap.finder import Answer, Entry, Finder, given

PAGES_LIMIT = 1_000  # entries that one paged search gives in all
FAILED_BINDS = 5
LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Identity(Protocol):
    """Somebody who proved who they are."""

    @property
    def role(self) -> str: ...


class SignIn(Protocol):
    """Who checks passwords; None when they do not fit. Raises Temporary."""

    async def password(self, login: str, password: str, peer: str = "") -> Identity | None: ...


@dataclass(frozen=True, slots=True)
class Door:
    """What every session shares. `clear_loopback`: passwords in the clear from this machine, for demonstrations."""

    finder: Finder
    sign_in: SignIn
    roles: frozenset[str]
    size_limit: int
    time_limit: int
    clear_loopback: bool = False


class Session:
    """Requests in, answers out; no socket."""

    def __init__(self, door: Door, peer: str, *, secure: bool) -> None:
        self._door = door
        self._peer = peer
        self._who: Identity | None = None
        self._name = ""
        self._failed = 0
        self._pages: dict[bytes, _Rest] = {}
        self.secure = secure
        self.is_over = False

    def secured(self) -> None:
        """TLS began: what was said before counts for nothing."""
        self.secure = True
        self._who = None
        self._pages.clear()

    async def answer(self, message: m.Message) -> list[bytes]:
        """The messages to send, in order."""
        request = message.request
        if isinstance(request, m.Bind):
            return [await self._bind(message.id, request)]
        if isinstance(request, m.Search):
            return await self._search(message, request)
        if isinstance(request, m.Extended):
            return [self._extended(message.id, request)]
        if isinstance(request, m.Other) and request.answer:
            return [m.answer(message.id, request.answer, m.UNWILLING, "the annuaire is read only")]
        return []

    async def _bind(self, number: int, request: m.Bind) -> bytes:
        self._who = None
        code, text = await self._checked(request)
        if code in (m.INVALID_CREDENTIALS, m.INSUFFICIENT):
            self._failed += 1
            self.is_over = self._failed >= FAILED_BINDS
        return m.answer(number, m.BIND_ANSWER, code, text)

    async def _checked(self, request: m.Bind) -> tuple[int, str]:
        if request.version != 3:
            return m.PROTOCOL_ERROR, "LDAP version 3 only"
        if request.password is None:
            return m.AUTH_METHOD, "simple bind only"
        if not request.name and not request.password:  # anonymous: may read what the server says of itself
            return m.SUCCESS, ""
        if not request.name or not request.password:  # RFC 4513 §5.1.2: a name without password is nobody
            return m.UNWILLING, "a name and a password are needed"
        if not self.secure and not (self._door.clear_loopback and self._peer in LOOPBACK):
            return m.CONFIDENTIALITY, "StartTLS first"
        try:
            found = await self._door.sign_in.password(_login(request.name), request.password, self._peer)
        except Temporary as error:
            return m.BUSY, error.public
        if found is None:
            return m.INVALID_CREDENTIALS, "wrong name or password"
        if found.role not in self._door.roles:
            return m.INSUFFICIENT, "the annuaire is for professionals"
        self._who, self._name = found, _login(request.name)
        return m.SUCCESS, ""

    def _extended(self, number: int, request: m.Extended) -> bytes:
        if request.oid == m.WHO_AM_I:
            name = f"u:{self._name}" if self._who else ""  # RFC 4532 §2.2
            return m.answer(number, m.EXTENDED_ANSWER, m.SUCCESS, extra=ber.octets(name, 0x8B))
        return m.answer(number, m.EXTENDED_ANSWER, m.PROTOCOL_ERROR, "unknown operation")

    async def _search(self, message: m.Message, asked: m.Search) -> list[bytes]:
        done = _Done(message.id)
        if asked.scope == m.BASE and asked.base in ("", tree.SCHEMA):
            return [*_described(message.id, asked, tls=self.secure), done(m.SUCCESS)]
        if self._who is None:
            return [done(m.INSUFFICIENT, "bind first")]
        unknown = [one for one in message.controls if one.critical and one.oid != m.PAGED]
        if unknown:
            return [done(m.UNAVAILABLE_CRITICAL, "unknown control")]
        paging = next((one for one in message.controls if one.oid == m.PAGED), None)
        try:
            size, cookie = m.read_page(paging.value) if paging else (0, b"")
        except BadBer:
            return [done(m.PROTOCOL_ERROR, "broken page control")]
        if paging:
            return await self._page(message.id, asked, size, cookie)
        return await self._at_once(message.id, asked)

    async def _at_once(self, number: int, asked: m.Search) -> list[bytes]:
        limit = min(asked.size_limit or self._door.size_limit, self._door.size_limit)
        found = await self._find(asked, limit)
        if isinstance(found, int):
            return [_Done(number)(found)]
        code = m.SIZE_LIMIT if found.more else found.code
        return [*_entries(number, found.entries), _Done(number)(code)]

    async def _page(self, number: int, asked: m.Search, size: int, cookie: bytes) -> list[bytes]:
        """RFC 2696: a cookie stands for what is left; a page of nothing ends the search."""
        done = _Done(number)
        if cookie:
            left = self._pages.pop(cookie, None)
            if left is None:
                return [done(m.UNWILLING, "this search is over")]
        else:
            found = await self._find(asked, min(asked.size_limit or PAGES_LIMIT, PAGES_LIMIT))
            if isinstance(found, int):
                return [done(found)]
            left = _Rest(found.entries, m.SIZE_LIMIT if found.more else found.code)
        now, rest = left.entries[:size], left.entries[size:] if size else []
        fresh, code = b"", m.SUCCESS if rest or not size else left.code
        if rest:
            fresh = secrets.token_bytes(16)
            self._pages = {fresh: _Rest(rest, left.code)}  # one search at a time
        control = m.page(len(left.entries), fresh)
        return [*_entries(number, now), m.answer(number, m.SEARCH_DONE, code, controls=(control,))]

    async def _find(self, asked: m.Search, limit: int) -> Answer | int:
        """The answer, or the code of what went wrong."""
        seconds = min(asked.time_limit or self._door.time_limit, self._door.time_limit)
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._door.finder.find, asked, limit), seconds)
        except TimeoutError:
            return m.TIME_LIMIT
        except PliError:
            return m.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of a search, and how it ends."""

    entries: list[Entry]
    code: int


class _Done:
    """Ends a search."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, code: int, text: str = "") -> bytes:
        return m.answer(self._number, m.SEARCH_DONE, code, text)


def _entries(number: int, entries: Sequence[Entry]) -> list[bytes]:
    return [m.entry(number, entry.dn, entry.attributes) for entry in entries]


def _described(number: int, asked: m.Search, *, tls: bool) -> list[bytes]:
    """The root DSE or the schema, for everybody."""
    attributes = tree.root_dse(tls=tls) if asked.base == "" else tree.schema()
    if not matches(asked.filter, attributes, frozenset(attributes)):
        return []
    names = tuple(name for name in asked.attributes if name != "+") or ()
    return [m.entry(number, asked.base, given(attributes, names, types_only=asked.types_only))]


def _login(name: str) -> str:
    """`mail=…,ou=personnes,…` or the address itself."""
    first = name.partition(",")[0]
    key, equals, value = first.partition("=")
    return value.strip() if equals and key.strip().lower() in ("mail", "uid", "cn") else name.strip()
