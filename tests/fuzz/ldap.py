"""The LDAP door under mutated octets: `python -m tests.fuzz.ldap --seconds 300`.

Messages are read, their filters turned into searches and evaluated, and whole conversations are answered, over an
annuaire that is empty: nothing may be raised but what says that the octets are no LDAP.
"""

import asyncio
import tempfile
from pathlib import Path

import directory.tables  # noqa: F401  on the one MetaData before it is created
from core.db import Db
from directory.annuaire import Annuaire
from directory.ldap import ber, tree
from directory.ldap import messages as m
from directory.ldap.ber import BadBer
from directory.ldap.filters import matches
from directory.ldap.finder import Finder
from directory.ldap.plan import plan
from directory.ldap.session import Door, Session
from tests.fuzz.engine import main
from tests.support.ldap import LetsIn

ENTRY = {"cn": ["Élodie Béranger"], "mail": ["a@b.test"], "objectclass": ["top", "person"]}


def _message(number: int, body: bytes, *controls: bytes) -> bytes:
    return ber.element(ber.SEQUENCE, ber.integer(number), body, *([ber.element(0xA0, *controls)] if controls else []))


def _search(wanted: bytes, base: str = "o=annuaire", *controls: bytes) -> bytes:
    parts = [ber.octets(base), ber.integer(2, ber.ENUMERATED), ber.integer(0, ber.ENUMERATED), ber.integer(10)]
    parts += [ber.integer(5), ber.boolean(False), wanted, ber.element(ber.SEQUENCE, ber.octets("cn"))]
    return _message(3, ber.element(m.SEARCH, *parts), *controls)


def _pair(kind: int, name: str, value: str) -> bytes:
    return ber.element(kind, ber.octets(name), ber.octets(value))


BIND = _message(1, ber.element(m.BIND, ber.integer(3), ber.octets("a@b.test"), ber.octets("x", 0x80)))
SUBSTRINGS = ber.element(0xA4, ber.octets("cn"), ber.element(0x30, ber.octets("be", 0x80), ber.octets("ra", 0x81)))
PAGE = ber.element(ber.SEQUENCE, ber.integer(5), ber.octets(b""))
FILTERS = [
    _pair(0xA3, "sn", "béranger"),
    SUBSTRINGS,
    ber.octets("mail", 0x87),
    ber.element(0xA0, _pair(0xA5, "l", "a"), ber.element(0xA2, _pair(0xA8, "cn", "beranjer"))),
    ber.element(0xA1, SUBSTRINGS, _pair(0xA6, "postalCode", "35000")),
]
SEEDS = [
    BIND,
    *(_search(one) for one in FILTERS),
    _search(FILTERS[0], "", ber.element(ber.SEQUENCE, ber.octets(m.PAGED), ber.boolean(True), ber.octets(PAGE))),
    _message(4, ber.element(m.EXTENDED, ber.octets(m.START_TLS, 0x80))),
    _message(5, ber.octets(b"", m.UNBIND)),
    BIND + _search(FILTERS[3]) + _search(FILTERS[1]),
]


def message(data: bytes) -> None:
    """One message: understood, or refused by our own error."""
    try:
        ber.message_size(data[:16])
        found = m.read(data)
    except BadBer:
        return
    if isinstance(found.request, m.Search):
        plan(found.request.filter)
        assert matches(found.request.filter, ENTRY, tree.KNOWN) in (True, False, None)
    for control in found.controls:
        try:
            m.read_page(control.value)
        except BadBer:
            continue


def conversations(folder: Path):
    """A target over a real, empty annuaire."""
    annuaire = Annuaire(Db.open(f"sqlite:///{folder / 'x.db'}", create=True), folder / "annuaire")
    door = Door(Finder(annuaire, lambda _: {}), LetsIn(), frozenset({"physician"}), 50, 5)
    loop = asyncio.new_event_loop()

    def target(data: bytes) -> None:
        session = Session(door, "192.0.2.1", secure=True)
        while data and not session.is_over:
            try:
                size = ber.message_size(data)
                if size is None or size > len(data):
                    return
                read = m.read(data[:size])
            except BadBer:
                return
            data = data[size:]
            for answer in loop.run_until_complete(session.answer(read)):
                assert ber.message_size(answer) == len(answer)

    return target


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main({"message": (message, SEEDS), "conversation": (conversations(Path(folder)), SEEDS)})
