"""The INS: vectors of public validators, properties, and texts that only look like one."""

import csv
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum.fr import nir

from core import ins as room
from core.errors import BadInput, Refused
from core.ins import OID_DEMO, OID_NIA, OID_NIR, OID_SEEN_2025, OID_TEST, Ins, NotAnIns, Shape, WrongEnvironment
from tests.support.people import bodies, invented, matricules

HERE = Path(__file__).parent
OURS = HERE / "vectors_nir.csv"
SHARED = HERE.parents[2] / "shared" / "samples" / "nir" / "vectors.csv"
GOOD = "255081416802538"
CORSICAN = "255082A16802597"


def vectors():
    for path in (OURS, SHARED):
        if path.exists():
            with path.open(newline="", encoding="utf-8") as lines:
                yield from ((path.parent.name, *row.values()) for row in csv.DictReader(lines))


def is_ins(text, oid=OID_TEST):
    try:
        Ins.parse(text, oid)
    except NotAnIns:
        return False
    return True


def check_whole(text, expected):
    assert is_ins(text) is (expected != "invalid_key")
    assert Ins.read(text, OID_NIR).key_ok is (expected != "invalid_key")


def check_key(text, expected):
    body, key = text.replace(" ", ""), expected.removeprefix("key=")
    if "B" in body[:5]:  # a letter outside the department: the sum holds, the number is refused
        assert nir.calc_check_digits(body.replace("2B", "18")) == key
        with pytest.raises(NotAnIns):
            room.key_of(body)
        return
    assert room.key_of(text) == key
    assert is_ins(text + key)


@pytest.mark.parametrize(("place", "text", "kind", "expected", "source"), list(vectors()))
def test_every_line_of_the_vectors(place, text, kind, expected, source):
    if expected.startswith("key="):
        check_key(text, expected)
    elif kind.endswith("13"):
        assert room.shape_of(text).value == kind.removesuffix("13")
    else:
        assert kind in {"nir15", "nir15_spaced", "ins15"}
        assert expected in {"valid", "invalid_key", "valid_after_cleaning"}
        check_whole(text, expected)


def test_our_own_vectors_are_there():
    assert sum(1 for _ in OURS.open(encoding="utf-8")) > 10


@given(matricules())
@example(CORSICAN)
@example(CORSICAN.lower())
def test_a_right_matricule_is_kept_as_given(text):
    ins = Ins.parse(text)
    assert ins.matricule == text
    assert ins.canonical == text.upper()
    assert ins == Ins(text.upper()) == Ins(text.lower())
    assert len({ins, Ins(text.lower())}) == 1


@given(matricules())
def test_python_stdnum_agrees(text):
    assert nir.is_valid(text)


@given(matricules(), st.integers(0, 14), st.sampled_from("0123456789"))
def test_one_digit_changed_is_never_accepted(text, place, digit):
    changed = text[:place] + digit + text[place + 1 :]
    assume(changed != text and "2" not in text[5:7] + changed[5:7])  # 2A and 19 give the same sum
    assert not is_ins(changed)


@given(bodies(), st.integers(0, 99))
def test_only_one_key_is_right(body, key):
    assert is_ins(f"{body}{key:02}") is (f"{key:02}" == room.key_of(body))


@given(matricules())
def test_nothing_shows_the_number(text):
    ins = Ins(text)
    read = Ins.read(text, OID_NIR)
    for shown in (repr(ins), str(ins), f"{ins}", repr(read), str(read), repr([ins]), ins.masked):
        assert text[:11] not in shown
        assert text[-4:] in shown


@given(st.text(max_size=40))
def test_any_text_is_refused_or_right_and_never_repeated(text):
    try:
        ins = Ins.parse(text)
    except NotAnIns as error:
        assert len(text) < 6 or text not in f"{error.public} {error.cause}"
    else:
        assert room.has_right_key(ins.matricule)


