"""Archives and FHIR in filing: each document through identity and consent, the same content once, nothing in clear."""

import json

import pytest

from record.documents import AWAITING, DUPLICATE, FILED, RECONCILE, REFUSED, document_key, open_content, open_meta
from record.filing import DRAFT_KIND
from tests.support.record_files import PRESCRIPTION, cda, text_pdf
from tests.support.record_world import World, mail, person
from tests.support.wrapped_files import dicom, reference
from tests.support.xdm_files import line, metadata, slot, xdm, zipped

PAGE = text_pdf(*PRESCRIPTION)
DOCUMENT = cda(person(), body=PAGE)
INS = person().ins


def archive(*lines: str, **files: bytes) -> tuple[str, str, bytes]:
    named = {f"IHE_XDM/SUBSET01/{name.replace('_', '.')}": data for name, data in files.items()}
    return "IHE_XDM.zip", "application/zip", zipped({"IHE_XDM/SUBSET01/METADATA.XML": metadata(*lines), **named})


PDF_LINE = line("DOC1.PDF", PAGE, INS, media="application/pdf")
BOTH = archive(line("DOC1.XML", DOCUMENT, INS), PDF_LINE, DOC1_XML=DOCUMENT, DOC1_PDF=PAGE)
OTHER_DAY = slot("sourcePatientInfo", "PID-7|19800101")


def facts(rows) -> list[tuple[str, str, str]]:
    return [(row.part, row.state, row.reason) for row in rows]


def test_an_archive_files_its_documents_and_a_copy_is_known_once(world: World) -> None:
    rows = world.file(mail(BOTH, ("copie.pdf", "application/pdf", PAGE)))
    assert facts(rows) == [
        ("2/1", FILED, ""),
        ("2/1/body", FILED, ""),
        ("2/2", DUPLICATE, "same_content"),
        ("3", DUPLICATE, "same_content"),
    ]
    assert rows[2].same_as == rows[3].same_as == rows[1].id
    assert len(world.promises(DRAFT_KIND)) == 1
    world.filing(rows[0].message_id)
    assert len(world.rows()) == 4


def test_between_professionals_the_archive_names_the_patient(world: World) -> None:
    sent = {"sender": world.address("dr.aubin"), "to": (world.address("pharmacie.1"),)}
    page = archive(line("D.PDF", PAGE, world.identity.ins, media="application/pdf"), D_PDF=PAGE)
    (row,) = world.file(mail(page), **sent)
    assert (row.state, row.patient_id) == (AWAITING, world.patient.id)


@pytest.mark.parametrize(
    "file",
    [
        ("IHE_XDM.zip", "application/zip", xdm(DOCUMENT, person(7).ins)),
        ("IHE_XDM.zip", "application/zip", xdm(PAGE, person(7).ins, name="D.PDF")),
        (
            "IHE_XDM.zip",
            "application/zip",
            xdm(PAGE, INS, extra=OTHER_DAY, name="D.PDF"),
        ),
        ("IHE_XDM.zip", "application/zip", xdm(cda(person(7)), INS)),
        ("x.json", "application/fhir+json", json.dumps(reference(person(7).ins, PAGE)).encode()),
        ("x.dcm", "application/dicom", dicom(person(7).ins)),
    ],
)
def test_a_wrapping_that_names_somebody_else_files_nothing(world: World, file) -> None:
    rows = world.file(mail(file))
    assert {(row.state, row.reason) for row in rows} == {(RECONCILE, "identity")}
    assert world.promises(DRAFT_KIND) == []


def test_a_deletion_waits_for_a_person(world: World) -> None:
    rows = world.file(mail(("IHE_XDM.zip", "application/zip", xdm(DOCUMENT, INS, extra=slot("action", "D")))))
    assert {(row.state, row.reason) for row in rows} == {(RECONCILE, "deletion")}
    assert world.promises(DRAFT_KIND) == []


def test_good_documents_beside_bad_ones(world: World) -> None:
    bad = b"MZ\x90\0"
    rows = world.file(mail(archive(line("D.XML", DOCUMENT, INS), line("E.PDF", bad, INS), D_XML=DOCUMENT, E_PDF=bad)))
    assert sorted(facts(rows)) == [("2/1", FILED, ""), ("2/1/body", FILED, ""), ("2/2", REFUSED, "unknown_type")]


@pytest.mark.parametrize(
    "data, reason", [(zipped({"../x": b"x"}), "path_traversal"), (xdm(zipped({"a": b""}), INS), "nested_archive")]
)
def test_a_refused_archive_leaves_one_row(world: World, data: bytes, reason: str) -> None:
    assert facts(world.file(mail(("IHE_XDM.zip", "application/zip", data)))) == [("2", REFUSED, reason)]


def test_fhir_is_filed(world: World) -> None:
    rows = world.file(mail(("d.json", "application/fhir+json", json.dumps(reference(INS, DOCUMENT)).encode())))
    assert facts(rows) == [("2/1", FILED, ""), ("2/1/body", FILED, "")]


def test_a_dicom_picture_is_linked_and_not_copied(world: World) -> None:
    (row,) = world.file(mail(("IM1.DCM", "application/dicom", dicom())))
    assert row.state == FILED and world.promises(DRAFT_KIND) == []
    key = world.db.read(document_key, world.keyring, row)
    meta = world.db.read(open_meta, key, row.id)
    assert meta.links == ("urn:oid:2.25.6",) and meta.title == "Scanner du thorax"
    with pytest.raises(Exception, match="no content"):
        world.db.read(open_content, key, row.id, world.blobs)


def test_names_inside_an_archive_stay_out_of_clear_columns(world: World, tmp_path) -> None:
    name = "INVENTINE.XML"
    world.file(mail(("z.zip", "application/zip", xdm(DOCUMENT, INS, name=name))))
    assert all(b"INVENTINE" not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
