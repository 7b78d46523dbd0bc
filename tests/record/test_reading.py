"""From bytes to a Reading: every origin, every refusal, and no guess. The OCR program is real where a test is slow."""

import io
import os
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageFilter

from record.lines import NAME, STRENGTH, Line
from record.medicines.search import Index
from record.reading import cda_med
from record.reading.picture import BLANK, BLURRED, BROKEN, TOO_LARGE, TOO_SMALL, Grey, Unopened, codes_on, open_pages
from record.reading.picture_child import prepared
from record.reading.read import Reader, Reading, together
from record.reading.tesseract import Tesseract, mean_confidence
from record.reading.words import MISSING_READER, ORIGINS, REFUSALS, UNREADABLE
from record.unpack.facts import JPEG, PDF, PNG, Problem
from tests.support.medicines import INDEX, medicine
from tests.support.reading_files import (
    NUMBER,
    e_med,
    file_of,
    kept,
    page,
    stand_in,
    telling,
    treatment,
    tsv,
    with_code,
)
from tests.support.record_files import PRESCRIPTION, photo_pdf, png_claiming, text_pdf

pytestmark = pytest.mark.slow  # each picture is read by a process of its own

ROWS = (
    "Docteur Anaïs Inventée",
    "ORDONNANCE",
    "LEVOTHYROX 75 microgrammes, comprimé",
    "1 comprimé le matin QSP 3 mois",
)
KNOWN = ("XARELTO 20 mg, comprimé pelliculé", "1 comprimé le soir pendant 28 jours, à renouveler 2 fois")
PHOTO = file_of(page(*ROWS), "JPEG")


def read(tmp_path: Path, *rows: str, confidence: float = 95.0, index: Index | None = INDEX, data: bytes = PHOTO):
    """A photo on which the program sees these rows, at both looks."""
    return Reader(lambda: index, telling(tmp_path, tsv(*rows, confidence=confidence))).read(data)


# A text layer


def test_a_text_layer_needs_no_picture(tmp_path: Path) -> None:
    reading = Reader(lambda: INDEX, Tesseract(str(tmp_path))).read(text_pdf(*PRESCRIPTION))
    assert ORIGINS[reading.origin] == "PDF" and not reading.refused and not reading.missing
    doliprane, levothyrox = reading.lines
    assert (doliprane.cis, doliprane.to_confirm) == ("60000015", ())
    assert (levothyrox.cis, levothyrox.strength, levothyrox.renewals) == ("60000004", "75 µg", 1)


def test_without_reference_data_everything_works() -> None:
    first, second = Reader().read(text_pdf(*PRESCRIPTION)).lines
    assert (first.cis, second.cis) == ("", "") and first.strength == "1000 mg" and STRENGTH not in first.to_confirm


@pytest.mark.parametrize(
    "row, asked",
    [
        ("LEVOTHYROX 750 µg, comprimé", {STRENGTH}),  # nobody makes it
        ("LEVOTHYROX 75 mg, comprimé", {STRENGTH}),
        ("LEVOTHYROX 75 ug, comprimé", {STRENGTH}),
        ("AUGMENTIN 500 mg, comprimé", {STRENGTH}),  # half of what the box says
        ("ZZYZXOL 5 mg, comprimé", {NAME}),
        ("XARELTO 15 mg, comprimé", set()),
    ],
)
def test_the_reference_data_asks(row: str, asked: set[str]) -> None:
    (line,) = Reader(lambda: INDEX).read(text_pdf(row, "1 comprimé le soir pendant 5 jours")).lines
    assert set(line.to_confirm) & {NAME, STRENGTH} == asked and bool(line.cis) == (not asked)


def test_flags_come_with_the_line() -> None:
    index = Index([medicine(60000010, "DUROGESIC 25 microgrammes/heure, dispositif", conditions=("stupéfiants",))])
    (line,) = Reader(lambda: index).read(text_pdf("DUROGESIC 25 µg/h, patch", "1 patch tous les 3 jours")).lines
    assert line.warnings == ("narcotic",) and line.cis == "60000010"


# Structured


def test_structured_lines_and_their_number() -> None:
    reading = Reader(lambda: INDEX).read(e_med(treatment(extra=kept()), treatment("PRÉPARATION 5 %", cis="")))
    levothyrox, preparation = reading.lines
    assert ORIGINS[reading.origin] == "structuré" and [code.number for code in reading.codes] == [NUMBER]
    assert (levothyrox.name, levothyrox.strength, levothyrox.dose) == ("LEVOTHYROX", "75 µg", "1 comprimé")
    assert (levothyrox.duration, levothyrox.renewals, levothyrox.reason) == ("28 jours", 2, "MTE")
    assert levothyrox.cis == "62080626" and preparation.cis == "" and levothyrox.to_confirm == ()


