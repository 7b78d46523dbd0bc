"""What we write: strict by itself, read again by our tolerant reader, and judged by tools that are not ours."""

import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from core.errors import BadInput, Refused
from core.ins import Ins
from directory.patients import Identity
from record.identity import Agreement, compare
from record.pack.codes import VISIBILITY, Code
from record.pack.facts import facts_of, utc
from record.pack.fhir import Filed, publish, subject_of, submit
from record.pack.xdm import Leaf, Parcel, Sender, pack
from record.unpack import unpack
from record.unpack.facts import CDA, PDF, Problem
from tests.support.full_cda import full_cda
from tests.support.record_files import text_pdf
from tests.support.record_world import TEST_OIDS, person

PATIENT = person()
SENDER = Sender("Cabinet <Aubin> & fils", "Pli", "NIL-0001", "1.2.250.1.99.1")
AT = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
PAGE = text_pdf("ORDONNANCE", "RAMIPRIL 5 mg")
LEVEL1 = full_cda(PATIENT, pdf=PAGE)
SAMPLE = Path(__file__).parents[3] / "shared" / "samples" / "cda-n1" / "DOC00002.xml"


def packed(*leaves: Leaf, **options: bool) -> Parcel:
    return pack(leaves or (Leaf(LEVEL1),), PATIENT, SENDER, AT, **options)


def archive_of(parcel: Parcel) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(parcel.attached[0].content))


def test_subject_headers_and_names() -> None:
    parcel = packed()
    assert parcel.subject == "XDM/1.0/DDM+Prescription de produits de santé DUPRE-L'HOTE Maëlys 28/03/1979"
    assert parcel.headers == (("X-MSS-CODECDA", "57833-6"), ("X-MSS-INS", "O"))
    assert [one.name for one in parcel.attached] == [
        "IHE_XDM.zip",
        "20260531_Prescription_de_produits_de_sante_DUPRE_L_HOTE_Maelys.pdf",
    ]
    assert parcel.attached[1].content == PAGE
    assert packed(no_answer=True).headers[-1] == ("X-MSS-MES", "FIN")


def test_label_is_cut_and_several_are_counted() -> None:
    long = full_cda(PATIENT, label="a" * 60, number="2")
    assert packed(Leaf(long)).subject.startswith("XDM/1.0/DDM+" + "a" * 40 + " DUPRE")
    parcel = packed(Leaf(LEVEL1), Leaf(long))
    assert parcel.subject.startswith("XDM/1.0/DDM+2 documents ")
    assert [one.name[-6:] for one in parcel.attached[1:]] == ["_1.pdf", "_2.pdf"]


def test_archive_is_laid_out_as_the_norm_says() -> None:
    with archive_of(packed()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "INDEX.HTM",
            "README.TXT",
            "IHE_XDM/SUBSET01/METADATA.XML",
            "IHE_XDM/SUBSET01/DOC00001.XML",
        ]
        page = etree.fromstring(archive.read("INDEX.HTM"))
        assert SENDER.name in "".join(page.itertext()) and page.find(".//{*}a").get("href") == "README.TXT"
        readme = archive.read("README.TXT").decode()
        assert all(word in readme for word in ("Émetteur", "Application", "Instructions", "Arborescence"))


def test_unzip_agrees(tmp_path: Path) -> None:
    file = tmp_path / "IHE_XDM.zip"
    file.write_bytes(packed(Leaf(LEVEL1), pdf_inside=True).attached[0].content)
    assert subprocess.run(["unzip", "-tq", str(file)], capture_output=True).returncode == 0


REQUIRED_SLOTS = {"creationTime", "hash", "languageCode", "legalAuthenticator", "serviceStartTime", "size", "URI"}
REQUIRED_SLOTS |= {"sourcePatientId", "sourcePatientInfo"}


def test_metadata_has_every_required_field() -> None:
    with archive_of(packed()) as archive:
        root = etree.fromstring(archive.read("IHE_XDM/SUBSET01/METADATA.XML"))
    rim = {"r": "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"}
    (document,), (package,) = root.findall(".//r:ExtrinsicObject", rim), root.findall(".//r:RegistryPackage", rim)
    assert REQUIRED_SLOTS <= {slot.get("name") for slot in document.findall("r:Slot", rim)}
    assert len({node.get("classificationScheme") for node in document.findall("r:Classification", rim)}) == 7
    assert len(document.findall("r:ExternalIdentifier", rim)) == 2
    assert len(package.findall("r:ExternalIdentifier", rim)) == 3
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    (member,) = root.findall(".//r:Association", rim)
    assert (member.get("sourceObject"), member.get("targetObject")) == (package.get("id"), document.get("id"))
    times = document.xpath("r:Slot[@name='creationTime']//r:Value/text()", namespaces=rim)
    assert times == ["20260601070000"]


def test_read_again() -> None:
    secret = Code("MASQUE_PS", VISIBILITY, "Masqué aux professionnels")
    data = packed(Leaf(LEVEL1, visibility=(secret,)), pdf_inside=True).attached[0].content
    found = unpack(data, "application/zip", "IHE_XDM.zip")
    assert found.problems == () and found.rejected == ()
    assert [(d.part, d.media_type) for d in found.documents] == [("1", CDA), ("1/body", PDF), ("2", PDF)]
    outer, _body, page = found.documents
    assert (outer.data, page.data) == (LEVEL1, PAGE)
    assert outer.entries[0].confidentiality == ("N", "MASQUE_PS") and outer.entries[0].document_id == "2.25.41^1"
    assert {compare(document, PATIENT, TEST_OIDS).agreement for document in found.documents} == {Agreement.AGREE}


