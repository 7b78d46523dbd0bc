"""Debian's clamd blocks EICAR wherever it hides: in the text, in an attachment, in a zip, in an XDM archive."""

import io
import zipfile
from collections.abc import Iterator

import pytest

from core.clock import FakeClock
from mail.antivirus import Clamd
from mail.incoming import Door, Incoming, Peer
from mail.letter import read_letter
from mail.stages.no_virus import NoVirus
from tests.support.clamav import EICAR, ClamAv
from tests.support.mime_makers import with_file
from tests.support.record_files import text_pdf

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage() -> Iterator[NoVirus]:
    with ClamAv() as clamav:
        assert Clamd(str(clamav.socket)).ping()
        yield NoVirus(Clamd(str(clamav.socket)))


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def xdm(document: bytes) -> bytes:
    return archive(
        **{
            "INDEX.HTM": b"<html/>",
            "IHE_XDM__SUBSET01__METADATA.XML": b"<x/>",
            "IHE_XDM__SUBSET01__DOC00001.XML": document,
        }
    )


def said(stage: NoVirus, raw: bytes) -> str | None:
    mail = Incoming(Door.MX, Peer("127.0.0.1"), FakeClock().now(), letter=read_letter(raw))
    refusal = stage.check(mail)
    return refusal.reply[:9] if refusal else None


@pytest.mark.parametrize(
    "raw",
    [
        b"From: <a@b.example>\r\n\r\n" + EICAR + b"\r\n",
        with_file("text/plain", EICAR),
        with_file("application/octet-stream", EICAR, "8bit"),
        with_file("application/zip", archive(a=EICAR)),
        with_file("application/zip", archive(b=archive(a=EICAR))),
        with_file("application/zip", xdm(EICAR)),
        with_file("application/pdf", xdm(EICAR)),  # the declared type is no proof
    ],
)
def test_eicar_is_found(stage: NoVirus, raw: bytes) -> None:
    assert said(stage, raw) == "550 5.7.1"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: <a@b.example>\r\n\r\nbonjour\r\n",
        with_file("application/pdf", text_pdf("RAMIPRIL 5 mg")),
        with_file("application/zip", xdm(b"<ClinicalDocument/>")),
        with_file("application/octet-stream", bytes(range(256)) * 40_000),
    ],
)
def test_what_is_clean_passes(stage: NoVirus, raw: bytes) -> None:
    assert said(stage, raw) is None


def test_more_than_it_takes_is_not_clean(stage: NoVirus) -> None:
    assert said(stage, with_file("application/octet-stream", b"x" * 32_000_000, "8bit")) == "451 4.7.1"
