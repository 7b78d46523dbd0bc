"""Hostile bytes for every reader of the room: a document or a problem comes out, never an exception."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail.bounds import MimeBounds
from mail.mime import walk
from record.consent_mail import code_of, reading
from record.from_message import attachments
from record.identity import compare
from record.judgement import judge, may_be_prescription
from record.unpack import unpack
from record.unpack.cda import read_cda
from record.unpack.facts import IMAGES, Unreadable
from record.unpack.image import read_image
from record.unpack.sniff import sniff
from tests.support.mime_makers import hostile_bytes
from tests.support.mutated import mutated
from tests.support.record_files import PRESCRIPTION, cda, photo, photo_pdf, png_claiming, text_pdf
from tests.support.record_world import TEST_OIDS, person

pytestmark = pytest.mark.slow

SEEDS = [
    cda(person(), body=text_pdf("x")),
    cda(person(), section="RAMIPRIL 5 mg"),
    photo(40, 40),
    photo(40, 40, "PNG"),
    photo(40, 40, "TIFF"),
    png_claiming(900, 900),
    "Ordonnance : œuvre".encode("cp1252"),
]
PDFS = [text_pdf(*PRESCRIPTION), photo_pdf(60, 60)]


def check(data: bytes) -> None:
    found = unpack(data, "application/pdf", "x.pdf")
    assert found.documents or found.problems
    for document in found.documents:
        finding = compare(document, person(), TEST_OIDS)
        assert judge(document, "none", person(), TEST_OIDS).finding == finding
        may_be_prescription(document)
        assert "matricule" not in repr(document)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=600), mutated(SEEDS)))
def test_any_bytes(data: bytes) -> None:
    check(data)


@settings(max_examples=60, deadline=None)
@given(mutated(PDFS))
def test_torn_pdfs(data: bytes) -> None:
    check(data)


@given(st.one_of(st.binary(max_size=300), mutated(SEEDS)))
def test_each_reader_by_itself(data: bytes) -> None:
    for reader in (sniff, read_cda, *(lambda d, m=m: read_image(d, m) for m in sorted(IMAGES))):
        try:
            reader(data)
        except Unreadable as refusal:
            assert refusal.problem.value in str(refusal)


_TAGS = """<ClinicalDocument xmlns='urn:hl7-org:v3'>|</ClinicalDocument>|<recordTarget>|</recordTarget>|<patientRole>
</patientRole>|<id root='1.2.250.1.213.1.4.10' extension='1'/>|<id/>|<patient>
<name><family qualifier='BR'>A</family></name>
</patient>|<title>&#0;</title>|<![CDATA[|]]>|<component><nonXMLBody><text representation='B64'>|QUJD
</text></nonXMLBody></component>|&amp;|<!--|-->|<?x y?>|xmlns:a='b'|<author><assignedAuthor/></author>|\x00|é|&x;"""
_XML = st.lists(st.sampled_from(_TAGS.replace("\n", "|").split("|")), max_size=25).map(
    lambda tags: "".join(tags).encode()
)


@given(_XML)
def test_any_tags(data: bytes) -> None:
    check(b"<ClinicalDocument xmlns='urn:hl7-org:v3'>" + data + b"</ClinicalDocument>")
    check(data)


@given(hostile_bytes)
def test_any_message(raw: bytes) -> None:
    try:
        tree = walk(raw)
    except MimeBounds:
        return
    for file in attachments(raw, tree, 10_000):
        assert file.problem or len(file.data) <= 10_000


@given(st.text(max_size=80))
def test_any_answer(text: str) -> None:
    assert reading(text) in (True, False, None)
    code_of(text)
