"""PDF/A-1b: read back by pyHanko's parser, which is not the writer's, and by PDFium."""

import io
from datetime import UTC, datetime

import pypdfium2
import pytest
from PIL import Image
from pyhanko.pdf_utils.generic import IndirectObject
from pyhanko.pdf_utils.reader import PdfFileReader

from core.errors import BadInput
from record.pack import pdfa as module
from record.pack.pdfa import Break, Heading, Paragraph, Picture, pdfa

AT = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)


def picture(mode: str = "RGBA", kind: str = "PNG", size: tuple[int, int] = (60, 40)) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 90).save(out, kind)
    return out.getvalue()


def text_of(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def objects(data: bytes) -> list:
    reader = PdfFileReader(io.BytesIO(data))
    size = int(reader.trailer["/Size"])
    return [reader.get_object(IndirectObject(number, 0, reader)) for number in range(1, size)]


def test_the_file_says_and_keeps_what_pdf_a_asks() -> None:
    # ISO 19005-1 §6.1.2 header, §6.1.3 ID, §6.2.2 output intent, §6.3.4 fonts, §6.4 transparency, §6.7
    data = pdfa("Compte rendu", [Heading("Œdème", 1), Paragraph("élève µg €"), Picture(picture())], AT)
    reader = PdfFileReader(io.BytesIO(data))
    assert data.startswith(b"%PDF-1.4\n") and reader.trailer["/ID"] and "/Encrypt" not in reader.trailer
    assert reader.root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    metadata = reader.root["/Metadata"].data
    assert b"<pdfaid:part>1</pdfaid:part>" in metadata and b"<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    found = [each for each in objects(data) if hasattr(each, "get")]
    fonts = [each for each in found if each.get("/Type") == "/FontDescriptor"]
    assert fonts and all("/FontFile2" in each and "/CIDSet" in each for each in fonts)
    assert not any(
        name in each for each in found for name in ("/SMask", "/ca", "/CA", "/Group", "/JS", "/EmbeddedFiles")
    )
    assert all(each.get("/Type") not in ("/XRef", "/ObjStm") for each in found)


def test_text_is_read_back_and_pages_are_numbered() -> None:
    pages = text_of(pdfa("Titre", [Paragraph("élève µg €"), Break(), Paragraph("fin")], AT, "Dossier"))
    assert "élève µg €" in pages[0] and "Dossier — 1" in pages[0]
    assert "fin" in pages[1] and "— 2" in pages[1]


def test_what_the_fonts_lack_is_seen_to_be_missing_and_controls_are_left_out() -> None:
    (page,) = text_of(pdfa("Titre", [Paragraph("a你b\x00c\x1b")], AT))
    assert "a\ufffdbc" in page


def test_a_long_text_takes_as_many_pages_as_it_needs() -> None:
    pages = text_of(pdfa("Titre", [Paragraph(f"ligne {n}") for n in range(200)], AT))
    assert len(pages) > 2 and "ligne 199" in pages[-1]


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGBA", "PNG"), ("L", "JPEG"), ("CMYK", "JPEG"), ("1", "TIFF"), ("P", "PNG")]
)
def test_every_kind_of_picture_becomes_opaque_rgb(mode: str, kind: str) -> None:
    data = pdfa("Titre", [Picture(picture(mode, kind), "figure")], AT)
    images = [each for each in objects(data) if hasattr(each, "get") and each.get("/Subtype") == "/Image"]
    assert [each["/ColorSpace"] for each in images] == ["/DeviceRGB"] and "/SMask" not in images[0]


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", picture()[:40]])
def test_a_picture_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        pdfa("Titre", [Picture(data)], AT)


def test_too_many_pixels_are_refused_before_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS", 2_000)
    with pytest.raises(BadInput):
        pdfa("Titre", [Picture(picture(size=(60, 40)))], AT)


def test_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 10)
    with pytest.raises(BadInput):
        pdfa("Titre", [Paragraph("onze lettres")], AT)
