"""What an operator gives an account: in production no password that anybody guesses."""

import pytest

from core.errors import BadInput
from crypto.passwords import verify_password
from ops.commands.account import chosen


@pytest.mark.parametrize("password", ["", "demo", "password1234", "lea.inventee1", "x" * 2000])
def test_in_production_a_weak_one_is_refused(password: str) -> None:
    with pytest.raises(BadInput) as refused:
        chosen(True, password, "lea.inventee@demo.mssante.test")
    assert not password or password not in str(refused.value)


def test_a_good_one_is_hashed_and_invented_people_have_any() -> None:
    assert verify_password(chosen(True, "quatre chats gris dorment", "lea"), "quatre chats gris dorment")
    assert verify_password(chosen(False, "demo"), "demo")
    with pytest.raises(BadInput):
        chosen(False, "")
