"""`pli record unpack --json`: one line a file, exactly so, whatever the files hold."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from record.describe import describe
from tests.support.record_files import cda, photo, photo_pdf, text_pdf
from tests.support.record_world import mail, person
from tests.support.wrapped_files import dicom, reference
from tests.support.xdm_files import Part, line, metadata, raw_zip, xdm, zipped

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT.parent / "shared" / "samples"
INS = person().ins
PAGE = text_pdf("bonjour")
DOCUMENT = cda(person(), body=PAGE)
PATIENT = {
    "ins": INS.matricule,
    "oid": INS.oid,
    "family": "DUPRÉ-L'HÔTE",
    "given": "Maëlys",
    "birth_date": "1979-03-28",
    "sex": "F",
}
NOBODY = dict.fromkeys(PATIENT)
KEYS = ["name", "media_type", "type_code", "title", "patient", "sha256", "problems"]


def names(account: dict[str, Any]) -> list[tuple[str, str]]:
    return [(document["name"], document["media_type"]) for document in account["documents"]]


def test_a_clinical_document_in_full() -> None:
    outer, inner = describe(DOCUMENT, "DOC.XML")["documents"]
    assert list(outer) == KEYS
    assert outer == {
        "name": "DOC.XML",
        "media_type": "text/xml",
        "type_code": "57833-6",
        "title": "Document inventé",
        "patient": PATIENT,
        "sha256": hashlib.sha256(DOCUMENT).hexdigest(),
        "problems": [],
    }
    assert (inner["name"], inner["patient"], inner["sha256"]) == ("DOC.pdf", PATIENT, hashlib.sha256(PAGE).hexdigest())


def test_a_photo_of_a_prescription() -> None:
    (picture,) = describe(photo(), "IMG_1.jpg")["documents"]
    assert (picture["type_code"], picture["title"], picture["patient"]) == ("52040-3", "IMG_1.jpg", NOBODY)


def test_an_archive_and_the_carried_page_told_once() -> None:
    told = metadata(line("DOC00001.XML", DOCUMENT, INS), line("DOC00001.PDF", PAGE, INS, media="application/pdf"))
    files = {"IHE_XDM/S/METADATA.XML": told, "IHE_XDM/S/DOC00001.XML": DOCUMENT, "IHE_XDM/S/DOC00001.PDF": PAGE}
    archive = zipped(files)
    expected = [("DOC00001.XML", "text/xml"), ("DOC00001.PDF", "application/pdf")]
    assert names(describe(archive, "IHE_XDM.zip")) == expected
    letter = mail(("IHE_XDM.zip", "application/zip", archive), ("20260601_Ordonnance.pdf", "application/pdf", PAGE))
    account = describe(letter, "lettre.eml")
    assert [document["patient"]["ins"] for document in account["documents"]] == [INS.matricule] * 2
    assert names(account) == [expected[0], ("20260601_Ordonnance.pdf", "application/pdf")]
    assert describe(letter, "sans-nom") == account


def test_good_and_bad_files_of_one_mail() -> None:
    account = describe(mail(("a.pdf", "application/pdf", PAGE), ("b.exe", "application/pdf", b"MZ\x90\0")), "x.eml")
    assert account["refused"] is None
    told = [(one["name"], one["problems"]) for one in account["documents"]]
    assert told == [("a.pdf", []), ("b.exe", ["unknown_type"])]
    assert describe(mail(("b.exe", "", b"MZ\x90\0")), "x.eml") == {"documents": [], "refused": "unknown_type"}
    assert describe(mail(), "x.eml") == {"documents": [], "refused": None}


def test_vigilance_without_a_record() -> None:
    mixed = describe(cda(person(), birth='<birthTime value="19800101"/>'), "x.xml")
    assert mixed["documents"][0]["problems"] == ["incoherent"]
    wrong = describe(json.dumps(reference(INS, PAGE, subject={"reference": WRONG})).encode(), "x.json")
    assert "wrong_key" in wrong["documents"][0]["problems"] and wrong["refused"] is None
    assert describe(cda(), "x.xml")["documents"][0]["problems"] == ["no_ins"]


WRONG = "Patient?identifier=urn:oid:1.2.250.1.213.1.4.8|123456789012345"


def test_content_elsewhere_is_told_without_a_sum() -> None:
    data = json.dumps(reference(INS, None, "Binary/1")).encode()
    (document,) = describe(data, "x.json")["documents"]
    assert document["sha256"] is None and document["problems"] == ["outside_body"]
    assert document["patient"]["ins"] == INS.matricule


DEEP = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(500))
HOSTILE = {
    "slip.zip": (raw_zip(Part(b"../../etc/cron.d/x", b"x")), "path_traversal"),
    "bomb.zip": (raw_zip(Part(b"S/METADATA.XML", b"\0" * 2_000_000)), "bomb"),
    "overlap.zip": (raw_zip(Part(b"a", b"x"), Part(b"b", b"x", header_at=0, absent=True)), "overlap"),
    "nested.zip": (xdm(xdm(DOCUMENT, INS), INS), "nested_archive"),
    "locked.zip": (raw_zip(Part(b"a", b"x", flags=1)), "encrypted"),
    "xxe.xml": (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "doctype"),
    "deep.json": (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
    "twice.json": (b'{"resourceType":"Binary","a":1,"a":2}', "duplicate_key"),
    "both.pdf": (PAGE + zipped({"a": b"x"}), "polyglot"),
    "empty.pdf": (b"", "empty"),
    "deep.eml": (DEEP, "broken"),
    "program.dcm": (dicom(preamble=b"MZ" + b"\0" * 126), "polyglot"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_with_a_clear_word(name: str) -> None:
    data, reason = HOSTILE[name]
    assert describe(data, name) == {"documents": [], "refused": reason}


def test_published_samples_are_all_taken() -> None:
    files = [*SAMPLES.glob("cda-n1/*.xml"), *SAMPLES.glob("dmp-fhir/*.json")]
    accounts = {file.name: describe(file.read_bytes(), file.name) for file in files}
    assert all(account["documents"] and account["refused"] is None for account in accounts.values())
    if report := accounts.get("DOC00002.xml"):
        assert report["documents"][0]["problems"] == ["incoherent"]
        assert report["documents"][0]["patient"]["birth_date"] == "1979-03-28"
    for name, account in accounts.items():
        for document in account["documents"] if name != "DOC00002.xml" else ():
            assert document["patient"]["ins"] == "123456789012345" and "wrong_key" in document["problems"]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "ops.cli", "record", "unpack", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    files = {name: data for name, (data, _reason) in HOSTILE.items()} | {"doc.xml": DOCUMENT, "scan.pdf": photo_pdf()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    done = run("--json", *files, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(row) for row in done.stdout.splitlines()]
    assert [row["file"] for row in lines] == list(files)
    assert all(set(row) == {"file", "documents", "refused"} for row in lines)
    missing = run("--json", "doc.xml", "nowhere.xml", str(tmp_path), cwd=tmp_path)
    assert missing.returncode == 2 and len(missing.stdout.splitlines()) == 1 and "Traceback" not in missing.stderr
    assert run("--jason", "doc.xml", cwd=tmp_path).returncode == 2
    shown = run("doc.xml", cwd=tmp_path)
    assert shown.returncode == 0 and "57833-6" in shown.stdout
