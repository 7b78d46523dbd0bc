"""LDAP messages (RFC 4511 §4): requests read, answers written."""

from dataclasses import dataclass

from directory.ldap import ber
from directory.ldap.ber import BadBer, Cursor
from directory.ldap.filters import Filter
from directory.ldap.filters import read as read_filter

BIND, UNBIND, SEARCH, ABANDON, EXTENDED = 0x60, 0x42, 0x63, 0x50, 0x77
OTHERS = {0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D, 0x6E: 0x6F}  # modify, add, delete, rename, compare: answers
BIND_ANSWER, SEARCH_ENTRY, SEARCH_DONE, EXTENDED_ANSWER = 0x61, 0x64, 0x65, 0x78

SUCCESS, OPERATIONS_ERROR, PROTOCOL_ERROR, TIME_LIMIT, SIZE_LIMIT = 0, 1, 2, 3, 4
AUTH_METHOD, STRONGER_AUTH, ADMIN_LIMIT, UNAVAILABLE_CRITICAL = 7, 8, 11, 12
CONFIDENTIALITY, NO_SUCH_OBJECT, NO_ANONYMOUS, INVALID_CREDENTIALS, INSUFFICIENT = 13, 32, 48, 49, 50
BUSY, UNAVAILABLE, UNWILLING = 51, 52, 53

START_TLS = "1.3.6.1.4.1.1466.20037"
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"
PAGED = "1.2.840.113556.1.4.319"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
BASE, ONE, SUBTREE = 0, 1, 2
CONTROLS, ATTRIBUTES, COOKIE_OCTETS = 16, 64, 64


@dataclass(frozen=True, slots=True)
class Control:
    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Bind:
    version: int
    name: str
    password: str | None  # None: SASL


@dataclass(frozen=True, slots=True)
class Search:
    base: str
    scope: int
    size_limit: int
    time_limit: int
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extended:
    oid: str


@dataclass(frozen=True, slots=True)
class Other:
    """A request that this server does not do; `answer`: the tag of its answer, 0 when there is none."""

    answer: int


Request = Bind | Search | Extended | Other


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    request: Request | None  # None: the client leaves
    controls: tuple[Control, ...] = ()


def read(data: bytes) -> Message:
    """One whole message. Raises BadBer."""
    whole = Cursor(data, 0, len(data)).inside(ber.SEQUENCE)
    number = whole.integer()
    if number < 0:
        raise BadBer("message id below zero")
    request = _request(whole)
    controls = _controls(whole.inside(0xA0)) if not whole.is_done else ()
    return Message(number, request, controls)


def _request(whole: Cursor) -> Request | None:
    tag = whole.peek()
    if tag == BIND:
        return _bind(whole.inside())
    if tag == SEARCH:
        return _search(whole.inside())
    if tag == EXTENDED:
        inner = whole.inside()
        return Extended(_ascii(inner.value(0x80)))
    whole.value()
    if tag == UNBIND:
        return None
    if tag == ABANDON:
        return Other(0)
    if tag not in OTHERS:
        raise BadBer("unknown request")
    return Other(OTHERS[tag])


def _bind(inner: Cursor) -> Bind:
    version, name = inner.integer(), _text(inner.value(ber.OCTETS))
    if inner.peek() == 0x80:
        return Bind(version, name, _text(inner.value()))
    inner.value(0xA3)
    return Bind(version, name, None)


def _search(inner: Cursor) -> Search:
    base = _text(inner.value(ber.OCTETS))
    scope = inner.integer(ber.ENUMERATED)
    inner.integer(ber.ENUMERATED)  # aliases: there are none
    sizes = inner.integer(), inner.integer()
    types_only = inner.boolean()
    wanted = read_filter(inner)
    names = inner.inside(ber.SEQUENCE)
    attributes: list[str] = []
    while not names.is_done:
        if len(attributes) >= ATTRIBUTES:
            raise BadBer("too many attributes")
        attributes.append(_text(names.value(ber.OCTETS)))
    if scope not in (BASE, ONE, SUBTREE) or min(sizes) < 0:
        raise BadBer("search out of range")
    return Search(base, scope, *sizes, types_only, wanted, tuple(attributes))


def _controls(inner: Cursor) -> tuple[Control, ...]:
    found: list[Control] = []
    while not inner.is_done:
        if len(found) >= CONTROLS:
            raise BadBer("too many controls")
        one = inner.inside(ber.SEQUENCE)
        oid = _ascii(one.value(ber.OCTETS))
        critical = one.boolean() if not one.is_done and one.peek() == ber.BOOLEAN else False
        value = one.value(ber.OCTETS) if not one.is_done else b""
        found.append(Control(oid, critical, value))
    return tuple(found)


def read_page(value: bytes) -> tuple[int, bytes]:
    """Size and cookie of a paged search (RFC 2696 §2). Raises BadBer."""
    inner = Cursor(value, 0, len(value)).inside(ber.SEQUENCE)
    size, cookie = inner.integer(), inner.value(ber.OCTETS)
    if size < 0 or len(cookie) > COOKIE_OCTETS:
        raise BadBer("page out of range")
    return size, cookie


def page(total: int, cookie: bytes) -> Control:
    """The answer's page control."""
    return Control(PAGED, False, ber.element(ber.SEQUENCE, ber.integer(total), ber.octets(cookie)))


def answer(
    number: int, tag: int, code: int, text: str = "", *, extra: bytes = b"", controls: tuple[Control, ...] = ()
) -> bytes:
    """An LDAPResult. `text` is for people and holds nothing personal."""
    result = ber.integer(code, ber.ENUMERATED) + ber.octets("") + ber.octets(text) + extra
    return _message(number, ber.element(tag, result), controls)


def entry(number: int, dn: str, attributes: list[tuple[str, list[bytes]]]) -> bytes:
    """A search result entry."""
    listed = [
        ber.element(ber.SEQUENCE, ber.octets(name), ber.element(ber.SET, *(ber.octets(value) for value in values)))
        for name, values in attributes
    ]
    return _message(number, ber.element(SEARCH_ENTRY, ber.octets(dn), ber.element(ber.SEQUENCE, *listed)), ())


def goodbye(code: int, text: str) -> bytes:
    """The notice that the server closes the connection (RFC 4511 §4.4.1)."""
    return answer(0, EXTENDED_ANSWER, code, text, extra=ber.octets(NOTICE_OF_DISCONNECTION, 0x8A))


def _message(number: int, body: bytes, controls: tuple[Control, ...]) -> bytes:
    parts = [ber.integer(number), body]
    if controls:
        listed = (ber.element(ber.SEQUENCE, ber.octets(one.oid), ber.octets(one.value)) for one in controls)
        parts.append(ber.element(0xA0, *listed))
    return ber.element(ber.SEQUENCE, *parts)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBer("not UTF-8") from None


def _ascii(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadBer("not ASCII") from None
