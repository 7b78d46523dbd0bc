"""New passwords: what leaked, what is typed in a row, what anybody knows of the person; and what is good."""

import pytest

from crypto.passwords import MAX_BYTES
from crypto.weak_passwords import LEAST, Weakness, weakness

KNOWN = ("lea.inventee@demo.mssante.test", "Léa Inventée")


@pytest.mark.parametrize("text", ["", "x", "Tr0ub4dor&3", "é" * (LEAST - 1), "e\u0301" * (LEAST - 1)])
def test_too_short(text: str) -> None:
    assert weakness(text) is Weakness.SHORT


@pytest.mark.parametrize("text", ["x" * (MAX_BYTES + 1), "é" * MAX_BYTES])
def test_too_long_to_be_meant(text: str) -> None:
    assert weakness(text) is Weakness.LONG


@pytest.mark.parametrize(
    "text",
    [
        "password1234",
        "P@ssw0rd1234",
        "motdepasse1234",
        "azertyuiop12",
        "123456789012",
        "qwertyuiopas",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "a" * 1000,
        "pharmacie2026!",
        "mssante mssante",
        "iloveyouiloveyou",
        "\ud800" * 12,
    ],
)
def test_guessed_by_anybody(text: str) -> None:
    assert weakness(text) is Weakness.GUESSED


@pytest.mark.parametrize(
    "text", ["leainventee", "Léa Inventée", "inventee.lea1", "LEA-inventée!", "lea.inventee@demo", "demo-mssante-2026"]
)
def test_guessed_by_who_knows_the_person(text: str) -> None:
    padded = text.ljust(LEAST, "1")
    assert weakness(padded, KNOWN) is Weakness.GUESSED


@pytest.mark.parametrize(
    "text",
    [
        "quatre chats gris dorment",
        "correct horse battery",
        "8mF2pQz7Lr4x",
        "прекрасная погода",
        "le train de 7 h 42 est bleu",
        "🐈🐈 sur le toit vert",
        "quatre chats gris dorment" * 20,
    ],
)
def test_good(text: str) -> None:
    assert weakness(text, KNOWN) is None
