"""A CDA level 1 of our own: all that a submission requires, read again by our tolerant reader, nothing made up."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from core.errors import BadInput
from directory.extracts.entry import Entry
from record.identity import Agreement, compare
from record.pack.facts import facts_of
from record.pack.level1 import LETTERS, Writer, level1
from record.pack.xdm import OWN_OID, Leaf, Sender, pack
from record.unpack import unpack
from record.unpack.facts import CDA, PDF
from tests.support.record_files import text_pdf
from tests.support.record_world import TEST_OIDS, person

AT, NUMBER = datetime(2026, 6, 1, 9, 30, tzinfo=UTC), UUID(int=914)
WRITER = Writer("899700000001", "INVENTÉE & fils", "Léa", "Cabinet <des> Essais", "1990000001", "SA07")
ENTRY = Entry("a@b.test", "PER", national_id="8997", family="X", structure_name="Cabinet", sector="SA07")
ORDER = """realmCode typeId templateId templateId templateId id code title effectiveTime confidentialityCode
languageCode setId versionNumber recordTarget author
custodian legalAuthenticator documentationOf componentOf component"""


def made(title: str = "Toux & fièvre <3", writer: Writer = WRITER) -> bytes:
    return level1(text_pdf("Repos"), person(), writer, LETTERS[0], title, AT, NUMBER)


def test_the_header_says_all_that_a_submission_requires():
    facts = facts_of(made())
    assert (facts.unique_id, facts.title, facts.created) == ("2.25.914", "Toux & fièvre <3", "20260601093000")
    assert (facts.type.code, facts.kind.code, facts.facility.code) == ("11488-4", "10", "SA07")
    (author,) = facts.authors
    assert (author.id.number, author.family, author.institution) == (WRITER.number, WRITER.family, WRITER.structure)
    assert facts.signer.id == author.id and facts.service_start == "20260601"


def test_its_parts_stand_in_the_order_of_the_schema():
    root = etree.fromstring(made())
    assert [etree.QName(node).localname for node in root] == ORDER.split()


def test_our_reader_takes_it_for_this_patient_and_no_other():
    found = unpack(made(), "text/xml", "a.xml").documents
    assert [each.media_type for each in found] == [CDA, PDF] and found[1].data == text_pdf("Repos")
    assert compare(found[0], person(), TEST_OIDS).agreement is Agreement.AGREE
    assert compare(found[0], person(2), TEST_OIDS).agreement is Agreement.DISAGREE


def test_an_archive_takes_it():
    parcel = pack((Leaf(made()),), person(), Sender("Léa", "Pli", "", OWN_OID), AT)
    assert [name for name, _value in parcel.headers] == ["X-MSS-CODECDA", "X-MSS-INS"]
    assert b"Pli ()" not in parcel.attached[0].content


@pytest.mark.parametrize("missing", ["national_id", "family", "structure_name", "sector"])
def test_what_the_annuaire_does_not_know_is_not_made_up(missing: str):
    row = ENTRY.row() | {missing: ""}
    with pytest.raises(BadInput, match="incomplete"):
        Writer.of(Entry(**row))


def test_nobody_in_the_annuaire_writes_none():
    with pytest.raises(BadInput):
        Writer.of(None)


@given(st.text(max_size=80), st.text(max_size=30))
def test_no_text_becomes_markup(title: str, structure: str):
    writer = Writer("8", "X", "", structure, "", "SA07")
    try:
        cda = made(title, writer)
    except BadInput:
        return
    root = etree.fromstring(cda)
    assert [etree.QName(node).localname for node in root] == ORDER.split()
    assert len(root.findall(".//{*}nonXMLBody")) == 1