HOSTILE = [
    "",
    GOOD[:13],
    GOOD[:14],
    GOOD + "0",
    "0" + GOOD,
    GOOD + "\n",
    GOOD + "\x00",
    "\t" + GOOD,
    GOOD[:7] + "\n" + GOOD[7:],
    GOOD.replace("2", "٢"),  # Arabic digits count as digits for str.isdigit and for \d
    "".join(chr(0xFF10 + int(digit)) for digit in GOOD),  # full-width
    GOOD[:-1] + "³",
    CORSICAN.replace("A", "А"),  # Cyrillic
    CORSICAN.replace("A", "C"),
    "2A" + GOOD[2:],
    GOOD[:5] + "AA" + GOOD[7:],
    "+" + GOOD[1:],
    GOOD[:13] + "+8",
    GOOD[:13] + " 8 ",
    GOOD + "@patient.mssante.fr",
    "2-55-08-14-168-025-38",
    " " * 1_000_000 + GOOD,
    "2" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_only_looks_like_one(text):
    with pytest.raises(NotAnIns):
        Ins.parse(text)
    with pytest.raises(NotAnIns):
        Ins(text)


@pytest.mark.parametrize("value", [None, 255081416802538, GOOD.encode(), [GOOD]])
def test_what_is_not_text(value):
    with pytest.raises(NotAnIns):
        Ins.parse(value)


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f", "\u2009"])
def test_printed_spaces_are_dropped(space):
    assert Ins.parse(space.join(["2", "55", "08", "14", "168", "025", "38"])) == Ins(GOOD)


def with_key(body):
    return body + room.key_of(body)


@pytest.mark.parametrize("body", ["3550814168025", "2551314168025", "2550014168025", "2551914168025", "7112312345678"])
def test_the_shape_of_a_nir_is_asked_of_nir_only(body):
    text = with_key(body)
    for oid in (OID_NIR, OID_TEST, OID_DEMO):
        assert not is_ins(text, oid)
    assert Ins(text, OID_NIA).matricule == text  # its own shape is not published
    assert Ins(text, OID_SEEN_2025).oid == OID_SEEN_2025


@pytest.mark.parametrize("oid", ["", "1.2.250.1.213.1.4.12", "1.2.250.1.213.1.4.8 ", "1.2.250.1.213.1.4", "8"])
def test_other_oids_make_no_ins(oid):
    assert not is_ins(GOOD, oid)


def test_two_oids_two_identities():
    assert Ins(GOOD, OID_TEST) != Ins(GOOD, OID_NIR)
    assert Ins(GOOD) != GOOD


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("7112312345678", Shape.NNP),
        ("8078965432189", Shape.NNP),  # the 0 of before 2012
        ("7312312345678", Shape.OTHER),
        ("6278965432189", Shape.MIG),
        ("6078965432189", Shape.OTHER),
        ("9112312345678", Shape.OTHER),
        (GOOD, Shape.OTHER),  # a shape is that of the 13 characters, without key
        (GOOD[:13], Shape.NIR),
        ("", Shape.OTHER),
    ],
)
def test_provisional_shapes(text, shape):
    assert room.shape_of(text) is shape


def test_a_document_with_a_wrong_key_is_read_and_told():
    read = Ins.read("2 55 08 14 168 025 39", "1.2.3")
    assert (read.matricule, read.oid, read.key_ok, read.oid_known) == ("255081416802539", "1.2.3", False, False)
    assert read.speaks_of(Ins(GOOD))
    assert not read.speaks_of(invented())


def test_a_document_without_key_is_read():
    read = Ins.read(CORSICAN[:13].lower(), OID_NIR)
    assert not read.key_ok
    assert read.oid_known
    assert read.speaks_of(Ins(CORSICAN))


@pytest.mark.parametrize("text", ["", "DUPONT", GOOD[:14], GOOD + "1", "٢" * 15, GOOD + "\n", "1" * 100_000])
def test_a_document_without_matricule_is_told_apart(text):
    with pytest.raises(NotAnIns):
        Ins.read(text, OID_NIR)


@given(st.text(max_size=30))
def test_lenient_reading_never_says_right_of_a_wrong_key(text):
    try:
        read = Ins.read(text, OID_NIR)
    except NotAnIns:
        return
    assert read.key_ok is room.has_right_key(read.matricule)


@pytest.mark.parametrize("oid", [OID_TEST, OID_DEMO])
def test_production_takes_no_invented_identity(oid):
    room.require_environment(Ins(GOOD, oid), production=False)
    with pytest.raises(WrongEnvironment):
        room.require_environment(Ins(GOOD, oid), production=True)


@pytest.mark.parametrize("oid", [OID_NIR, OID_NIA])
def test_elsewhere_no_real_identity(oid):
    room.require_environment(Ins(GOOD, oid), production=True)
    with pytest.raises(WrongEnvironment) as caught:
        room.require_environment(Ins(GOOD, oid), production=False)
    assert isinstance(caught.value, Refused)


def test_it_is_frozen_and_its_error_is_bad_input():
    with pytest.raises(AttributeError):
        Ins(GOOD).matricule = CORSICAN
    assert issubclass(NotAnIns, BadInput)
