"""DICOM headers: read up to the pixels in every form of writing, linked, never copied."""

import pytest

from record.judgement import may_be_prescription
from record.unpack import unpack
from record.unpack.facts import DICOM, Document, Problem
from tests.support.hostile_files import DICOM_FILES
from tests.support.record_world import person
from tests.support.wrapped_files import BIG, EXPLICIT, IMPLICIT, KOS, dicom, element, item, open_sequence

INS = person().ins
URL = "https://pacs.example/dicom-web/studies/2.25.6"


def header(data: bytes) -> Document:
    (document,) = unpack(data, "application/dicom", "IM1.DCM").documents
    return document


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_header_in_every_form(syntax: str) -> None:
    document = header(dicom(INS, syntax=syntax))
    (entry,) = document.entries
    assert (document.media_type, document.title, document.text) == (
        DICOM,
        "Scanner du thorax",
        "CT Scanner du thorax 20260601",
    )
    assert [(claim.text, claim.oid) for claim in entry.ins] == [(INS.matricule, INS.oid)]
    assert (entry.traits.other_families, entry.traits.other_given) == (("DUPRE-L'HOTE",), ("Maelys",))
    assert (entry.traits.birth_date, entry.traits.sex, entry.document_id) == ("19790328", "F", "2.25.5")
    assert entry.links == ("urn:oid:2.25.6",)


def test_a_picture_is_linked_not_copied_and_no_prescription() -> None:
    document = header(dicom())
    assert document.remarks == (Problem.NOT_COPIED,) and not document.is_copied and not document.is_picture_only
    assert not may_be_prescription(document)


def test_an_unknown_issuer_names_nobody() -> None:
    assert header(dicom()).claims == ()


@pytest.mark.parametrize("is_open", [True, False])
def test_key_objects_tell_where_pictures_are(is_open: bool) -> None:
    inner = element(0x0008_1190, "UT", URL) + element(0x0020_000E, "UI", "2.25.8")
    deeper = element(0x0010_0010, "PN", "AUTRE^Nom") + element(0x0008_1190, "UT", "javascript:alert(1)")
    series = open_sequence(0x0008_1115, inner) if is_open else element(0x0008_1115, "SQ", item(inner))
    more = open_sequence(0x0040_A375, series + deeper) if is_open else element(0x0040_A375, "SQ", item(series + deeper))
    document = header(dicom(INS, sop=KOS, more=more))
    assert document.entries[0].links == (URL,) and document.is_copied
    assert document.entries[0].traits.other_families == ("DUPRE-L'HOTE",)


@pytest.mark.parametrize("name", DICOM_FILES)
def test_hostile_headers(name: str) -> None:
    make, problem = DICOM_FILES[name]
    found = unpack(make())
    assert not found.documents and found.problems == (problem,)