def test_replacement_and_removal() -> None:
    newer = full_cda(PATIENT, replaces="2.25.40")
    assert unpack(packed(Leaf(newer)).attached[0].content).documents[0].entries[0].action == "C"
    removed = unpack(packed(Leaf(LEVEL1, remove=True)).attached[0].content)
    assert all(Problem.DELETION in document.remarks for document in removed.documents)


def test_the_published_sample_is_packed_and_read_again() -> None:
    if SAMPLE.exists():
        patient = Identity(Ins("248039263001064"), "PAT-TROIS", "DOMINIQUE", "1979-03-28", "F")
        data = pack((Leaf(SAMPLE.read_bytes()),), patient, SENDER, AT).attached[0].content
        assert unpack(data).documents[0].data == SAMPLE.read_bytes() and unpack(data).problems == ()


_NAMES = st.text(
    st.characters(codec="utf-8", categories=["L", "Pd", "Zs"], include_characters="^&|~<>'\""), min_size=1, max_size=20
)


@settings(max_examples=40, deadline=None)
@given(_NAMES.filter(str.strip), st.integers(1, 3), st.booleans(), st.binary(min_size=1, max_size=80))
def test_whatever_is_written_is_read(label: str, count: int, pdf_inside: bool, noise: bytes) -> None:
    escaped = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    text = "".join(f"{byte} " for byte in noise)
    leaves = [Leaf(full_cda(PATIENT, number=str(n), label=escaped, text=text), PAGE) for n in range(count)]
    parcel = pack(tuple(leaves), PATIENT, SENDER, AT, pdf_inside=pdf_inside)
    found = unpack(parcel.attached[0].content)
    assert found.problems == () and found.rejected == ()
    assert [d.data for d in found.documents if d.media_type == CDA] == [leaf.cda for leaf in leaves]
    assert all(len(name) < 250 and name.isascii() for name in (one.name for one in parcel.attached))


FIELDS = (
    "id code title effectiveTime confidentialityCode languageCode author legalAuthenticator documentationOf componentOf"
)


@pytest.mark.parametrize("field", FIELDS.split())
def test_a_required_field_that_is_missing_is_named(field: str) -> None:
    with pytest.raises(BadInput) as caught:
        packed(Leaf(full_cda(PATIENT, without=field)))
    assert "missing" in caught.value.cause and PATIENT.family not in str(caught.value.cause)


@pytest.mark.parametrize(
    "leaf",
    [
        Leaf(b"<a/>"),
        Leaf(b"not xml"),
        Leaf(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        Leaf(full_cda(PATIENT, text="RAMIPRIL")),
        Leaf(full_cda(PATIENT, text="RAMIPRIL"), b"MZ no page"),
        Leaf(full_cda(PATIENT, code="99999-9")),
    ],
)
def test_what_cannot_be_sent(leaf: Leaf) -> None:
    with pytest.raises(BadInput):
        packed(leaf)


def test_another_patients_document_does_not_leave() -> None:
    with pytest.raises(Refused):
        packed(Leaf(LEVEL1), Leaf(full_cda(person(7))))
    with pytest.raises(BadInput):
        pack((), PATIENT, SENDER, AT)


def test_simplified_publish_is_read_again() -> None:
    data = json.dumps(publish(Filed(facts_of(LEVEL1), LEVEL1)), ensure_ascii=False).encode()
    found = unpack(data)
    assert found.problems == () and found.documents[0].data == LEVEL1
    entry = found.documents[0].entries[0]
    assert (entry.document_id, entry.type_code) == ("2.25.41^1", "57833-6")
    assert compare(found.documents[0], PATIENT, TEST_OIDS).agreement is Agreement.AGREE


def test_submission_is_read_again() -> None:
    newer = full_cda(PATIENT, number="2", replaces="2.25.40")
    documents = (Filed(facts_of(LEVEL1), LEVEL1), Filed(facts_of(newer), newer, replaces="old-id"))
    bundle = submit(documents, SENDER.oid, AT)
    requests = [(entry["request"]["method"], entry["request"]["url"].partition("/")[0]) for entry in bundle["entry"]]
    assert requests == [("POST", "List")] + [("POST", "DocumentReference"), ("POST", "Binary")] + [
        ("POST", "DocumentReference"),
        ("PATCH", "DocumentReference"),
        ("POST", "Binary"),
    ]
    found = unpack(json.dumps(bundle).encode())
    assert [d.data for d in found.documents if d.media_type == CDA] == [LEVEL1, newer] and not found.rejected
    assert found.documents[2].entries[0].replaces == ("2.25.40",)


def test_a_submission_speaks_of_one_patient() -> None:
    other = full_cda(person(7))
    with pytest.raises(BadInput):
        submit((Filed(facts_of(LEVEL1), LEVEL1), Filed(facts_of(other), other)), SENDER.oid, AT)
    with pytest.raises(BadInput):
        submit((), SENDER.oid, AT)
    assert subject_of(PATIENT.ins)["reference"].endswith("|" + PATIENT.ins.matricule)


@pytest.mark.parametrize(
    "written, expected",
    [
        ("20260601090000+0200", "20260601070000"),
        ("202606010900-0330", "20260601123000"),
        ("20260601", "20260601"),
        ("20260601090000.123", "20260601090000"),
        ("20269999250000", ""),
        ("2026", ""),
        ("", ""),
        ("hier", ""),
        ("20260601000000+9999", ""),
    ],
)
def test_times(written: str, expected: str) -> None:
    assert utc(written) == expected
