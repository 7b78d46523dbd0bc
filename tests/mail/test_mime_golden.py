"""The messages of tests/messages give what was agreed on, and each says what it is for."""

import pytest

from tests.support import golden


@pytest.mark.parametrize("name", golden.names())
def test_messages(name: str) -> None:
    assert golden.answer(golden.raw(name)) == golden.expected(name)
    assert (golden.MESSAGES / f"{name}.readme").read_text().strip()


def test_the_set_is_whole() -> None:
    assert len(golden.names()) >= 25
