"""DICOM headers: read up to the pixels in every form of writing, linked, never copied."""

import struct

import pytest

from record.judgement import may_be_prescription
from record.unpack import unpack
from record.unpack.facts import DICOM, Document, Problem
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


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = open_sequence(0x0040_A375, data)
    return data


HOSTILE = {
    "torn": (dicom()[:200], Problem.BROKEN),
    "torn in the meta group": (dicom()[:150], Problem.BROKEN),
    "no class": (
        b"\0" * 128 + b"DICM" + element(2 << 16 | 0x10, "UI", EXPLICIT) + element(0x0008_0060, "CS", "CT"),
        Problem.BROKEN,
    ),
    "no syntax": (b"\0" * 128 + b"DICM" + element(0x0008_0060, "CS", "CT"), Problem.BROKEN),
    "deflated": (dicom(syntax="1.2.840.10008.1.2.1.99"), Problem.TYPE_NOT_TAKEN),
    "length beyond the end": (dicom(more=struct.pack("<HH2sHI", 0x20, 0x4000, b"UT", 0, 2**31)), Problem.BROKEN),
    "sequence beyond the end": (dicom(more=struct.pack("<HH2sHI", 0x40, 0xA375, b"SQ", 0, 2**31)), Problem.BROKEN),
    "deep": (dicom(more=nested(30)), Problem.TOO_DEEP),
    "many": (dicom(more=element(0x0020_4000, "LT", "") * 30_000), Problem.TOO_LARGE),
    "program in front": (dicom(preamble=b"MZ" + b"\0" * 126), Problem.POLYGLOT),
    "page in front": (dicom(preamble=b"<html>" + b" " * 122), Problem.POLYGLOT),
    "pdf in front": (dicom(preamble=b"%PDF-1.7" + b" " * 120), Problem.POLYGLOT),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(name: str) -> None:
    data, problem = HOSTILE[name]
    found = unpack(data)
    assert not found.documents and found.problems == (problem,)
