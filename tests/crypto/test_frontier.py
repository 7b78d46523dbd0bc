"""The right edge of a tree says what the whole tree says, and proves entries after leaves that are gone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.frontier import Frontier, FrontierBroken, inclusion_after
from crypto.merkle import inclusion_proof, leaf_hash, root, verify_inclusion

LEAVES = [leaf_hash(bytes([n])) for n in range(200)]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 100, 128, 200])
def test_the_root_is_the_trees(size: int):
    edge = Frontier()
    edge.extend(LEAVES[:size])
    assert edge.root() == root(LEAVES[:size])
    assert Frontier.load(edge.size, edge.packed()).root() == edge.root()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_proof_needs_only_what_is_kept(data: st.DataObject):
    size = data.draw(st.integers(1, 200))
    index = data.draw(st.integers(0, size - 1))
    forgotten = data.draw(st.integers(0, index))
    before = Frontier()
    before.extend(LEAVES[:forgotten])
    path = inclusion_after(before, LEAVES[forgotten:size], index, size)
    assert path == inclusion_proof(LEAVES[:size], index)
    assert verify_inclusion(LEAVES[index], index, size, path, root(LEAVES[:size]))


def test_what_is_forgotten_cannot_be_proved():
    before = Frontier()
    before.extend(LEAVES[:5])
    for index, size in ((4, 10), (10, 10), (5, 11)):
        with pytest.raises(IndexError):
            inclusion_after(before, LEAVES[5:10], index, size)


@pytest.mark.parametrize(("size", "packed"), [(1, b""), (0, b"x" * 32), (3, b"x" * 32), (2, b"x" * 31), (-1, b"")])
def test_peaks_that_do_not_fit(size: int, packed: bytes):
    with pytest.raises(FrontierBroken):
        Frontier.load(size, packed)
