"""Exports: what a spreadsheet or an address book does with hostile names."""

import csv
import io

from directory.cardfile import csv_of, vcards_of
from directory.edition.card import PERSON, Box, Card, Place, pack, unpack

CARD = Card(
    PERSON,
    "899000000019",
    "DR",
    "=cmd()",
    "DE L'ÉTÉ;X,Y",
    "Médecin",
    places=(Place("35000", "RENNES", "", "HÔPITAL " + "É" * 90, "1990000010", "1 rue\\x"),),
    boxes=(Box("a@b.test", "PER"),),
)


def test_a_card_comes_back() -> None:
    assert unpack(pack(CARD)) == CARD


def test_no_formula_in_a_spreadsheet() -> None:
    rows = list(csv.reader(io.StringIO(csv_of([CARD])), delimiter=";"))
    assert rows[1][0].startswith("'=cmd()") and rows[1][3:5] == ["99000000019", "990000010"]


def test_a_vcard_is_folded_and_escaped() -> None:
    text = vcards_of([CARD])
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    whole = text.replace("\r\n ", "")
    assert "N:DE L'ÉTÉ\\;X\\,Y;=cmd();;DR;" in whole and "EMAIL;TYPE=work:a@b.test" in whole
    assert whole.startswith("BEGIN:VCARD\r\nVERSION:4.0\r\n") and whole.endswith("END:VCARD\r\n")
