"""Hostile bytes for archives, METADATA.XML, JSON, RTF and DICOM: documents or a problem, never an exception."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from record.describe import describe
from record.unpack.dicom import read_dicom
from record.unpack.facts import Document, Unreadable
from record.unpack.fhir import read_fhir
from record.unpack.json_bounds import read_json
from record.unpack.rtf import read_rtf
from record.unpack.xdm import read_xdm
from record.unpack.xdm_metadata import read_metadata
from tests.support.mutated import mutated
from tests.support.record_files import cda
from tests.support.record_world import person
from tests.support.wrapped_files import BIG, IMPLICIT, KOS, binary, bundle, dicom, element, open_sequence, reference
from tests.support.xdm_files import Part as Entry
from tests.support.xdm_files import line, metadata, raw_zip, slot, xdm

pytestmark = pytest.mark.slow

INS = person().ins
DOCUMENT = cda(person(), section="RAMIPRIL 5 mg")
SEQUENCE = open_sequence(0x0040_A375, element(0x0008_1190, "UT", "https://a.example"))
METADATA = [
    metadata(line("D.XML", DOCUMENT, INS, extra=slot("sourcePatientInfo", "PID-5|A^B^^^^^L", "PID-8|F"))),
    metadata(line("", DOCUMENT, INS, extra=slot("URI", "1|a", "2|b")), declared=""),
]
ARCHIVES = [xdm(DOCUMENT, INS), raw_zip(Entry(b"S/METADATA.XML", METADATA[0], method=0), Entry(b"S/D.XML", DOCUMENT))]
JSON = [
    json.dumps(reference(INS, DOCUMENT)).encode(),
    json.dumps(bundle(("u", binary(DOCUMENT)), ("v", reference(INS, DOCUMENT, "u")))).encode(),
]
HEADERS = [dicom(INS), dicom(INS, syntax=IMPLICIT), dicom(syntax=BIG), dicom(INS, sop=KOS, more=SEQUENCE)]
LETTERS = [rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}}\uc1 a\u233?b\'e9\par{\*\x y}\tab\emdash}"]
MAIL = b"From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: application/zip\r\n\r\n"

bounded = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def opened(data: bytes, declared: str, name: str) -> tuple[Document, ...]:
    return (Document("", declared, data, title=name),)


def quietly(read, data: bytes, *more: object) -> None:
    try:
        read(data, *more)
    except Unreadable as refusal:
        assert refusal.problem.value == str(refusal)


@bounded
@given(st.one_of(st.binary(max_size=300), mutated(ARCHIVES)))
def test_any_archive(data: bytes) -> None:
    quietly(read_xdm, data, opened, 100_000)


@bounded
@given(st.one_of(st.binary(max_size=300), mutated(METADATA)))
def test_any_metadata(data: bytes) -> None:
    quietly(read_metadata, data)


@bounded
@given(st.one_of(st.binary(max_size=300), mutated(JSON)))
def test_any_json_text(data: bytes) -> None:
    quietly(read_json, data)
    quietly(read_fhir, data, opened, 100_000)


_KEYS = st.sampled_from(
    "resourceType type entry resource fullUrl content attachment data url size hash subject reference identifier system"
    " value contained id name family given gender birthDate coding code section text div relatesTo target status title"
    " context sourcePatientInfo masterIdentifier securityLabel category".split()
)
_WORDS = [
    "Bundle",
    "document",
    "DocumentReference",
    "Binary",
    "Composition",
    "Patient",
    "#a",
    "a",
    "QUJD",
    "\ud800",
    "",
]
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 99), st.floats(), st.sampled_from(_WORDS), st.text(max_size=9)
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=12
)
_KINDS = st.sampled_from(["Bundle", "DocumentReference", "Binary"])


@settings(bounded, max_examples=40)
@given(_KINDS, st.dictionaries(_KEYS, _VALUES, max_size=8))
def test_any_resource(kind: str, resource: dict[str, object]) -> None:
    data = json.dumps(resource | {"resourceType": kind}).encode()
    quietly(read_fhir, data, opened, 1000)
    json.dumps(describe(data, "x.json"), ensure_ascii=False).encode()


@bounded
@given(st.one_of(st.binary(max_size=300), mutated(HEADERS)))
def test_any_dicom(data: bytes) -> None:
    quietly(read_dicom, data)


_TOKENS = [
    "{",
    "}",
    "\\",
    "\\par ",
    "\\u233?",
    "\\u-1",
    "\\'e9",
    "\\'",
    "\\*",
    "\\uc9 ",
    "x",
    "é",
    "\r\n",
    "\\pict",
    "\\bin5",
]


@bounded
@given(st.one_of(st.lists(st.sampled_from(_TOKENS), max_size=30).map("".join).map(str.encode), mutated(LETTERS)))
def test_any_rtf(data: bytes) -> None:
    quietly(read_rtf, b"{\\rtf1" + data)
    quietly(read_rtf, data)


@bounded
@given(
    mutated([*ARCHIVES, *JSON, *HEADERS, *LETTERS, DOCUMENT, *(MAIL + data for data in ARCHIVES)]),
    st.sampled_from(["x", "x.eml"]),
)
def test_any_file_gets_an_account(data: bytes, name: str) -> None:
    account = describe(data, name)
    assert set(account) == {"documents", "refused"} and not (account["documents"] and account["refused"])
    json.dumps(account, ensure_ascii=False).encode()
