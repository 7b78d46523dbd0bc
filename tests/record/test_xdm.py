"""IHE_XDM.zip: tolerant of what the field sends, deaf to what an attacker sends."""

import hashlib

import pytest

from record.unpack import unpack
from record.unpack.facts import CDA, DICOM, JPEG, PDF, PNG, Problem, Unpacked
from tests.support.hostile_files import XDM_FILES
from tests.support.record_files import cda, photo, text_pdf
from tests.support.record_world import person
from tests.support.wrapped_files import dicom
from tests.support.xdm_files import RIM, line, metadata, slot, xdm, zipped

INS = person().ins
PAGE = text_pdf("bonjour")
DOCUMENT = cda(person(), body=PAGE)


def types(found: Unpacked) -> list[tuple[str, str]]:
    return [(document.part, document.media_type) for document in found.documents]


def test_the_plain_archive() -> None:
    found = unpack(xdm(DOCUMENT, INS), "application/zip", "IHE_XDM.zip")
    assert types(found) == [("1", CDA), ("1/body", PDF)] and found.problems == ()
    outer = found.documents[0]
    assert (outer.name, outer.type_code, outer.title) == ("DOC00001.XML", "57833-6", "Document inventé")
    assert outer.entries[0].ins == outer.cda.ins and outer.entries[0].confidentiality == ("N",)
    assert outer.entries[0].document_id == "2.25.77^1"


@pytest.mark.parametrize(
    "folder",
    ["IHE_XDM/SUBSET01", "IHE_XDM/SS000001", "KA202401/IHE_XDM/SS000001", "ihe_xdm/Subset01", "IHE_XDM", "lot"],
)
def test_any_set_folder(folder: str) -> None:
    assert types(unpack(xdm(DOCUMENT, INS, folder)))[0] == ("1", CDA)


def test_metadata_in_any_case_but_not_too_deep() -> None:
    files = {"a/b/metadata.Xml": metadata(line("d.xml", DOCUMENT, INS)), "a/b/d.xml": DOCUMENT}
    assert len(unpack(zipped(files)).documents) == 2
    deep = {f"a/b/c/{name}": data for name, data in files.items()}
    assert unpack(zipped(deep)).problems == (Problem.NOT_XDM,)


@pytest.mark.parametrize(
    "uri", ["DOC1.XML", "SS1/DOC1.XML", "IHE_XDM/SS1/DOC1.XML", "./DOC1.XML", "doc1.xml", "DOC%31.XML"]
)
def test_uri_resolves_from_the_set_from_ihe_xdm_and_from_the_top(uri: str) -> None:
    files = {"IHE_XDM/SS1/METADATA.XML": metadata(line(uri, DOCUMENT, INS)), "IHE_XDM/SS1/DOC1.XML": DOCUMENT}
    assert types(unpack(zipped(files)))[0] == ("1", CDA)


def test_uri_in_pieces() -> None:
    files = {
        "S/METADATA.XML": metadata(line("", DOCUMENT, INS, extra=slot("URI", "2|1.XML", "1|DOC"))),
        "S/DOC1.XML": DOCUMENT,
    }
    assert types(unpack(zipped(files)))[0] == ("1", CDA)


def test_several_sets() -> None:
    other = text_pdf("autre")
    files = {
        "IHE_XDM/SUBSET01/METADATA.XML": metadata(line("DOC00001.XML", DOCUMENT, INS)),
        "IHE_XDM/SUBSET01/DOC00001.XML": DOCUMENT,
        "IHE_XDM/SUBSET02/METADATA.XML": metadata(line("DOC00001.PDF", other, INS, media="application/pdf")),
        "IHE_XDM/SUBSET02/DOC00001.PDF": other,
    }
    found = unpack(zipped(files))
    assert types(found) == [("1", CDA), ("1/body", PDF), ("2", PDF)]
    assert found.documents[2].title == "Titre du lot"


def test_undeclared_prefix_is_repaired_and_told() -> None:
    files = {"S/METADATA.XML": metadata(line("D.XML", DOCUMENT, INS), declared=RIM), "S/D.XML": DOCUMENT}
    found = unpack(zipped(files))
    assert types(found)[0] == ("1", CDA) and Problem.REPAIRED in found.problems
    bare = metadata(line("D.XML", DOCUMENT, INS), declared="")
    assert unpack(zipped(files | {"S/METADATA.XML": bare})).documents[0].entries[0].ins


def test_lying_media_type_is_a_remark_and_the_bytes_decide() -> None:
    picture = photo(form="PNG")
    found = unpack(xdm(picture, INS, name="DOC00001.JPG", media="image/jpeg", code=""))
    (document,) = found.documents
    assert (document.media_type, document.type_code) == (PNG, "52040-3") and Problem.TYPE_LIES in found.problems


def test_dicom_with_a_name_in_xml() -> None:
    found = unpack(xdm(dicom(), INS, name="KOS_1_1.XML", media="application/dicom", code="55113-5"))
    assert found.documents[0].media_type == DICOM
    assert set(found.problems) == {Problem.TYPE_LIES, Problem.NOT_COPIED}