def test_narrative_is_followed_where_values_lead_there() -> None:
    told = '<content ID="d1">1 à 2 cp</content><content ID="f1">3 fois par jour</content>'
    led = '<translation><originalText><reference value="#{}"/></originalText></translation>'
    dose = f'<doseQuantity value="1">{led.format("d1")}</doseQuantity>'
    times = '<effectiveTime><width value="6" unit="d"/></effectiveTime>'
    times += f'<effectiveTime><period value="8" unit="h">{led.format("f1")}</period></effectiveTime>'
    (line,) = cda_med.read(e_med(treatment(dose=dose, times=times), told=told)).lines
    assert (line.dose, line.frequency, line.duration) == ("1 à 2 cp", "3 fois par jour", "6 jours")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<",
        b"%PDF-1.7",
        e_med()[:200],
        e_med(treatment(times='<effectiveTime><low value="20269999"/><high value="x"/></effectiveTime>')),
        e_med(treatment(repeat='<repeatNumber value="-1"/>')),
        e_med(treatment(label="")),
        e_med("<entry><substanceAdministration/></entry>"),
        e_med(treatment() * 300),
        e_med(number="'; DROP TABLE orders;"),
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + e_med(),
        e_med("<a>" * 500 + "</a>" * 500),
    ],
)
def test_hostile_structure_is_read_as_far_as_it_goes(data: bytes) -> None:
    found = cda_med.read(data)
    assert len(found.lines) <= 40 and found.number in ("", NUMBER)
    assert all(line.renewals in (None, 2) for line in found.lines)


# Codes


@pytest.mark.parametrize("form", [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix])
def test_a_code_is_a_number_to_scan(tmp_path: Path, form: zxingcpp.BarcodeFormat) -> None:
    data = file_of(with_code(page(*ROWS), f"ORD;{NUMBER};1", form).rotate(7, fillcolor=250), "JPEG")
    reading = read(tmp_path, *ROWS, data=data)
    assert [code.number for code in reading.codes] == [NUMBER] and ORIGINS[reading.origin] == "code présent"


def test_a_2d_doc_and_a_link(tmp_path: Path) -> None:
    sealed = file_of(with_code(page(*ROWS), "DC04FR0000010000000B0FR0700INVENTE", zxingcpp.BarcodeFormat.DataMatrix))
    assert [code.kind for code in read(tmp_path, *ROWS, data=sealed).codes] == ["2D-Doc"]
    link = read(tmp_path, *ROWS, data=file_of(with_code(page(*ROWS), "https://pub.example/x")))
    assert link.codes and ORIGINS[link.origin] == "photo"


# Pictures


def test_two_looks_that_agree_on_what_the_reference_knows(tmp_path: Path) -> None:
    (line,) = read(tmp_path, *KNOWN).lines
    assert (line.name, line.strength, line.cis, line.to_confirm) == ("XARELTO", "20 mg", "60000001", ())
    assert (line.duration, line.renewals, line.origin) == ("28 jours", 2, "photo") and not line.confirmed


def test_without_reference_a_strength_of_a_picture_is_asked(tmp_path: Path) -> None:
    (line,) = read(tmp_path, *KNOWN, index=None).lines
    assert line.strength == "20 mg" and STRENGTH in line.to_confirm


@pytest.mark.parametrize("unit", ["ug", "Ug", "ig", "|g"])
def test_a_misread_microgram_is_asked(tmp_path: Path, unit: str) -> None:
    (line,) = read(tmp_path, f"LEVOTHYROX 75 {unit}, comprimé", "1 comprimé le matin QSP 3 mois").lines
    assert line.strength == "75 µg ?" and STRENGTH in line.to_confirm


@pytest.mark.parametrize(
    "row",
    [
        *("XARELTO 2O mg, comprimé", "XARELT 20 mg, comprimé", "XARELTO 26 mg, comprimé", "XARELTO 20 g, comprimé"),
        *("XARELTO 20 mg/mi, comprimé", "LEVOTHYROX 7,5 µg, comprimé", "AUGMENTIN 500 mg, comprimé"),
        *("XARELTO 20 mg + 5 mg, comprimé", "LEVOTHYROX 1.000 µg, comprimé", "ABRACADOL 20 mg, comprimé"),
    ],
)
def test_what_a_picture_leaves_in_doubt_is_asked(tmp_path: Path, row: str) -> None:
    for line in read(tmp_path, row, "1 comprimé le soir pendant 5 jours").lines:
        assert STRENGTH in line.to_confirm and line.cis == ""


