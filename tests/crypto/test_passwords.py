"""Passwords: argon2id as OWASP asks, and no oracle for who exists."""

import pytest

from crypto.passwords import MAX_BYTES, hash_password, verify_password

HASH = hash_password("correct horse é")
OLD = "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHQxMjM0NTY$Zm9vYmFyYmF6"


def test_the_right_password_is_accepted():
    assert verify_password(HASH, "correct horse é")


def test_the_hash_states_the_owasp_minimum():
    assert HASH.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_composed_and_decomposed_letters_agree():
    assert verify_password(HASH, "correct horse e\u0301")


@pytest.mark.parametrize(
    "wrong", ["", "correct horse", "Correct horse é", "correct horse é ", "x" * 5000, "\ud800", "\0"]
)
def test_a_wrong_password_is_refused(wrong):
    assert not verify_password(HASH, wrong)


@pytest.mark.parametrize("unknown", [None, "", "plain", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", OLD, "\0"])
def test_an_unknown_or_odd_hash_is_a_plain_no(unknown):
    assert verify_password(unknown, "correct horse é") is False


def test_the_decoy_never_opens():
    assert not verify_password(None, "no account has this hash")


def test_an_unknown_account_costs_a_true_check(monkeypatch):
    """The same work, counted: no clock in tests."""
    from crypto import passwords

    calls = []

    class Counting:
        def verify(self, encoded, text):
            calls.append(encoded)
            return passwords_hasher.verify(encoded, text)

    passwords_hasher = passwords._HASHER
    passwords._decoy()
    monkeypatch.setattr(passwords, "_HASHER", Counting())
    verify_password(None, "any")
    verify_password(HASH, "any")
    parameters = [encoded.split("$")[3] for encoded in calls]
    assert parameters == ["m=19456,t=2,p=1"] * 2


def test_hashes_of_one_password_differ():
    assert hash_password("same") != hash_password("same")


@pytest.mark.parametrize("bad", ["", "x" * (MAX_BYTES + 1), "\ud800"])
def test_empty_or_huge_passwords_are_not_hashed(bad):
    with pytest.raises(ValueError):
        hash_password(bad)