def test_signature_and_strange_files_stay_closed_beside_the_document() -> None:
    sign = b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
    told = metadata(line("D.XML", DOCUMENT, INS), line("SIGN_1.XML", sign, INS), line("X.BIN", b"\0\1\2", INS))
    found = unpack(zipped({"S/METADATA.XML": told, "S/D.XML": DOCUMENT, "S/SIGN_1.XML": sign, "S/X.BIN": b"\0\1\2"}))
    assert [document.media_type for document in found.documents] == [CDA, PDF, "application/octet-stream"]
    assert [(one.part, one.problem) for one in found.rejected] == [("3", Problem.UNKNOWN_TYPE)]


@pytest.mark.parametrize(
    "facts, problem",
    [
        ({"sha1": "0" * 40}, Problem.HASH_DIFFERS),
        ({"size": 1}, Problem.SIZE_DIFFERS),
        ({"extra": slot("sourcePatientInfo", "PID-5|DUPRÉ^Maëlys^^^^^L", "PID-7|19800101")}, Problem.PATIENT_DIFFERS),
        ({"extra": slot("sourcePatientInfo", "PID-8|M")}, Problem.PATIENT_DIFFERS),
        ({"extra": slot("action", "D")}, Problem.DELETION),
    ],
)
def test_what_metadata_and_document_say_differently(facts: dict[str, object], problem: Problem) -> None:
    found = unpack(xdm(DOCUMENT, INS, **facts))
    assert found.documents[0].remarks == (problem,)


def test_hash_in_capitals_is_the_same() -> None:
    assert unpack(xdm(DOCUMENT, INS, sha1=hashlib.sha1(DOCUMENT).hexdigest().upper())).problems == ()


def test_another_patient_in_metadata() -> None:
    found = unpack(xdm(DOCUMENT, person(7).ins))
    assert Problem.PATIENT_DIFFERS in found.documents[0].remarks
    assert len({claim.text for claim in found.documents[0].claims}) == 2


def test_the_sets_patient_differs_from_the_documents() -> None:
    other = '<rim:ExternalIdentifier identificationScheme="urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446" value="{}"/>'
    package = other.format(f"{person(7).ins.matricule}^^^&amp;{INS.oid}&amp;ISO^NH")
    files = {"S/METADATA.XML": metadata(line("D.XML", DOCUMENT, INS), package=package), "S/D.XML": DOCUMENT}
    assert Problem.PATIENT_DIFFERS in unpack(zipped(files)).problems


def test_change_notices() -> None:
    replaced = unpack(xdm(DOCUMENT, INS, extra=slot("urn:asip:action", "C"))).documents[0].entries[0]
    assert replaced.action == "C"
    link = '<rim:Association associationType="urn:ihe:iti:2007:AssociationType:RPLC"'
    link += ' sourceObject="urn:uuid:00000000-0000-4000-8000-000000000001" targetObject="urn:uuid:old"/>'
    files = {"S/METADATA.XML": metadata(line("D.XML", DOCUMENT, INS), link), "S/D.XML": DOCUMENT}
    assert unpack(zipped(files)).documents[0].entries[0].replaces == ("urn:uuid:old",)


def test_what_is_missing_or_forgotten_is_told() -> None:
    told = metadata(
        line("D.XML", DOCUMENT, INS), line("GONE.PDF", b"x", INS), line("https://pacs.example/1", b"x", INS)
    )
    found = unpack(zipped({"S/METADATA.XML": told, "S/D.XML": DOCUMENT, "S/MORE.PDF": PAGE, "S/STYLE.XSL": b"x"}))
    assert len(found.documents) == 2
    assert [(one.name, one.problem) for one in found.rejected] == [
        ("Titre du lot", Problem.MISSING_FILE),
        ("Titre du lot", Problem.OUTSIDE_BODY),
        ("MORE.PDF", Problem.UNDECLARED_FILE),
    ]


@pytest.mark.parametrize("name", XDM_FILES)
def test_hostile_archives(name: str) -> None:
    make, problem = XDM_FILES[name]
    found = unpack(make(), "application/zip", "IHE_XDM.zip")
    assert not found.documents and found.problems[0] is problem


@pytest.mark.parametrize(
    "uri", ["../D.XML", "/D.XML", "..\\D.XML", "a/../../D.XML", "%2e%2e/D.XML", "C:/D.XML", "%5c..%5cD.XML"]
)
def test_uri_that_leads_outside_refuses_the_archive(uri: str) -> None:
    files = {"S/METADATA.XML": metadata(line("D.XML", DOCUMENT, INS), line(uri, DOCUMENT, INS)), "S/D.XML": DOCUMENT}
    found = unpack(zipped(files))
    assert not found.documents and found.problems == (Problem.TRAVERSAL,)


def test_repair_adds_no_door() -> None:
    """What is declared for the repair is a name, never a place; and a broken file stays broken."""
    inside = b'<x:a xmlns:y="urn:y"><q:b q:c="1"/><y:d></x:a>'
    assert unpack(zipped({"S/METADATA.XML": inside})).problems == (Problem.BROKEN,)


def test_jpeg_is_no_archive() -> None:
    assert unpack(photo(), "application/zip", "IHE_XDM.zip").documents[0].media_type == JPEG
