"""The witness: deletion, edit, reorder, truncation, rollback and fork of the trail are all seen, on both databases."""

import copy
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.audit import Event, Trail, pruned
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput, NotFound
from core.tables import audit, counters
from crypto.checkpoint import Checkpoint, Signer, split_notes
from crypto.keyring import SoftKeyring
from ops.audit.check import Checked, check
from ops.audit.forget import forget_before
from ops.audit.notary import Notary, Often, RolledBack
from ops.audit.prove import holds, prove
from ops.audit.witness import Witness


class World:
    """A trail of eleven entries, two of them checkpoints' own."""

    def __init__(self, db: Db, folder: Path) -> None:
        self.db, self.clock, self.keyring = db, FakeClock(), SoftKeyring.fresh()
        self.trail = Trail(lambda data: self.keyring.mac("audit", data))
        self.witness = Witness(folder / "witness" / "checkpoints", Signer(b"s" * 32))
        self.notary = self.new_notary()
        for _ in range(2):
            self.write(4)
            self.notary.note()
        self.write(1)

    def new_notary(self) -> Notary:
        return Notary(self.db, self.trail, self.witness, self.clock, Often(60, 1000))

    def write(self, count: int, action: str = "record.read") -> None:
        for number in range(count):
            self.db.run(self.trail.record, Event("17", action, "allowed", self.clock.now(), number, 3))
            self.clock.advance(60)

    def checked(self, elsewhere: Sequence[str] = ()) -> Checked:
        return self.db.read(check, self.trail, self.witness, elsewhere)

    def forged(self, seq: int, **changes: Any) -> Callable[[Session], Any]:
        """Whoever has the keyring's secret makes tags that fit; the tree still tells."""

        def work(session: Session) -> None:
            row = dict(session.execute(select(audit).where(audit.c.seq == seq)).mappings().one()) | changes
            session.execute(update(audit).where(audit.c.seq == seq).values(**row | {"tag": self.trail._tag(row)}))

        return work


@pytest.fixture
def world(db: Db, tmp_path: Path) -> World:
    return World(db, tmp_path)


def test_a_whole_trail(world: World):
    found = world.checked()
    assert found.clean and (found.size, found.checkpoints) == (11, 2)
    assert world.notary.note() is not None
    assert world.notary.note() is None  # nothing new but the checkpoint's own entry
    assert world.checked().clean


def swap(session: Session) -> None:
    for seq, to in ((2, 99), (3, 2), (99, 3)):
        session.execute(update(audit).where(audit.c.seq == seq).values(seq=to))


def cut(session: Session, after: int = 7) -> None:
    session.execute(delete(audit).where(audit.c.seq > after))
    session.execute(update(counters).where(counters.c.name == "audit").values(value=after))


def close_the_gap(world: World) -> Callable[[Session], Any]:
    """An entry is taken out, all later ones are numbered and tagged anew, with the right key."""

    def work(session: Session) -> None:
        session.execute(delete(audit).where(audit.c.seq == 3))
        for row in session.execute(select(audit).where(audit.c.seq > 3).order_by(audit.c.seq)).mappings().all():
            fresh = dict(row) | {"seq": row["seq"] - 1}
            fresh["tag"] = world.trail._tag(fresh)  # noqa: SLF001
            session.execute(update(audit).where(audit.c.seq == row["seq"]).values(**fresh))
        session.execute(update(counters).where(counters.c.name == "audit").values(value=10))

    return work


HARMS: dict[str, Callable[[World], Callable[[Session], Any]]] = {
    "edit": lambda w: lambda s: s.execute(update(audit).where(audit.c.seq == 2).values(outcome="refused")),
    "edit with the key": lambda w: w.forged(2, actor="18"),
    "deletion": lambda w: lambda s: s.execute(delete(audit).where(audit.c.seq == 3)),
    "deletion with the key": close_the_gap,
    "reorder": lambda w: swap,
    "truncation": lambda w: lambda s: s.execute(delete(audit).where(audit.c.seq > 9)),
    "truncation with the counter": lambda w: cut,
    "everything": lambda w: lambda s: (s.execute(delete(audit)), s.execute(delete(counters))),
}


@pytest.mark.parametrize("harm", HARMS)
def test_each_harm_is_seen(world: World, harm: str):
    world.db.run(lambda session: HARMS[harm](world)(session) and None)
    assert not world.checked().clean


def test_a_rollback_is_seen_and_nothing_is_signed_over_it(world: World):
    world.db.run(cut)
    assert any("cut off or turned back" in problem for problem in world.checked().problems)
    with pytest.raises(RolledBack):
        world.new_notary().note()
    world.write(1)
    assert not world.checked().clean


def test_a_fork_is_seen_though_it_is_longer(world: World):
    """An older copy of the database goes on by itself, with the right keys, past what was witnessed."""
    world.db.run(cut)
    world.write(8)
    assert any("is not the one that was witnessed" in problem for problem in world.checked().problems)
    with pytest.raises(RolledBack):
        world.new_notary().note()
    Path(f"{world.witness.path}.edge").unlink()
    with pytest.raises(RolledBack):
        world.new_notary().note()


