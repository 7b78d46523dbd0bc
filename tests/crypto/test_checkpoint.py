"""Checkpoints: signed once, checked by whoever has the public key, by openssl too; every change is seen."""

import base64
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.checkpoint import Checkpoint, NotSigned, Signer, Verifier, split_notes

SIGNER = Signer(b"k" * 32)
POINT = Checkpoint(7, b"\x11" * 32, datetime(2026, 6, 1, 8, 0, tzinfo=UTC))
NOTE = SIGNER.note(POINT)


def test_there_and_back():
    assert SIGNER.verifier.open(NOTE) == POINT
    assert Verifier.parse(SIGNER.verifier.text) == SIGNER.verifier


def test_openssl_agrees(tmp_path: Path):
    body, _, signed = NOTE.partition("\n\n")
    signature = base64.b64decode(signed.split(" ")[2])[4:]
    der = bytes.fromhex("302a300506032b6570032100") + SIGNER.verifier.public
    (tmp_path / "key.der").write_bytes(der)
    (tmp_path / "body").write_text(body + "\n")
    (tmp_path / "sig").write_bytes(signature)
    command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in body -sigfile sig"
    assert subprocess.run(command.split(), cwd=tmp_path, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    "harm",
    [
        lambda note: note.replace("\n7\n", "\n8\n"),
        lambda note: note.replace("2026", "2025"),
        lambda note: note.replace("— ", "- "),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\n\n", "\nmore\n\n"),
        lambda note: note[: len(note) // 2],
        lambda note: "",
        lambda note: Signer(b"x" * 32).note(POINT),
        lambda note: note.replace("pli-audit/", "pli-other/"),
    ],
)
def test_every_change_is_seen(harm):
    with pytest.raises(NotSigned):
        SIGNER.verifier.open(harm(NOTE))


@pytest.mark.parametrize("text", ["", "a+b+c", SIGNER.verifier.text[:-4], SIGNER.verifier.text.replace("+", "-")])
def test_no_verifier_key(text: str):
    with pytest.raises(NotSigned):
        Verifier.parse(text)


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=300))
def test_anything_else_is_refused_in_one_way(text: str):
    for note in (text, NOTE[:40] + text, text + NOTE, NOTE + text):
        for one in (note, *split_notes(note)):
            try:
                assert SIGNER.verifier.open(one) == POINT
            except NotSigned:
                pass


def test_notes_in_a_file():
    assert split_notes(NOTE + NOTE) == [NOTE, NOTE]
    assert split_notes(NOTE + NOTE[:20]) == split_notes(NOTE[:40] + "\n" + NOTE) == [NOTE]
    assert split_notes("") == []
