"""Proof that one entry stood in the trail when a checkpoint was signed; checked without the database or the keyring."""

import base64
import binascii
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.audit import TAG_BYTES, Trail, entries, packed, pruned
from core.clock import from_epoch_ms
from core.errors import BadInput, NotFound
from crypto.checkpoint import Checkpoint, NotSigned, Verifier
from crypto.frontier import Frontier, inclusion_after
from crypto.merkle import leaf_hash, verify_inclusion
from ops.audit.witness import Witness

BATCH = 2000


def prove(session: Session, trail: Trail, witness: Witness, seq: int) -> dict[str, Any]:
    """Unit of work: the entry, its path, and the first checkpoint that covers it.

    Raises NotFound: no such entry, or no checkpoint covers it yet.
    """
    note, checkpoint = _covering(witness, seq)
    begun = pruned(session)
    leaves, mine = _hashes(session, trail, begun.size, checkpoint.size, seq)
    if mine is None:
        raise NotFound("no such entry is kept")
    before = Frontier.load(begun.size, begun.peaks)
    path = inclusion_after(before, leaves, seq - 1, checkpoint.size)
    return {
        "entry": plain(mine),
        "leaf": base64.b64encode(trail.leaf(mine)).decode(),
        "index": seq - 1,
        "path": [base64.b64encode(step).decode() for step in path],
        "checkpoint": note,
        "key": witness.verifier.text,
    }


def holds(proof: dict[str, Any], key: str = "") -> bool:
    """Whether the proof is right, under the verifier key given or the one it names. Raises BadInput: it is no proof."""
    try:
        checkpoint = Verifier.parse(key or str(proof["key"])).open(str(proof["checkpoint"]))
        path = [base64.b64decode(step, validate=True) for step in proof["path"]]
        leaf, index = base64.b64decode(proof["leaf"], validate=True), int(proof["index"])
        return _is_of(leaf, index, proof["entry"]) and verify_inclusion(
            leaf_hash(leaf), index, checkpoint.size, path, checkpoint.root
        )
    except NotSigned:
        return False
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        raise BadInput("this is no proof of an audit entry") from None


def plain(entry: Any) -> dict[str, Any]:
    """An entry as JSON: 64-bit ids are text."""
    return {
        "seq": entry["seq"],
        "at": from_epoch_ms(entry["at"]).isoformat(timespec="milliseconds"),
        "actor": entry["actor"],
        "action": entry["action"],
        "outcome": entry["outcome"],
        "ref": _text(entry["ref"]),
        "holder": _text(entry["holder_id"]),
        "detail": entry["detail"],
    }


def _is_of(leaf: bytes, index: int, entry: dict[str, Any]) -> bool:
    """Whether the leaf says what people read in the entry, and nothing more but its tag."""
    at = round(datetime.fromisoformat(entry["at"]).timestamp() * 1000)
    return entry["seq"] == index + 1 and leaf[:-TAG_BYTES] == packed(entry | {"at": at, "holder_id": entry["holder"]})


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _covering(witness: Witness, seq: int) -> tuple[str, Checkpoint]:
    for note in witness.notes():
        try:
            found = witness.verifier.open(note)
        except NotSigned:
            continue
        if found.size >= seq:
            return note, found
    raise NotFound("no checkpoint covers this entry yet: pli audit checkpoint makes one")


def _hashes(session: Session, trail: Trail, begun: int, size: int, seq: int) -> tuple[list[bytes], Any]:
    leaves, mine, last = list[bytes](), None, begun
    while last < size and (rows := entries(session, last, min(BATCH, size - last))):
        for row in rows:
            leaves.append(leaf_hash(trail.leaf(row)))
            mine = row if row["seq"] == seq else mine
        last = rows[-1]["seq"]
    return leaves, mine