def test_two_looks_that_differ_are_asked(tmp_path: Path) -> None:
    """The program sees 20 mg at the first look and 15 mg at the second: both exist."""
    other = tsv("XARELTO 15 mg, comprimé", "1 comprimé le soir pendant 28 jours, à renouveler 2 fois")
    (tmp_path / "first").write_text(tsv(*KNOWN))
    (tmp_path / "second").write_text(other)
    turn = f"cat > /dev/null; cd '{tmp_path}'; if [ -e done ]; then cat second; else touch done; cat first; fi"
    (line,) = Reader(lambda: INDEX, stand_in(tmp_path, turn)).read(PHOTO).lines
    assert line.strength == "20 mg" and STRENGTH in line.to_confirm


def test_doubtful_words_are_asked_and_a_page_of_them_is_refused(tmp_path: Path) -> None:
    (line,) = read(tmp_path, *KNOWN, confidence=70).lines
    assert {NAME, STRENGTH} <= set(line.to_confirm) and line.confidence <= 0.7
    guessed = read(tmp_path, *KNOWN, confidence=40)
    assert guessed.lines == () and guessed.refused == UNREADABLE and "reprenez la photo" in guessed.refused


@pytest.mark.parametrize(
    "picture, said",
    [
        (page(*ROWS).resize((500, 700)), TOO_SMALL),
        (page(*ROWS).filter(ImageFilter.GaussianBlur(9)), BLURRED),
        (Image.new("L", (1654, 2339), 250), BLANK),
        (Image.new("RGB", (900, 900)), BLANK),
    ],
)
def test_a_bad_photo_gets_a_sentence(tmp_path: Path, picture: Image.Image, said: str) -> None:
    reading = read(tmp_path, *KNOWN, data=file_of(picture))
    assert reading.lines == () and reading.refused == said and "reprenez la photo" in said


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_pictures_of_every_kind_are_opened(mode: str) -> None:
    form = "TIFF" if mode in ("CMYK",) else "PNG"
    data = file_of(page(*ROWS).convert("RGB").convert(mode if mode != "I;16" else "L"), form)
    (found,) = open_pages(data, "image/tiff" if form == "TIFF" else PNG)
    assert found.refused == "" and found.grey.width * found.grey.height == len(found.grey.pixels)


def test_the_way_the_phone_was_held_is_undone() -> None:
    sideways, kept_file = page(*ROWS).rotate(90, expand=True), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(kept_file, "JPEG", exif=exif)
    (found,) = open_pages(kept_file.getvalue(), JPEG)
    assert found.grey.height > found.grey.width