def test_two_witnessed_pasts_are_a_fork(world: World):
    other = Witness(world.witness.path.with_name("other"), Signer(b"s" * 32))
    kept, world.witness = world.witness, other
    world.db.run(cut)
    world.write(1)
    world.new_notary().note()
    world.write(1)
    world.new_notary().note()
    with kept.path.open("a") as file:
        file.write(other.path.read_text())
    world.witness = kept
    assert not world.checked().clean


def test_a_house_turned_back_whole_is_seen_by_what_others_kept(world: World):
    """Database and witness of one moment go on by themselves: they fit each other, and not the copy of an auditor."""
    early = world.witness.path.read_text()
    world.notary.note()
    elsewhere = split_notes(world.witness.path.read_text())
    assert world.checked(elsewhere).clean and world.checked(elsewhere[:1]).clean
    world.witness.path.write_text(early)
    world.db.run(lambda session: cut(session, after=10))
    assert world.checked().clean
    assert any("cut off or turned back" in problem for problem in world.checked(elsewhere).problems)
    world.write(1)
    world.new_notary().note()
    assert world.checked().clean
    assert any("a fork" in problem for problem in world.checked(elsewhere).problems)
    alien = Signer(b"x" * 32).note(Checkpoint(1, bytes(32), world.clock.now()))
    assert any("not signed by this instance" in problem for problem in world.checked([alien]).problems)


def test_the_witness_s_file_is_checked_too(world: World):
    text = world.witness.path.read_text()
    for changed in ("", text[: len(text) // 2], text.replace("pli-audit", "pli-other", 1)):
        world.witness.path.write_text(changed)
        assert not world.checked().clean
    world.witness.path.write_text(text)
    assert world.checked().clean


def test_the_notary_goes_on_after_a_restart(world: World):
    world.write(3)
    assert world.new_notary().note().size == 14
    Path(f"{world.witness.path}.edge").write_text("{}")
    world.write(3)
    assert world.new_notary().note() is not None
    assert world.checked().clean


def test_a_torn_note_does_not_spoil_the_next(world: World):
    with world.witness.path.open("a") as file:
        file.write("pli-audit/half a no")
    world.write(1)
    world.new_notary().note()
    assert world.checked().clean


def test_a_witness_that_cannot_write_stops_nothing(world: World):
    shutil.rmtree(world.witness.path.parent)
    world.witness.path.parent.write_text("a file where the folder was")
    with pytest.raises(OSError, match="."):
        world.notary.note()
    world.write(1)


def test_each_entry_is_proved_without_the_database(world: World):
    world.notary.note()
    for seq in range(1, 12):
        proof = world.db.read(prove, world.trail, world.witness, seq)
        assert holds(proof) and holds(proof, world.witness.verifier.text)
        assert not holds(proof, Signer(b"x" * 32).verifier.text)
        for field, other in (("index", seq), ("leaf", "eA=="), ("path", proof["path"][1:] or ["eA=="])):
            assert not holds(copy.deepcopy(proof) | {field: other})
        for field in proof["entry"].keys() - {"at", "seq"}:  # what an auditor reads is what was witnessed
            assert not holds(proof | {"entry": proof["entry"] | {field: "nobody"}})
        assert not holds(proof | {"entry": proof["entry"] | {"at": "2026-01-01T00:00:00.001+00:00"}})
        assert not holds(proof | {"entry": proof["entry"] | {"seq": seq + 1}})
    with pytest.raises(NotFound):
        world.db.read(prove, world.trail, world.witness, 40)
    for broken in ({}, {"key": 1}, proof | {"path": 3}, proof | {"leaf": "é"}):
        try:
            assert not holds(broken)
        except BadInput:
            pass


def test_what_is_forgotten_in_time_leaves_a_trail_that_still_holds(world: World):
    now = world.clock.now()
    assert forget_before(world.db, world.trail, world.witness, now - timedelta(hours=9)) == 0
    assert forget_before(world.db, world.trail, world.witness, now - timedelta(minutes=4)) == 6
    assert world.db.read(pruned).size == 6
    assert world.checked().clean and world.checked().forgotten == 6
    assert world.db.read(world.trail.problems) == []
    assert holds(world.db.read(prove, world.trail, world.witness, 8))
    with pytest.raises(NotFound):
        world.db.read(prove, world.trail, world.witness, 5)
    world.write(5)
    assert world.new_notary().note() is not None and world.checked().clean
    world.db.run(lambda s: s.execute(insert(audit).values(**_like(s))) and None)
    assert not world.checked().clean


def test_only_what_was_witnessed_is_forgotten(world: World):
    gone = forget_before(world.db, world.trail, world.witness, world.clock.now() + timedelta(hours=1))
    assert gone == 9 and world.checked().clean


def _like(session: Session) -> dict[str, Any]:
    row = session.execute(select(audit).order_by(audit.c.seq).limit(1)).mappings().one()
    return dict(row) | {"seq": 2}
