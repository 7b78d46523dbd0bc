"""Merkle tree of RFC 6962 §2.1: tree hash, inclusion proofs, consistency proofs. SHA-256; pure functions of bytes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962 §2.1: 0x00 before an entry, so that no entry passes for an inner node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Tree hash of leaf hashes, in order; SHA-256 of nothing for an empty tree."""
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        size, node = 1, leaf
        while stack and stack[-1][0] == size:
            node, size = node_hash(stack.pop()[1], node), size * 2
        stack.append((size, node))
    return _fold([node for _, node in stack])


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Audit path of leaf `index` in the tree of these leaf hashes (RFC 6962 §2.1.1). Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf")
    path: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root(leaves[middle:end]))
            end = middle
        else:
            path.append(root(leaves[start:middle]))
            start = middle
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], tree: bytes) -> bool:
    """Is `leaf` (a leaf hash) at `index` in the tree of `size` leaves with root `tree`? (RFC 9162 §2.1.3.2)"""
    if not 0 <= index < size:
        return False
    node, last = leaf, size - 1
    for step in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(step, node)
            index, last = _climb_to_right_child(index, last)
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    return last == 0 and hmac.compare_digest(node, tree)


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Proof that the first `old_size` leaves are a prefix of this tree (RFC 6962 §2.1.2). Raises IndexError."""
    if not 0 <= old_size <= len(leaves):
        raise IndexError("the older tree is not smaller")
    if old_size in (0, len(leaves)):
        return []
    path: list[bytes] = []
    start, end, whole = 0, len(leaves), True
    while old_size != end - start:
        middle = _split(end - start)
        if old_size <= middle:
            path.append(root(leaves[start + middle : end]))
            end = start + middle
        else:
            path.append(root(leaves[start : start + middle]))
            start, old_size, whole = start + middle, old_size - middle, False
    return ([] if whole else [root(leaves[start:end])]) + path[::-1]


def verify_consistency(old_size: int, new_size: int, old: bytes, new: bytes, proof: Sequence[bytes]) -> bool:
    """Did the tree with root `old` grow into the one with root `new` by appending only? (RFC 9162 §2.1.4.2)"""
    if not 0 <= old_size <= new_size:
        return False
    if old_size == 0:
        return not proof and hmac.compare_digest(old, EMPTY)
    if old_size == new_size:
        return not proof and hmac.compare_digest(old, new)
    path = [old, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    return bool(path) and _climb(old_size - 1, new_size - 1, path, old, new)


def _climb(old_last: int, new_last: int, path: Sequence[bytes], old: bytes, new: bytes) -> bool:
    while old_last & 1:
        old_last, new_last = old_last >> 1, new_last >> 1
    old_node = new_node = path[0]
    for step in path[1:]:
        if new_last == 0:
            return False
        if old_last & 1 or old_last == new_last:
            old_node, new_node = node_hash(step, old_node), node_hash(step, new_node)
            old_last, new_last = _climb_to_right_child(old_last, new_last)
        else:
            new_node = node_hash(new_node, step)
        old_last, new_last = old_last >> 1, new_last >> 1
    return new_last == 0 and hmac.compare_digest(old_node, old) and hmac.compare_digest(new_node, new)


def _climb_to_right_child(index: int, last: int) -> tuple[int, int]:
    """A lone node on the right edge rises unhashed until it is a right child."""
    while index and not index & 1:
        index, last = index >> 1, last >> 1
    return index, last


def _split(size: int) -> int:
    """The largest power of two below `size` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _fold(nodes: list[bytes]) -> bytes:
    if not nodes:
        return EMPTY
    node = nodes.pop()
    while nodes:
        node = node_hash(nodes.pop(), node)
    return node
