"""A number with its word, as French writes it."""

import pytest

from ops.doctor.words import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("salon",), "0 salon"),
        (1, ("salon",), "1 salon"),
        (2, ("salon",), "2 salons"),
        (1, ("sceau", "sceaux"), "1 sceau"),
        (5, ("sceau", "sceaux"), "5 sceaux"),
    ],
)
def test_none_and_one_are_singular(number: int, words: tuple[str, ...], said: str):
    assert counted(number, *words) == said
