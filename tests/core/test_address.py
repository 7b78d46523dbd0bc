"""Addresses: what passes, what imitates, what smuggles."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.address import Address, MailboxKind, NotAnAddress, PatientRules, use_patient_rules
from core.errors import BadInput
from core.ins import OID_DEMO, OID_NIA, OID_TEST, Ins, key_of
from tests.support.people import invented, matricules

PATIENT = "255081416802538@patient.mssante.fr"


@pytest.fixture
def rules():
    yield use_patient_rules
    use_patient_rules(PatientRules())


@pytest.mark.parametrize(
    "text",
    [
        "dr.aubin@cabinet.example",
        "12345@lab.example",
        "o'neil+ordonnances@cabinet.example",
        "a_b-c=d@x.test",
        "box0@bench.example",
        "a" * 64 + "@x.example",
        "x@xn--caf-dma.example",  # café: an accent is not another script
        "x@" + "a" * 63 + ".example",
        "x@sous.domaine.assez.long.example",
    ],
)
def test_plain_addresses_stay_as_given(text):
    address = Address.parse(text)
    assert address.text == text
    assert address.local + "@" + address.domain == text
    assert not address.is_patient
    assert address.ins is None


HOSTILE = [
    "",
    "@",
    "a@",
    "@b.example",
    "<>",
    "a",
    "a.b.example",
    "a@b",
    "postmaster",
    "<a@b.example>",
    "Aubin <a@b.example>",
    "Aubin a@b.example",
    "a@b.example, c@d.example",
    "a@b.example;c@d.example",
    "a@b@c.example",
    "a b@c.example",
    " a@b.example",
    "a@b.example ",
    "a@b.example\n",
    "a@b.example\r\nRCPT TO:<c@d.example>",
    "a\r@b.example",
    "a\n@b.example",
    "a\x00@b.example",
    "a@b.exa\x00mple",
    "a\t@b.example",
    "a\x7f@b.example",
    "a\x1b[2J@b.example",
    "a\u0085@b.example",
    "a\u200b@b.example",
    "a\u202e@b.example",
    "a@b.exa\u200bmple",
    "a@\u00adb.example",
    "dr.aubin@cаbinet.example",  # Cyrillic а
    "dr.аubin@cabinet.example",
    "dr.aubin@саѕе.example",
    "dr.aubin@cabinet。example",  # ideographic full stop, which IDNA reads as a dot
    "dr.aubin@cabinet．example",
    "dr.aubin＠cabinet.example",
    "ｄr.aubin@cabinet.example",
    "é@cabinet.example",
    "a@café.example",
    "a@xn--80ak6aa92e.example",  # all Cyrillic, reads as a Latin word
    "a@xn--cbinet-3nf.example",  # one Cyrillic letter among Latin ones
    "a@xn--0.example",
    "a@xn--.example",
    '"a b"@c.example',
    '"a"@c.example',
    '"a@b"@c.example',
    "a\\@b@c.example",
    "(hidden)a@b.example",
    "a@b.example(hidden)",
    "@relay.example:a@b.example",
    "@one.example,@two.example:a@b.example",
    "a%b.example@relay.example",
    "relay.example!a@b.example",
    "a@[127.0.0.1]",
    "a@[IPv6:::1]",
    "a@127.0.0.1",
    "a@b.example.",
    "a@.b.example",
    "a@b..example",
    "a@-b.example",
    "a@b-.example",
    "a@b_c.example",
    ".a@b.example",
    "a.@b.example",
    "a..b@c.example",
    "a@localhost",
    "a@host.local",
    "a@b.example:25",
    "a@b.example/../c",
    "a" * 65 + "@b.example",
    "a@" + "b" * 64 + ".example",
    "a@" + "b." * 130 + "example",
    "a" * 250 + "@b.fr",
    "a" * 1_000_000,
    "@" * 1_000_000,
    "a@" + "xn--" * 60,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_refused_and_never_repeated(text):
    with pytest.raises(NotAnAddress) as caught:
        Address.parse(text)
    assert isinstance(caught.value, BadInput)
    assert caught.value.__cause__ is None
    assert len(text) < 3 or text not in f"{caught.value.public} {caught.value.cause}"


@pytest.mark.parametrize(
    ("local", "domain"), [("a", "b.example\n"), ("a\r", "b.example"), ("", "b.example"), ("a@b", "c.fr")]
)
def test_the_constructor_checks_as_well(local, domain):
    with pytest.raises(NotAnAddress):
        Address(local, domain)


@pytest.mark.parametrize("value", [None, b"a@b.example", 12, ["a@b.example"]])
def test_what_is_not_text(value):
    with pytest.raises(NotAnAddress):
        Address.parse(value)


def test_the_domain_is_lower_case_and_the_local_part_as_given():
    address = Address.parse("Dr.Aubin@Cabinet.EXAMPLE")
    assert address.text == "Dr.Aubin@cabinet.example"
    assert address.key == "dr.aubin@cabinet.example"
    assert address == Address.parse("dr.aubin@cabinet.example")
    assert len({address, Address.parse("DR.AUBIN@cabinet.example")}) == 1
    assert address != "dr.aubin@cabinet.example"


@given(matricules())
def test_a_patient_address_is_the_whole_matricule(matricule):
    address = Address.parse(f"{matricule}@Patient.MSSante.fr")
    assert address.is_patient
    assert address.ins == Ins(matricule)
    assert address.text == f"{matricule}@patient.mssante.fr"
    assert address == Address.parse(f"{matricule.swapcase()}@patient.mssante.fr")


@given(matricules())
def test_thirteen_and_fourteen_characters_are_refused(matricule):
    for local in (matricule[:13], matricule[:14], matricule + "0", "x" + matricule, matricule + "+x"):
        with pytest.raises(NotAnAddress):
            Address.parse(f"{local}@patient.mssante.fr")


@given(matricules())
def test_a_wrong_key_is_no_patient(matricule):
    wrong = f"{(int(matricule[13:]) + 1) % 100:02}"
    with pytest.raises(NotAnAddress):
        Address.parse(f"{matricule[:13]}{wrong}@patient.mssante.fr")


def test_a_number_elsewhere_is_only_a_name():
    address = Address.parse("255081416802538@cabinet.example")
    assert not address.is_patient


@pytest.mark.parametrize("domain", ["patient.mssante.fr.evil.example", "sub.patient.mssante.fr", "xpatient.mssante.fr"])
def test_only_the_very_domain_holds_patients(domain):
    assert not Address.parse("255081416802538@" + domain).is_patient


def test_a_provisional_number_reads_as_nia():
    body = "7112312345678"
    address = Address.parse(f"{body}{key_of(body)}@patient.mssante.fr")
    assert address.ins is not None
    assert address.ins.oid == OID_NIA
    assert Address.parse(PATIENT).ins.oid == OID_TEST


def test_the_operator_names_its_patient_domains(rules):
    rules(PatientRules(frozenset({"patients.example"}), OID_DEMO))
    assert Address.parse("255081416802538@patients.example").ins == Ins("255081416802538", OID_DEMO)
    assert not Address.parse(PATIENT).is_patient


@pytest.mark.parametrize("text", [PATIENT, "dr.aubin@cabinet.example"])
def test_it_never_prints_its_local_part(text):
    address = Address.parse(text)
    for shown in (repr(address), str(address), f"{address}", repr([address]), repr({"a": address}), address.masked):
        assert address.local not in shown
        assert address.domain in shown


def test_it_is_frozen():
    with pytest.raises(AttributeError):
        Address.parse(PATIENT).local = "x"
    assert not hasattr(Address.parse(PATIENT), "__dict__")


def test_the_kinds():
    assert [kind.value for kind in MailboxKind] == ["PER", "ORG", "APP", "CAB", "PAT", "SYS"]
    assert MailboxKind("PAT") is MailboxKind.PAT


WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)


@given(st.lists(WORD, min_size=1, max_size=4).map(".".join), st.lists(WORD, min_size=1, max_size=4).map(".".join))
def test_reading_twice_changes_nothing(local, domain):
    once = Address.parse(f"{local}@{domain}.example")
    assert Address.parse(once.text) == once
    assert Address.parse(once.text).text == once.text
    assert once.key == once.key.lower()


@given(st.one_of(st.text(max_size=60), st.text('ab.@<>:%!"\\ \r\n\0é', max_size=30)))
def test_whatever_passes_is_printable_ascii_with_one_at(text):
    try:
        address = Address.parse(text)
    except NotAnAddress:
        return
    assert address.text.isascii()
    assert address.text.isprintable()
    assert " " not in address.text
    assert address.text.count("@") == 1


def test_invented_people_have_addresses():
    assert Address.parse(f"{invented(7).matricule}@patient.mssante.fr").ins == invented(7)
