"""The second reader: what it sees, what becomes of it where it fails, and that it raises doubts where it disagrees."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record.lines import STRENGTH
from record.reading.picture import Grey, open_pages
from record.reading.rapid import Piece, Rapid, rows_of
from record.reading.read import Reader
from record.unpack.facts import JPEG
from tests.support.medicines import INDEX
from tests.support.reading_files import file_of, page, telling, tsv

ROWS = (
    "Docteur Anaïs Inventée",
    "ORDONNANCE",
    "LEVOTHYROX 75 microgrammes, comprimé",
    "1 comprimé le matin QSP 3 mois",
    "XARELTO 20 mg, comprimé pelliculé",
    "1 comprimé le soir pendant 28 jours",
)
PHOTO = file_of(page(*ROWS), "JPEG")
share = st.floats(0, 1)
pieces = st.lists(st.builds(Piece, st.text(max_size=9), share, share, share, share), max_size=20)


def test_pieces_at_one_height_are_one_line_from_left_to_right() -> None:
    found = list(
        rows_of(
            [
                Piece("matin", 0.9, 0.30, 0.33, 0.5),
                Piece("75 µg", 0.8, 0.10, 0.13, 0.5),
                Piece("LEVOTHYROX", 1.0, 0.11, 0.14, 0.1),
                Piece("1 comprimé le", 0.9, 0.30, 0.33, 0.1),
            ]
        )
    )
    assert [line.text for line in found] == ["LEVOTHYROX 75 µg", "1 comprimé le matin"]
    assert (found[0].top, found[0].bottom) == (0.10, 0.14) and 0.8 < found[0].confidence < 1.0


@given(pieces)
def test_no_piece_is_lost(given_pieces: list[Piece]) -> None:
    words = sorted("".join(piece.text for piece in given_pieces).replace(" ", ""))
    assert sorted("".join(line.text for line in rows_of(given_pieces)).replace(" ", "")) == words


@pytest.mark.slow
def test_print_is_read() -> None:
    told = Rapid().read(open_pages(PHOTO, JPEG)[0].grey)
    line = next(line for line in told if "LEVOTHYROX" in line.text)
    assert "75" in line.text and line.confidence > 0.8 and 0 < line.top < line.bottom < 1


@pytest.mark.slow
@pytest.mark.parametrize("grey", [Grey(2, 2, bytes(4)), Grey(90, 90, bytes(8100)), Grey(90, 90, b"short")])
def test_nothing_is_made_of_nothing(grey: Grey) -> None:
    assert Rapid().read(grey) == ()


def test_whoever_takes_too_long_is_ended() -> None:
    assert Rapid(wall_seconds=0.01).read(Grey(90, 90, bytes(8100))) == ()


@pytest.mark.slow
@pytest.mark.parametrize(("said", "asked"), [("LEVOTHYROX 75", False), ("LEVOTHYROX 50", True)])
def test_where_the_first_look_is_unsure_the_other_reader_has_its_say(tmp_path: Path, said: str, asked: bool) -> None:
    """An unsure line is asked in any case: one about the dose alone is unsure here."""
    table = (
        tsv(f"{said} microgrammes, comprimé", "1 comprimé le matin") + tsv("Docteur", confidence=70.0).split("\n", 1)[1]
    )
    line = Reader(lambda: INDEX, telling(tmp_path, table), Rapid()).read(PHOTO).lines[0]
    assert (STRENGTH in line.to_confirm) is asked
