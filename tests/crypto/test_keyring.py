"""The keyring: wraps, rotates, forgets, survives crashes and other processes, and never shows a key."""

import base64
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.keyring import FileKeyring, KeyringBroken, SoftKeyring
from crypto.sealed import SealBroken, new_key

SOFT = SoftKeyring.fresh()


@pytest.fixture(params=["soft", "file"])
def ring(request, tmp_path):
    return SoftKeyring.fresh() if request.param == "soft" else FileKeyring.create(tmp_path / "keyring.json")


def test_a_holder_key_comes_back(ring):
    key = new_key()
    assert ring.unwrap_holder(ring.wrap_holder(key)) == key
    assert ring.unwrap_holder(ring.wrap_holder(key, b"holder 7"), b"holder 7") == key


def test_another_binding_or_keyring_is_refused(ring):
    wrapped = ring.wrap_holder(new_key(), b"holder 7")
    with pytest.raises(SealBroken):
        ring.unwrap_holder(wrapped, b"holder 8")
    with pytest.raises(SealBroken):
        SoftKeyring.fresh().unwrap_holder(wrapped, b"holder 7")


@given(st.data())
def test_any_flipped_bit_or_cut_is_refused(data):
    wrapped = bytearray(SOFT.wrap_holder(new_key()))
    place = data.draw(st.integers(0, len(wrapped) * 8 - 1))
    wrapped[place // 8] ^= 1 << place % 8
    with pytest.raises(SealBroken):
        SOFT.unwrap_holder(bytes(wrapped))
    with pytest.raises(SealBroken):
        SOFT.unwrap_holder(SOFT.wrap_holder(new_key())[: data.draw(st.integers(0, 127))])


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(noise):
    for attempt in (noise, b"PliHold1" + noise, b"PliHold1\0\0\0\x01" + noise):
        with pytest.raises(SealBroken):
            SOFT.unwrap_holder(attempt)


def test_only_keys_of_32_bytes_are_wrapped(ring):
    with pytest.raises(ValueError, match="32 bytes"):
        ring.wrap_holder(b"short")


def test_rotation_keeps_old_wraps_readable_until_forgotten(ring):
    key = new_key()
    old = ring.wrap_holder(key)
    assert ring.rotate() == 2
    assert ring.unwrap_holder(old) == key
    anew = ring.rewrap(old)
    assert (ring.kek_of(old), ring.kek_of(anew)) == (1, 2)
    assert ring.rewrap(anew) is anew
    ring.forget(1)
    assert ring.unwrap_holder(anew) == key
    with pytest.raises(SealBroken):
        ring.unwrap_holder(old)


def test_the_current_or_an_unknown_key_is_never_forgotten(ring):
    for number in (1, 5):
        with pytest.raises(ValueError, match="older key"):
            ring.forget(number)


def test_blind_indexes_are_stable_and_separate(ring):
    one = ring.blind("address", "a@b.example")
    assert len(one) == 32
    assert one == ring.blind("address", "a@b.example")
    others = {
        ring.blind("address", "A@b.example"),
        ring.blind("login", "a@b.example"),
        ring.mac("address", b"a@b.example"),
    }
    assert len(others | {one}) == 4
    assert SoftKeyring.fresh().blind("address", "a@b.example") != one


def test_blind_indexes_survive_rotation(ring):
    before = ring.blind("matricule", "x")
    ring.rotate()
    assert ring.blind("matricule", "x") == before


def test_nothing_printed_shows_a_key(ring):
    shown = repr(ring) + str(ring) + repr(ring._keys) + f"{ring!r}"
    for secret in (ring._keys.root, *ring._keys.keks.values()):
        for form in (secret.hex(), base64.b64encode(secret).decode(), repr(secret)):
            assert form not in shown


def test_the_file_is_private_and_opens_again(tmp_path):
    path = tmp_path / "keyring.json"
    ring = FileKeyring.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    key = new_key()
    wrapped = ring.wrap_holder(key)
    again = FileKeyring.open(path)
    assert again.unwrap_holder(wrapped) == key
    assert again.blind("address", "x") == ring.blind("address", "x")


def test_a_file_is_never_replaced_by_create(tmp_path):
    path = tmp_path / "keyring.json"
    FileKeyring.create(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        FileKeyring.create(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["keyring.json"]


def test_a_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "keyring.json"
    FileKeyring.create(path)
    path.chmod(0o640)
    with pytest.raises(KeyringBroken, match="chmod 600"):
        FileKeyring.open(path)


def test_a_missing_file_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileKeyring.open(tmp_path / "none.json")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: b"",
        lambda text: b"[]",
        lambda text: b'"text"',
        lambda text: b"[" * 100_000,
        lambda text: text.replace(b'"current": 1', b'"current": 2'),
        lambda text: text.replace(b"pli-keyring-1", b"pli-keyring-9"),
        lambda text: json.dumps({**json.loads(text), "root": "AAAA"}).encode(),
        lambda text: text.replace(b'"keks"', b'"kexs"'),
        lambda text: b"\xff\xfe" + text,
    ],
)
def test_a_damaged_file_is_refused_without_showing_it(tmp_path, spoil):
    path = tmp_path / "keyring.json"
    FileKeyring.create(path)
    text = path.read_bytes()
    path.write_bytes(spoil(text))
    with pytest.raises(KeyringBroken) as caught:
        FileKeyring.open(path)
    assert json.loads(text)["root"] not in str(caught.value)


def test_another_process_that_rotates_is_noticed(tmp_path):
    path = tmp_path / "keyring.json"
    mine, other = FileKeyring.create(path), FileKeyring.open(path)
    other.rotate()
    key = new_key()
    assert mine.unwrap_holder(other.wrap_holder(key)) == key
    assert mine.rotate() == 3  # not a second "number 2"
    assert other.unwrap_holder(mine.wrap_holder(key)) == key


def test_processes_that_rotate_together_lose_no_key(tmp_path):
    path = tmp_path / "keyring.json"
    FileKeyring.create(path)
    code = "import sys; from crypto.keyring import FileKeyring as F; r = F.open(sys.argv[1])" + "; r.rotate()" * 5
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": "."})
        for _ in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert FileKeyring.open(path).current == 16


def test_a_swapped_file_is_noticed(tmp_path):
    path, foreign = tmp_path / "keyring.json", tmp_path / "other.json"
    ring = FileKeyring.create(path)
    FileKeyring.create(foreign)
    foreign.replace(path)
    with pytest.raises(KeyringBroken, match="another root"):
        ring.rotate()


def test_a_write_that_fails_leaves_the_old_keys(tmp_path, monkeypatch):
    path = tmp_path / "keyring.json"
    ring = FileKeyring.create(path)
    before = path.read_bytes()

    def broken(handle):
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="input/output"):
        ring.rotate()
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert ring.current == 1
    assert FileKeyring.open(path).current == 1
