"""Sealed objects: open for the right key and binding only, whatever single thing changes."""

import os

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sealed
from crypto.committing import COMMITMENT_BYTES, MAGIC_BYTES, SALT_BYTES, open_head
from crypto.entropy import random_octets
from crypto.sealed import SealBroken, new_key, object_aad, seal, unseal, unwrap_key, wrap_key

KEY = bytes(range(32))
AAD = object_aad("message", 7, 2, holder_id=9)


@given(st.binary(max_size=5000), st.binary(max_size=60))
def test_what_is_sealed_opens_again(text, aad):
    assert unseal(KEY, seal(KEY, text, aad), aad) == text


@given(st.binary(max_size=200), st.data())
def test_any_flipped_bit_is_refused(text, data):
    box = bytearray(seal(KEY, text, AAD))
    place = data.draw(st.integers(0, len(box) * 8 - 1))
    box[place // 8] ^= 1 << place % 8
    with pytest.raises(SealBroken):
        unseal(KEY, bytes(box), AAD)


@given(st.binary(max_size=200), st.data())
def test_cut_or_longer_is_refused(text, data):
    box = seal(KEY, text, AAD)
    with pytest.raises(SealBroken):
        unseal(KEY, box[: data.draw(st.integers(0, len(box) - 1))], AAD)
    with pytest.raises(SealBroken):
        unseal(KEY, box + data.draw(st.binary(min_size=1, max_size=20)), AAD)


@given(st.binary(max_size=300))
def test_random_bytes_never_open(noise):
    for attempt in (noise, sealed.OBJECT_MAGIC + noise):
        with pytest.raises(SealBroken):
            unseal(KEY, attempt, AAD)


def test_another_key_is_refused():
    with pytest.raises(SealBroken):
        unseal(new_key(), seal(KEY, b"secret", AAD), AAD)


@pytest.mark.parametrize(
    "other",
    [
        object_aad("message", 8, 2, holder_id=9),
        object_aad("message", 7, 3, holder_id=9),
        object_aad("message", 7, 2, holder_id=10),
        object_aad("document", 7, 2, holder_id=9),
        b"",
    ],
)
def test_another_object_version_holder_or_kind_is_refused(other):
    with pytest.raises(SealBroken):
        unseal(KEY, seal(KEY, b"secret", AAD), other)


@given(st.text(max_size=10), st.text(max_size=10), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_two_bindings_never_share_their_bytes(kind, other_kind, number, other_number):
    same = (kind, number) == (other_kind, other_number)
    assert (object_aad(kind, number) == object_aad(other_kind, other_number)) == same


def test_a_box_that_opens_under_two_keys_cannot_be_shown():
    """Key commitment: with the commitment of another key in its place, neither key opens the box."""
    other = new_key()
    box, foreign = seal(KEY, b"secret", AAD), seal(other, b"secret", AAD)
    start = MAGIC_BYTES + SALT_BYTES
    mixed = box[:start] + foreign[start : start + COMMITMENT_BYTES] + box[start + COMMITMENT_BYTES :]
    for key in (KEY, other):
        with pytest.raises(SealBroken):
            unseal(key, mixed, AAD)


def test_the_commitment_is_checked_before_the_ciphertext():
    """A ciphertext made by who knows the inner key, under another key's commitment, is refused by that alone."""
    from crypto.committing import new_head, open_head

    _, head = new_head(sealed.OBJECT_MAGIC, KEY)
    with pytest.raises(SealBroken):
        open_head(sealed.OBJECT_MAGIC, new_key(), head)


def test_commitments_of_many_keys_never_meet():
    from crypto.committing import HEAD_BYTES, new_head

    heads = {new_head(sealed.OBJECT_MAGIC, new_key())[1][-COMMITMENT_BYTES:] for _ in range(500)}
    assert len(heads) == 500
    assert all(len(head) == COMMITMENT_BYTES for head in heads)
    assert HEAD_BYTES == 56


def test_equal_texts_look_different():
    assert len({seal(KEY, b"same", AAD) for _ in range(100)}) == 100


def test_the_size_overhead_is_what_we_say():
    assert len(seal(KEY, b"x" * 1000, AAD)) == 1084


def test_one_body_serves_several_holders_and_each_only_its_own():
    object_key = new_key()
    holders = {number: new_key() for number in (1, 2, 3)}
    wrapped = {n: wrap_key(key, object_key, object_aad("body", 5, holder_id=n)) for n, key in holders.items()}
    for number, key in holders.items():
        assert unwrap_key(key, wrapped[number], object_aad("body", 5, holder_id=number)) == object_key
    with pytest.raises(SealBroken):  # right key, the row of another holder
        unwrap_key(holders[1], wrapped[2], object_aad("body", 5, holder_id=2))
    with pytest.raises(SealBroken):  # right key and row, moved to another object
        unwrap_key(holders[1], wrapped[1], object_aad("body", 6, holder_id=1))


def test_a_wrapped_key_is_not_an_object_and_an_object_no_wrapped_key():
    with pytest.raises(SealBroken):
        unseal(KEY, wrap_key(KEY, new_key(), AAD), AAD)
    with pytest.raises(SealBroken):
        unwrap_key(KEY, seal(KEY, new_key(), AAD), AAD)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_keys_of_another_length_are_refused(length):
    with pytest.raises(SealBroken):
        seal(b"k" * length, b"text", AAD)
    with pytest.raises(ValueError, match="32 bytes"):
        wrap_key(KEY, b"k" * length, AAD)


def test_the_error_tells_nothing():
    texts = set()
    for box, aad in ((seal(KEY, b"a", AAD), b"x"), (b"", AAD), (b"PliSeal1" + b"\0" * 100, AAD)):
        with pytest.raises(SealBroken) as caught:
            unseal(KEY, box, aad)
        texts.add(str(caught.value))
    assert texts == {"sealed object does not open"}


@settings(max_examples=20)
@given(st.binary(min_size=1, max_size=64))
def test_no_fragment_of_the_plaintext_is_in_the_box(text):
    marked = b"CANARY-" + text + b"-CANARY"
    assert b"CANARY" not in seal(KEY, marked, AAD)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
def test_the_derivation_is_that_of_rfc_5869(key: bytes, salt: bytes) -> None:
    expected = HKDF(SHA256(), 64, salt, b"pli/seal/PliSeal1").derive(key)
    head = b"PliSeal1" + salt + expected[32:]
    assert open_head(b"PliSeal1", key, head) == expected[:32]


def test_random_octets_never_come_twice_not_even_in_a_child() -> None:
    drawn = [random_octets(16) for _ in range(1000)]
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, random_octets(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert len({*drawn, os.read(reader, 16), random_octets(16), random_octets(10_000)}) == 1003
