"""LDAP messages: what real clients send is understood, everything else is refused within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap import ber, filters
from directory.ldap import messages as m
from directory.ldap.ber import BadBer, Cursor
from directory.ldap.filters import AND, APPROX, EQUAL, NOT, OR, PRESENT, SUBSTRINGS, Filter, matches
from directory.ldap.plan import ALTERNATIVES, Lookup, plan
from directory.ldap.tree import KNOWN, escaped, normal

BIND = bytes.fromhex("300c020101600702010304008000")
ENTRY = {"cn": ["Élodie Béranger"], "sn": ["BÉRANGER"], "mail": ["elodie@cabinet.test"], "postalcode": ["35000"]}


def eq(name: str, value: str, kind: int = EQUAL) -> Filter:
    return Filter(kind, name, (value,))


def test_a_bind() -> None:
    assert ber.message_size(BIND[:1]) is None and ber.message_size(BIND) == len(BIND)
    assert m.read(BIND) == m.Message(1, m.Bind(3, "", ""))


HOSTILE = [
    b"",
    b"0",
    b"\x30\x80\x02\x01\x01\x60\x00\x00\x00",  # indefinite length
    b"\x30\x84\xff\xff\xff\xff",
    b"\x30\x05\x02\x01\x01\x60",
    b"\x30\x03\x02\x01\x01",
    b"\x30\x0c\x02\x05\x01\x01\x01\x01\x01\x60\x03\x02\x01\x03",
    b"\x30\x05\x02\x01\xff\x42\x00",  # below zero
    b"\x30\x07\x02\x01\x01\x7f\x81\x01\x00",  # tag of two octets
    b"\x30\x07\x02\x01\x01\x60\x7f\x02\x01\x03",  # longer than its parent
    b"GET / HTTP/1.1\r\n\r\n",
]


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_messages(data: bytes) -> None:
    with pytest.raises(BadBer):
        m.read(data)


def search_of(raw_filter: bytes) -> bytes:
    body = b"".join(
        (
            ber.octets("o=annuaire"),
            ber.integer(2, ber.ENUMERATED),
            ber.integer(0, ber.ENUMERATED),
            ber.integer(0),
            ber.integer(0),
            ber.boolean(False),
            raw_filter,
            ber.element(ber.SEQUENCE),
        )
    )
    return ber.element(ber.SEQUENCE, ber.integer(2), ber.element(m.SEARCH, body))


def test_deep_and_wide_filters_are_refused() -> None:
    deep = ber.octets("cn", PRESENT)
    for _ in range(200):
        deep = ber.element(NOT, deep)
    with pytest.raises(BadBer):
        m.read(search_of(deep))
    with pytest.raises(BadBer):
        m.read(search_of(ber.element(OR, *[ber.octets("cn", PRESENT)] * 300)))


@given(st.binary(max_size=200))
def test_fuzz_messages(data: bytes) -> None:
    for raw in (data, ber.element(ber.SEQUENCE, ber.integer(1), data), search_of(data)):
        try:
            assert isinstance(m.read(raw), m.Message)
        except BadBer:
            pass


@given(st.integers(1 - 2**31, 2**31 - 1))
def test_integers_come_back(value: int) -> None:
    raw = ber.integer(value)
    assert Cursor(raw, 0, len(raw)).integer() == value


def test_three_values() -> None:
    """RFC 4511 §4.5.1.7: what is not known is neither true nor false."""
    unknown = eq("shoesize", "43")
    assert matches(unknown, ENTRY, KNOWN) is None and matches(Filter(NOT, parts=(unknown,)), ENTRY, KNOWN) is None
    assert matches(Filter(OR, parts=(unknown, eq("sn", "beranger"))), ENTRY, KNOWN) is True
    assert matches(Filter(AND, parts=(unknown, eq("sn", "martin"))), ENTRY, KNOWN) is False
    assert matches(Filter(AND), ENTRY, KNOWN) is True and matches(Filter(OR), ENTRY, KNOWN) is False


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (eq("sn", "BERANGER"), True),
        (Filter(SUBSTRINGS, "cn", ("elo", "rang", "")), True),
        (Filter(SUBSTRINGS, "cn", ("", "rang", "")), True),
        (Filter(SUBSTRINGS, "cn", ("beranger", "")), False),
        (Filter(SUBSTRINGS, "sn", ("bera", "anger")), False),  # pieces do not overlap
        (Filter(PRESENT, "mail"), True),
        (Filter(PRESENT, "title"), False),
        (eq("sn", "bairanger", APPROX), True),
        (eq("postalcode", "35", filters.AT_LEAST), True),
        (eq("postalcode", "34999", filters.AT_MOST), False),
        (Filter(NOT, parts=(eq("sn", "martin"),)), True),
    ],
)
def test_filters(wanted: Filter, fits: bool) -> None:
    assert matches(wanted, ENTRY, KNOWN) is fits


def test_what_is_looked_up_for_a_filter() -> None:
    full, family = (("nu", "dup", True),), (("n", "dup", True),)
    thunderbird = Filter(OR, parts=tuple(Filter(SUBSTRINGS, name, ("", "dup", "")) for name in ("mail", "cn", "sn")))
    assert plan(thunderbird) == [Lookup(held="dup"), Lookup(words=full), Lookup(words=family)]
    typed = Filter(OR, parts=tuple(Filter(SUBSTRINGS, name, ("dup", "")) for name in ("mail", "cn")))
    assert plan(typed) == [Lookup(address="dup"), Lookup(words=(("nu", "dup", False),))]
    both = Filter(AND, parts=(Filter(PRESENT, "objectclass"), eq("sn", "Dupont"), eq("l", "Paris")))
    assert plan(both) == [Lookup(words=(("n", "dupont", False), ("w", "paris", False)))]
    assert plan(Filter(PRESENT, "objectclass")) is None
    assert plan(Filter(OR, parts=(eq("sn", "a"), Filter(PRESENT, "cn")))) is None
    assert plan(eq("mail", "A.b@c.test")) == [Lookup(address="a.b@c.test")]
    assert plan(Filter(AND, parts=(eq("sn", "x"), eq("mail", "a@b.test")))) == [Lookup(address="a@b.test")]
    assert plan(Filter(AND, parts=(eq("title", "Dr en or"), eq("uid", "8991")))) == [Lookup(key="8991")]
    assert plan(eq("sn", "de la Tour")) == [Lookup(words=(("n", "delatour", False),))]
    assert plan(eq("cn", "Du Puy de")) == [Lookup(words=(("nu", "du", False), ("nu", "puy", False)))]
    assert plan(Filter(SUBSTRINGS, "sn", ("", "de", ""))) is None  # in no index: the filter looks at everybody
    assert plan(eq("sn", "bernar", APPROX)) == [Lookup(words=(("n", "bernar", False),), alike=True)]
    assert plan(Filter(OR, parts=tuple(eq("sn", f"n{n}") for n in range(ALTERNATIVES + 1)))) is None


def test_names() -> None:
    assert normal(" Mail = A@b , OU=x,o=Annuaire") == "mail=a@b,ou=x,o=annuaire"
    assert escaped('a,b+c"') == 'a\\,b\\+c\\"'
