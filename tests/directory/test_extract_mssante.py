"""The extraction's form: 31 columns, one mailbox a line; whatever is not so is rejected with its line number."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from directory.extracts.entry import Entry, Rejection
from directory.extracts.files import LINE_BYTES, open_lines
from directory.extracts.lines import check_header
from directory.extracts.mssante import COLUMNS, NAME, parse_line, parse_lines
from directory.generate import generate
from tests.support.people import invented

HEADER = "|".join(COLUMNS).encode()


def line(**changes: str) -> bytes:
    values = dict.fromkeys(COLUMNS, "") | {
        "Type de BAL": "PER",
        "Adresse BAL": "Anaïs".encode("ascii", "ignore").decode() + ".beranger@cabinet.mssante.test",
        "Identification nationale PP": "899000000192",
        "Nom d'exercice": "BÉRANGER",
        "Prénom d'exercice": "Anaïs",
        "Dématérialisation": "O",
        "L4NUMEROVOIE structure BAL": "12",
        "NL4TYPEVOIE structure BAL": "RUE",
        "L4LIBELLEVOIE structure BAL": "DES ÉCOLES",
        "L6LIGNEACHEMINEMENT structure BAL": "75999 PARIS CEDEX 07",
        "Code postal structure BAL": "75999",
    }
    return "|".join((values | changes).values()).encode()


def test_a_line() -> None:
    entry = parse_line(line(), 2)
    assert isinstance(entry, Entry)
    assert (entry.kind, entry.address, entry.label) == ("PER", "anas.beranger@cabinet.mssante.test", "Anaïs BÉRANGER")
    assert (entry.line4, entry.city, entry.digital) == ("12 RUE DES ÉCOLES", "PARIS", True)


def test_a_trailing_empty_column_is_forgiven() -> None:
    assert isinstance(parse_line(line() + b"|", 2), Entry)


HOSTILE = {
    "not 31 columns": [b"", b"PER|a@b.test", line() + b"||", line() + b"|x", line().replace(b"|", b";")],
    "unknown kind of mailbox": [line(**{"Type de BAL": "XXX"}), line(**{"Type de BAL": ""})],
    "not an address": [
        line(**{"Adresse BAL": address})
        for address in ("", "a", "a@", "@b.test", "a b@c.test", "аlice@cabinet.test", "a@b@c.test", "<a@b.test>")
    ],
    "a patient's address is never published": [line(**{"Adresse BAL": f"{invented().matricule}@patient.mssante.fr"})],
    "control character": [line(**{"Nom d'exercice": "A\x00B"}), line(**{"Nom d'exercice": "A\x1b[31m"})],
    "field too long": [line(**{"Nom d'exercice": "A" * 501})],
    "line too long": [line(**{"Nom d'exercice": "A" * LINE_BYTES})],
    "not UTF-8": [line().decode().encode("latin-1")],
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_bad_lines_are_rejected_with_their_number(reason: str) -> None:
    for bad in HOSTILE[reason]:
        assert parse_line(bad, 77) == Rejection(77, reason)


def test_a_reason_repeats_nothing_of_the_line() -> None:
    for bad in HOSTILE["not an address"]:
        assert "cabinet" not in parse_line(bad, 1).reason


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Type de BAL",
        HEADER.replace(b"Adresse BAL", b"Adresse"),
        b"|".join(reversed(HEADER.split(b"|"))),
        HEADER + b"|Autre",
        b"\x00" * 100,
        line(),
    ],
)
def test_another_header_is_another_file(header: bytes) -> None:
    with pytest.raises(BadInput):
        list(parse_lines([header, line()]))


def test_headers_that_are_ours() -> None:
    for header in (HEADER, b"\xef\xbb\xbf" + HEADER + b"\r\n", HEADER.replace(b"'", "’".encode()), HEADER + b"|\n"):
        check_header(header, COLUMNS, NAME)


def test_numbers_count_from_the_header_and_blanks_are_passed_over() -> None:
    read = list(parse_lines([HEADER, line(), b"\r\n", b"bad\n", line()]))
    assert [type(item).__name__ for item in read] == ["Entry", "Rejection", "Entry"] and read[1].line == 4


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return path


def test_zip_or_text_is_the_same(tmp_path: Path) -> None:
    made = generate(20, 3)
    text = made.write(tmp_path / "x.txt")
    archive = zipped(tmp_path / "x.zip", a_txt=made.text.encode())
    assert list(parse_lines(open_lines(text))) == list(parse_lines(open_lines(archive)))


@pytest.mark.parametrize("files", [{}, {"a_pdf": b"x"}, {"a_txt": b"x", "b_txt": b"y"}])
def test_zips_of_something_else(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(BadInput):
        list(open_lines(zipped(tmp_path / "x.zip", **files)))


@pytest.mark.parametrize("cut", [4, 10, 60, -30, -5])
def test_torn_zips(tmp_path: Path, cut: int) -> None:
    path = zipped(tmp_path / "x.zip", a_txt=generate(200, 3).text.encode())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BadInput):
        list(open_lines(path))


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(HEADER + b"\n" + b"A" * 3_000_000 + b"\n" + line() + b"\n")
    read = list(parse_lines(open_lines(path)))
    assert read[0] == Rejection(2, "line too long") and isinstance(read[1], Entry)


@given(st.one_of(st.binary(max_size=400), st.text(alphabet="|PER@.aé\x00\n", max_size=200).map(str.encode)))
def test_fuzz_a_line(data: bytes) -> None:
    assert isinstance(parse_line(data, 5), Entry | Rejection)


@given(st.lists(st.text(max_size=20), min_size=31, max_size=31))
def test_fuzz_the_fields(fields: list[str]) -> None:
    found = parse_line("|".join(["PER", "a@b.test", *fields[2:]]).encode("utf-8", "replace"), 5)
    assert isinstance(found, Rejection) or found.label.isprintable()


@given(st.binary(max_size=300))
def test_fuzz_a_file(data: bytes) -> None:
    try:
        list(parse_lines(io.BytesIO(data)))
    except BadInput:
        pass
