"""The table of S/MIME cases: each is answered as it says, here and by openssl, and the page shows it."""

import pytest

from tests.support.smime_cases import BEGIN, CASES, END, PAGE, row

NAMED = [pytest.param(case, id=f"{case.group}: {case.name}") for case in CASES]


@pytest.mark.parametrize("case", NAMED)
def test_it_is_answered_as_the_table_says(case):
    assert case.judge().reason is case.answer


@pytest.mark.slow
@pytest.mark.parametrize("case", NAMED)
def test_openssl_says_what_the_table_says(case):
    assert case.openssl_accepts() is case.openssl


def test_the_table_is_long_enough_and_names_each_case_once():
    assert len(CASES) >= 60
    assert len({(case.group, case.name) for case in CASES}) == len(CASES)


def test_the_page_shows_the_table():
    text = PAGE.read_text(encoding="utf-8").split(BEGIN, 1)[1].split(END, 1)[0]
    assert [line for line in text.splitlines() if line.startswith("| ")][1:] == [row(case) for case in CASES]
