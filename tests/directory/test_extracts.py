"""RPPS, SavoirFaire, FINESS: each form read, whatever is not of it rejected with its number; encodings found out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from directory.extracts import finess, rpps, skills
from directory.extracts.entry import Rejection
from directory.extracts.files import LINE_BYTES


def activity(**changes: str) -> bytes:
    given_ = dict.fromkeys(rpps.Activity._fields, "") | {
        "national_id": "899000000019",
        "family": "BÉRANGER",
        "given": "Anaïs",
        "finess": "990000010",
        "siret": "99900000000001",
        "sign": "LES LILAS",
        "company": "SELARL",
    }
    return "|".join((given_ | changes).values()).encode() + b"|\n"


def test_an_activity() -> None:
    found = rpps.parse_line(activity(), 2)
    assert (found.family, found.structure_id, found.structure_name) == ("BÉRANGER", "1990000010", "LES LILAS")
    assert rpps.parse_line(activity(finess=""), 2).structure_id == "399900000000001"
    assert rpps.parse_line(activity(finess="", siret="", technical_id="R1"), 2).structure_id == "R1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not 56 columns"),
        (activity()[:-30], "not 56 columns"),
        (activity(family=""), "no name"),
        (activity(national_id="8|9"), "not 56 columns"),
        (activity(national_id="8-9"), "no national identifier"),
        (activity(given="A\x00"), "control character"),
        (activity(given="A" * 501), "field too long"),
        (b"A" * (LINE_BYTES + 1), "line too long"),
        (activity().decode().encode("latin-1"), "not UTF-8"),
    ],
)
def test_activities_that_are_none(line: bytes, reason: str) -> None:
    assert rpps.parse_line(line, 9) == Rejection(9, reason)


def test_odd_spaces_are_spaces() -> None:
    assert rpps.parse_line(activity(street="DE\u00a0LA\u202fGARE"), 2).street == "DE LA GARE"


def test_headers() -> None:
    for module in (rpps, skills):
        header = "|".join(module.COLUMNS)
        assert list(module.parse_lines([(header + "|\n").encode()])) == []
        swapped = "|".join([module.COLUMNS[1], module.COLUMNS[0], *module.COLUMNS[2:]])
        for other in (swapped, header + "|x", "", "\x00"):
            with pytest.raises(BadInput):
                list(module.parse_lines([other.encode()]))


def test_a_skill() -> None:
    line = "8|99000000019|899000000019|B|A|10|Médecin|C|Civil|S|Spécialité|SM04|Cardiologie|".encode()
    assert skills.parse_line(line, 2).label == "Cardiologie"
    assert skills.parse_line(line.replace(b"SM04", b""), 2) == Rejection(2, "no skill")


ESTABLISHMENT = ";".join(
    ["structureet", "2A0000014", "", "HÔPITAL D'ÉTÉ", "", "", "", "1", "R", "DE L'ŒUVRE", "", "", "001", "2A", "CORSE"]
    + ["20000 AJACCIO CEDEX 1", *[""] * 16]
)
POSITION = "geolocalisation;2A0000014;1.5;2.5;1,X;2026-01-01"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "twice"])
def test_finess_in_three_encodings(encoding: str) -> None:
    text = ESTABLISHMENT if encoding != "twice" else ESTABLISHMENT.replace("Œ", "OE")
    raw = text.encode("utf-8").decode("latin-1").encode("utf-8") if encoding == "twice" else text.encode(encoding)
    found = finess.parse_line(raw, 2)
    assert (found.name, found.postcode, found.city) == ("HÔPITAL D'ÉTÉ", "20000", "AJACCIO")
    assert found.structure_id == "12A0000014"


def test_finess_rows() -> None:
    first = b"finess;etalab;90;2026-11-22\n"
    read = list(finess.parse_lines([first, ESTABLISHMENT.encode() + b"\n", POSITION.encode(), b"other;x\n", b"\n"]))
    assert [type(one).__name__ for one in read] == ["Establishment", "Position", "Rejection"] and read[2].line == 4
    with pytest.raises(BadInput):
        list(finess.parse_lines([ESTABLISHMENT.encode()]))


@given(st.binary(max_size=300))
def test_fuzz(data: bytes) -> None:
    for parse in (rpps.parse_line, skills.parse_line, finess.parse_line):
        for raw in (data, b"structureet;" + data, data.replace(b"a", b"|")):
            found = parse(raw, 3)
            assert not isinstance(found, Rejection) or found.line == 3
