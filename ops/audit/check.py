"""Is the trail the one that was witnessed? Every entry, every checkpoint, on one snapshot.

What is seen: an entry altered, taken out, put in or moved (tags, numbers, tree); the end cut off, the database turned
back to an older copy (checkpoints beyond it); another past (a root that differs); a witness that lost its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.audit import COUNTER, Trail, gap, pruned
from core.numbers import last_number
from core.tables import audit
from crypto.checkpoint import Checkpoint, NotSigned
from crypto.frontier import Frontier
from crypto.merkle import leaf_hash
from ops.audit.notary import ACTION
from ops.audit.snapshot import steady
from ops.audit.witness import Witness

MOST_TOLD = 100


@dataclass
class Checked:
    """`size` and `root`: the tree as it is now; `forgotten`: entries whose time was over."""

    size: int = 0
    root: bytes = b""
    forgotten: int = 0
    checkpoints: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.problems

    def wrong(self, text: str) -> None:
        if len(self.problems) < MOST_TOLD:
            self.problems.append(text)


def check(session: Session, trail: Trail, witness: Witness, elsewhere: Sequence[str] = ()) -> Checked:
    """Unit of work, reads only. `elsewhere`: notes that somebody else kept of this trail. Raises OSError when the
    witness's file cannot be read."""
    steady(session)
    checked = Checked()
    witnessed = _witnessed(witness, checked)
    _add_elsewhere(witness, elsewhere, witnessed, checked)
    begun = pruned(session)
    if not trail.pruned_is_whole(session):
        checked.wrong("audit: the note of what was forgotten was altered")
    edge = Frontier.load(begun.size, begun.peaks)
    checked.forgotten = begun.size
    walk = _Walk(trail, edge, witnessed, checked, begun.size)
    walk.arrive()
    for entry in session.execute(select(audit).order_by(audit.c.seq)).mappings():
        walk.step(entry)
    _compare_ends(checked, walk.place, witnessed, last_number(session, COUNTER))
    checked.size, checked.root = edge.size, edge.root()
    return checked


@dataclass
class _Walk:
    """Along the entries, past the checkpoints."""

    trail: Trail
    edge: Frontier
    witnessed: dict[int, Checkpoint]
    checked: Checked
    place: int
    strayed: bool = False

    def step(self, entry: Any) -> None:
        self.place += 1
        if entry["seq"] != self.place:
            self.checked.wrong(gap(self.place, entry["seq"]))
            self.place, self.strayed = entry["seq"], True  # said once: no root can be right after a gap
        if not self.trail.is_whole(entry):
            self.checked.wrong(f"audit: entry {entry['seq']} was altered")
        self.edge.append(leaf_hash(self.trail.leaf(entry)))
        self.arrive()
        if entry["action"] == ACTION:
            self._was_witnessed(entry)

    def arrive(self) -> None:
        """Does the tree have the root here that was signed?"""
        found = self.witnessed.get(self.edge.size)
        if found is not None and found.root != self.edge.root() and not self.strayed:
            self.strayed = True
            self.checked.wrong(f"audit: the trail up to entry {found.size} is not the one that was witnessed")

    def _was_witnessed(self, entry: Any) -> None:
        found = self.witnessed.get(entry["ref"])
        if found is None:
            self.checked.wrong(f"audit: the checkpoint of {entry['ref']} entries is missing from the witness's file")
        elif found.root.hex() != entry["detail"]:
            self.checked.wrong(f"audit: the checkpoint of {entry['ref']} entries is not the one that was signed")


def _witnessed(witness: Witness, checked: Checked) -> dict[int, Checkpoint]:
    found: dict[int, Checkpoint] = {}
    highest = -1
    for number, note in enumerate(witness.notes(), 1):
        try:
            checkpoint = witness.verifier.open(note)
        except NotSigned:
            checked.wrong(f"audit: note {number} of the witness's file is not signed by this instance")
            continue
        other = found.setdefault(checkpoint.size, checkpoint)
        if other.root != checkpoint.root:
            checked.wrong(f"audit: two different trails of {checkpoint.size} entries were witnessed: a fork")
        elif checkpoint.size < highest:
            checked.wrong(f"audit: note {number} of the witness's file stands after one of a longer trail")
        highest = max(highest, checkpoint.size)
    checked.checkpoints = len(found)
    return found


def _add_elsewhere(witness: Witness, notes: Sequence[str], witnessed: dict[int, Checkpoint], checked: Checked) -> None:
    """What others kept counts as what we kept: a house that was turned back whole cannot turn those back."""
    for number, note in enumerate(notes, 1):
        try:
            checkpoint = witness.verifier.open(note)
        except NotSigned:
            checked.wrong(f"audit: note {number} of those kept elsewhere is not signed by this instance")
            continue
        if witnessed.setdefault(checkpoint.size, checkpoint).root != checkpoint.root:
            checked.wrong(f"audit: two different trails of {checkpoint.size} entries were witnessed: a fork")
    checked.checkpoints = len(witnessed)


def _compare_ends(checked: Checked, kept: int, witnessed: dict[int, Checkpoint], written: int) -> None:
    if kept != written:
        checked.wrong(f"audit: {written} entries were written, the last one kept is {kept}")
    longest = max(witnessed, default=0)
    if longest > kept:
        checked.wrong(f"audit: {longest} entries were witnessed, {kept} are there: cut off or turned back")
