"""docs/asvs.md: every requirement of levels 1 and 2 has its line, and every line a test that exists or a reason."""

import re

from tests.support.house import ROOT

# OWASP ASVS 5.0.0: the last requirement of levels 1 and 2 in each section; none is passed over before it.
LAST = {
    1: {1: 2, 2: 9, 3: 11, 4: 3, 5: 2},
    2: {1: 3, 2: 3, 3: 4, 4: 1},
    3: {2: 2, 3: 4, 4: 6, 5: 5, 7: 2},
    4: {1: 3, 2: 1, 3: 2, 4: 4},
    5: {1: 1, 2: 3, 3: 2, 4: 3},
    6: {1: 3, 2: 12, 3: 4, 4: 4, 5: 5, 6: 3, 8: 4},
    7: {1: 3, 2: 4, 3: 2, 4: 5, 5: 2, 6: 2},
    8: {1: 2, 2: 3, 3: 1, 4: 1},
    9: {1: 3, 2: 4},
    10: {1: 2, 2: 2, 3: 4, 4: 11, 5: 5, 6: 2, 7: 3},
    11: {1: 2, 2: 3, 3: 3, 4: 4, 5: 1, 6: 1},
    12: {1: 3, 2: 2, 3: 4},
    13: {1: 1, 2: 5, 3: 2, 4: 5},
    14: {1: 2, 2: 4, 3: 3},
    15: {1: 3, 2: 3, 3: 7},
    16: {1: 1, 2: 5, 3: 4, 4: 3, 5: 3},
    17: {1: 1, 2: 4, 3: 2},
}
ROW = re.compile(r"^\| (V[\d.]+) \| ([12]) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)`")
REASON = re.compile(r"(?:not applicable|left out): \w")


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall((ROOT / "docs" / "asvs.md").read_text(encoding="utf-8"))


def test_every_requirement_has_its_line_in_order():
    wanted = [
        f"V{chapter}.{section}.{number}"
        for chapter, sections in LAST.items()
        for section, last in sections.items()
        for number in range(1, last + 1)
    ]
    assert [row[0] for row in rows()] == wanted


def test_every_line_names_a_test_that_exists_or_a_reason():
    missing = [(row[0], path) for row in rows() for path in TEST.findall(row[3]) if not (ROOT / path).is_file()]
    assert not missing
    assert not [row[0] for row in rows() if not TEST.search(row[3]) and not REASON.match(row[3])]


def test_the_counts_of_the_first_lines_are_true():
    text, said = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8"), [row[3] for row in rows()]
    applies = [line for line in said if not REASON.match(line)]
    other = [sum(line.startswith(word) for line in said) for word in ("not applicable", "left out")]
    counts = (
        f"Of {len(said)} requirements {len(applies)} name a test, {other[0]} do not apply, {other[1]} are left out."
    )
    assert counts in " ".join(text.split())
