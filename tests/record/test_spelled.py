"""Numbers in words: what French counts becomes digits, everything else stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record.spelled import in_digits, value_of


@pytest.mark.parametrize(
    "words, value",
    [
        ("dix", 10),
        ("seize", 16),
        ("dix-huit", 18),
        ("vingt et un", 21),
        ("vingt-huit", 28),
        ("soixante et onze", 71),
        ("quatre-vingts", 80),
        ("quatre-vingt-dix-sept", 97),
        ("cent vingt-cinq", 125),
        ("deux cents", 200),
        ("mille", 1000),
        ("deux mille cinq cents", 2500),
    ],
)
def test_what_french_counts(words: str, value: int) -> None:
    assert value_of(words) == value


@pytest.mark.parametrize("words", ["deux trois", "vingt vingt", "cent cent", "seize dix", "cent quatre-vingt vingt"])
def test_what_is_no_number_is_left(words: str) -> None:
    assert value_of(words) is None and in_digits(f"{words} milligrammes") == f"{words} milligrammes"


def test_only_before_what_is_counted() -> None:
    text = "OXYCODONE dix milligrammes, deux gélules toutes les douze heures, ne pas dépasser six"
    assert in_digits(text) == "OXYCODONE 10 milligrammes, 2 gélules toutes les 12 heures, ne pas dépasser six"


@given(st.text(alphabet="dixcentmlqurvg -tos", max_size=60))
def test_never_fails(text: str) -> None:
    assert in_digits(in_digits(text + " mg")) == in_digits(text + " mg")
