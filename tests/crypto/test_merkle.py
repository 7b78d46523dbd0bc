"""The tree of RFC 6962: known answers, every proof of small trees, and no forged one."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.merkle import (
    EMPTY,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(f"entry {i}".encode()) for i in range(40)]


def recursive_root(leaves):
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


def test_known_answers():
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@pytest.mark.parametrize("size", range(40))
def test_the_root_is_the_one_of_the_definition(size):
    assert root(LEAVES[:size]) == recursive_root(LEAVES[:size])


@pytest.mark.parametrize("size", range(1, 34))
def test_every_inclusion_proof_holds_and_for_its_leaf_only(size):
    tree = root(LEAVES[:size])
    for index in range(size):
        proof = inclusion_proof(LEAVES[:size], index)
        assert verify_inclusion(LEAVES[index], index, size, proof, tree)
        assert not verify_inclusion(LEAVES[index + 1], index, size, proof, tree)
        assert not any(
            verify_inclusion(LEAVES[index], other, size, proof, tree) for other in range(size) if other != index
        )


@pytest.mark.parametrize("size", range(1, 24))
def test_every_consistency_proof_holds_and_for_its_trees_only(size):
    new = root(LEAVES[:size])
    for old_size in range(size + 1):
        old = root(LEAVES[:old_size])
        proof = consistency_proof(LEAVES[:size], old_size)
        assert verify_consistency(old_size, size, old, new, proof)
        if 0 < old_size < size:
            forged = root([*LEAVES[: old_size - 1], leaf_hash(b"forged")])
            assert not verify_consistency(old_size, size, forged, new, proof)
            assert not verify_consistency(old_size, size, old, forged, proof)


@given(st.data())
def test_forged_proofs_are_refused(data):
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    tree, proof = root(LEAVES[:size]), inclusion_proof(LEAVES[:size], index)
    forged = list(proof)
    where = data.draw(st.integers(0, len(proof) - 1))
    action = data.draw(st.sampled_from(["flip", "drop", "repeat", "extend"]))
    if action == "flip":
        forged[where] = bytes([forged[where][0] ^ 1]) + forged[where][1:]
    elif action == "drop":
        del forged[where]
    elif action == "repeat":
        forged.insert(where, forged[where])
    else:
        forged.append(data.draw(st.binary(min_size=32, max_size=32)))
    assert not verify_inclusion(LEAVES[index], index, size, forged, tree)


@given(st.data())
def test_forged_growth_is_refused(data):
    size = data.draw(st.integers(2, 40))
    old_size = data.draw(st.integers(1, size - 1))
    proof = consistency_proof(LEAVES[:size], old_size)
    old, new = root(LEAVES[:old_size]), root(LEAVES[:size])
    where = data.draw(st.integers(0, len(proof) - 1))
    flipped = [*proof[:where], bytes([proof[where][0] ^ 1]) + proof[where][1:], *proof[where + 1 :]]
    assert not verify_consistency(old_size, size, old, new, flipped)
    assert not verify_consistency(old_size, size, old, new, proof[:where] + proof[where + 1 :])
    assert not verify_consistency(old_size, size, old, new, [*proof, proof[where]])


@given(st.integers(-3, 50), st.integers(-3, 50), st.lists(st.binary(max_size=33), max_size=8))
def test_odd_numbers_and_noise_are_a_plain_no(index, size, proof):
    assert not verify_inclusion(LEAVES[0], index, size, proof, b"\0" * 32)
    assert not verify_consistency(index, size, b"\1" * 32, b"\0" * 32, proof)


def test_an_inner_node_never_passes_for_a_leaf():
    inner = node_hash(LEAVES[0], LEAVES[1])
    assert not verify_inclusion(inner, 0, 2, [], root(LEAVES[:2]))
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != inner


@pytest.mark.parametrize(("size", "index"), [(0, 0), (3, 3), (3, -1)])
def test_there_is_no_proof_of_what_is_not_there(size, index):
    with pytest.raises(IndexError):
        inclusion_proof(LEAVES[:size], index)


@pytest.mark.parametrize("old_size", [-1, 4])
def test_there_is_no_proof_of_shrinking(old_size):
    with pytest.raises(IndexError):
        consistency_proof(LEAVES[:3], old_size)
    assert not verify_consistency(4, 3, root(LEAVES[:4]), root(LEAVES[:3]), [])