@pytest.mark.parametrize(
    "data, media, said",
    [
        (PHOTO[:300], JPEG, BROKEN),
        (PHOTO[: len(PHOTO) // 2], JPEG, BROKEN),
        (b"", JPEG, BROKEN),
        (os.urandom(4000), PNG, BROKEN),
        (png_claiming(30_000, 30_000), PNG, TOO_LARGE),
        (png_claiming(2**31 - 1, 2**31 - 1), PNG, BROKEN),
        (b"%PDF-1.7 nothing", PDF, BROKEN),
        (b"II*\0" + b"\xff" * 64, "image/tiff", BROKEN),
        (file_of(page(*ROWS), "GIF"), PNG, BROKEN),
    ],
)
def test_a_picture_that_does_not_open(data: bytes, media: str, said: str) -> None:
    for ask in (open_pages, codes_on):
        with pytest.raises(Unopened) as refused:
            ask(data, media)
        assert refused.value.said in (said, BROKEN, TOO_LARGE)


@pytest.mark.parametrize(
    "data, problem",
    [(b"", Problem.EMPTY), (b"MZ" + b"\x00" * 50, Problem.UNKNOWN_TYPE), (PHOTO + text_pdf("x"), Problem.POLYGLOT)],
)
def test_a_refused_file_says_why_in_french(data: bytes, problem: Problem) -> None:
    reading = Reader().read(data, "photo.jpg")
    assert reading.lines == () and reading.refused == REFUSALS[problem]


# The OCR program


def test_without_the_program_people_read_the_picture(tmp_path: Path) -> None:
    for data in (PHOTO, photo_pdf()):
        reading = Reader(lambda: INDEX, Tesseract(str(tmp_path))).read(data)
        assert reading.lines == () and reading.missing == MISSING_READER and ORIGINS[reading.origin] == "photo"


@pytest.mark.parametrize(
    "script",
    [
        "exit 1",
        "kill -9 $$",
        "cat > /dev/null; exit 0",
        "cat > /dev/null; head -c 100000 /dev/urandom",
        "cat > /dev/null; printf 'level\\n5\\t1\\t1\\n5\\tx\\tx\\tx\\tx\\tx\\tx\\tx\\tx\\tx\\tx\\tMOT\\n'",
        "echo closed early",
        "python3 -c 'x = bytearray(3_000_000_000)'; cat > /dev/null; exit 3",
    ],
)
def test_a_program_that_fails_reads_nothing(tmp_path: Path, script: str) -> None:
    assert stand_in(tmp_path, script).read(Grey(100, 100, bytes(10_000))) == ()


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    stand_in(tmp_path, "exec sleep 600")
    assert Tesseract(str(tmp_path), wall_seconds=0.3).read(Grey(9, 9, bytes(81))) == ()


def test_bands_and_turns() -> None:
    grey = Grey(2, 4, bytes(range(8)))
    assert grey.upside_down().pixels == bytes(reversed(range(8)))
    assert grey.band(0.5, 1.0).pixels == bytes(range(4, 8)) and grey.band(-1, 9).pixels == grey.pixels
    assert grey.band(1.0, 1.0).height >= 0 and mean_confidence(()) == 0.0


@pytest.mark.parametrize("turned", [90, 270])
def test_a_sheet_on_a_dark_table_is_turned_by_its_lines_and_not_by_its_edges(turned: int) -> None:
    sheet = page(*ROWS, "", *KNOWN)
    table = Image.new("L", (int(sheet.width * 1.12), int(sheet.height * 1.08)), 95)
    table.paste(sheet, (int(sheet.width * 0.06), int(sheet.height * 0.04)))
    facts, _greys = prepared(table.rotate(turned, expand=True))
    width, height = facts["pages"][0]
    assert height > width, facts


@pytest.mark.parametrize("turned", [0, 3, 90, 180])
def test_the_real_program_reads_a_page(turned: int) -> None:
    sheet = page(*ROWS, "", *KNOWN).rotate(turned, Image.Resampling.BICUBIC, expand=True, fillcolor=250)
    reading = Reader(lambda: INDEX).read(file_of(sheet, "JPEG"))
    assert [(line.name, line.strength) for line in reading.lines] == [("LEVOTHYROX", "75 µg"), ("XARELTO", "20 mg")]
    assert reading.lines[1].cis == "60000001" and reading.refused == ""


def test_the_real_program_reads_a_scan_in_a_pdf(tmp_path: Path) -> None:
    sheet = io.BytesIO()
    page(*ROWS, "", *KNOWN).save(sheet, "PDF", resolution=200)
    reading = Reader(lambda: INDEX).read(sheet.getvalue(), "scan.pdf")
    assert [line.strength for line in reading.lines] == ["75 µg", "20 mg"] and ORIGINS[reading.origin] == "photo"


TWICE = Line("PREDNISOLONE 20 mg", "PREDNISOLONE", "20 mg", dose="3 comprimés", duration="5 jours")


def test_a_photo_beside_the_better_document_adds_no_second_line() -> None:
    better = Line("LÉVOTHYROXINE 75 µg", "LÉVOTHYROXINE", "75 µg", origin="pdf")
    photo = Line("LEVOTHYROXINE 75 ug", "LEVOTHYROXINE", "75 µg ?", origin="photo", to_confirm=(STRENGTH,))
    both = together((Reading("photo", (photo,)), Reading("pdf", (better,))))
    assert both.lines == (better,) and both.origin == "pdf"


@pytest.mark.parametrize("strength", ["175 µg ?", "75 mg", "7,5 µg", "75 µg/ml", ""])
def test_another_strength_stays_a_line_of_its_own(strength: str) -> None:
    better, other = Line("A", "LÉVOTHYROXINE", "75 µg"), Line("B", "LÉVOTHYROXINE", strength)
    assert together((Reading("pdf", (better,)), Reading("photo", (other,)))).lines == (better, other)


def test_doses_that_change_within_one_document_are_all_kept() -> None:
    then = Line("PREDNISOLONE 20 mg", "PREDNISOLONE", "20 mg", dose="2 comprimés", duration="5 jours")
    assert together((Reading("pdf", (TWICE, then, TWICE)),)).lines == (TWICE, then)
