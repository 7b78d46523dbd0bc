"""The demonstration's files are what they say: readable text, or a picture and nothing else."""

from datetime import date

import pypdfium2
import pytest

from ops import demo_files
from ops.pdf_writer import Line, jpeg_size, text_pdf
from record.identity import Agreement, accepted_oids, compare
from record.unpack.facts import JPEG, PDF
from record.unpack.open import unpack

DAY = date(2026, 6, 1)


def _text(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return str(document[0].get_textpage().get_text_range())


def test_the_text_layer_says_what_was_written():
    text = _text(demo_files.prescription_pdf(demo_files.demo_patient(), DAY))
    for words in (
        "Dr Hélène Kérouanton",
        "RPPS : 99000042012",
        "Maëlys LÉVÊQUE",
        "Le 1er juin 2026",
        "75 µg, comprimé",
    ):
        assert words in text
    for what, how in demo_files.MEDICINES:
        assert what in text and how in text


def test_the_same_arguments_give_the_same_bytes():
    first = demo_files.prescription_pdf(demo_files.demo_patient(), DAY)
    assert first == demo_files.prescription_pdf(demo_files.demo_patient(), DAY)
    assert first != demo_files.prescription_pdf(demo_files.demo_patient(), date(2026, 6, 2))


def test_a_character_outside_winansi_is_refused_not_mangled():
    with pytest.raises(UnicodeEncodeError):
        text_pdf([Line(10, 10, "Ω")], "")


def test_brackets_and_backslashes_are_text():
    assert r"a(b)c\d" in _text(text_pdf([Line(50, 50, r"a(b)c\d")], "t"))


def test_the_photo_is_a_readable_size_and_small():
    jpeg = demo_files.photo_jpeg()
    assert jpeg_size(jpeg) == (1200, 1600)
    assert len(jpeg) <= 150_000


def test_the_photographed_pdf_holds_the_photo_and_no_text():
    pdf = demo_files.photo_pdf()
    assert demo_files.photo_jpeg() in pdf
    assert not _text(pdf).strip()
    assert pdf == demo_files.photo_pdf()


def test_the_record_takes_all_three():
    patient = demo_files.demo_patient()
    written = unpack(demo_files.prescription_pdf(patient, DAY), PDF, "ordonnance.pdf").documents[0]
    assert compare(written, patient, accepted_oids(production=False)).agreement is Agreement.AGREE
    for data, kind in ((demo_files.photo_pdf(), PDF), (demo_files.photo_jpeg(), JPEG)):
        pictured = unpack(data, kind, "photo").documents[0]
        assert pictured.media_type == kind and pictured.is_picture_only
