"""Rows of folders: flags, copies, tombstones, and the end of a message. On both engines."""

from array import array
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import outbox
from core.clock import SystemClock
from core.tables import outbox as promises
from core.tables import tallies
from mail import folder_rows, folders
from mail.folder_rows import OURS, Change, FolderGone, TooManyFlags, merged
from mail.kept_index import read_index
from mail.removal import KIND, Removal
from mail.tables import bodies, expunged, folder_messages, message_keys, messages
from tests.support.imap_house import LEA, ImapHouse
from tests.support.imap_mails import LARGE, PLAIN

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "change", "names", "after"),
    [
        ("", Change.ADD, ["\\Seen"], "\\Seen"),
        ("\\Seen", Change.ADD, ["\\Flagged"], "\\Flagged \\Seen"),
        ("\\Seen", Change.REMOVE, ["\\Seen"], ""),
        ("\\Seen a", Change.SET, ["b"], "b"),
        ("Projet", Change.ADD, ["PROJET"], "Projet"),
        ("Projet", Change.SET, ["PROJET"], "Projet"),
        ("Projet", Change.REMOVE, ["pROJET"], ""),
        ("a", Change.ADD, [], "a"),
        ("a", Change.SET, [], ""),
        ("$SignatureFail", Change.REMOVE, ["$SignatureFail"], "$SignatureFail"),
        ("$SignatureFail", Change.SET, ["\\Seen"], "$SignatureFail \\Seen"),
        ("$SignatureFail", Change.ADD, ["$signaturepass"], "$SignatureFail"),
        ("", Change.SET, sorted(OURS), ""),
        ("", Change.ADD, ["\\Recent"], ""),
    ],
)
def test_flags_after_store(before: str, change: Change, names: list[str], after: str) -> None:
    assert merged(before, change, names) == after


def test_too_many_flags() -> None:
    with pytest.raises(TooManyFlags):
        merged(" ".join(f"k{n}" for n in range(64)), Change.ADD, ["one"])


async def filled(house: ImapHouse, count: int) -> int:
    for _ in range(count):
        await house.deliver(PLAIN)
    return house.boxes[LEA].inbox_id


async def test_changes_since_tell_everything_once(house: ImapHouse) -> None:
    inbox, db = await filled(house, 3), house.db
    start = db.read(read_index, inbox)
    assert list(start.uids) == [1, 2, 3] and start.uidnext == 4 and start.first_unseen == 1
    db.run(folder_rows.change_flags, inbox, [2], Change.ADD, ["\\Deleted", "mot"])
    db.run(folder_rows.expunge, inbox, None, NOW)
    await house.deliver(PLAIN)
    news = db.read(folder_rows.changes, inbox, start.modseq)
    assert [row.uid for row in news.rows] == [4] and news.gone == (2,)
    again = db.read(folder_rows.changes, inbox, news.modseq)
    assert (again.rows, again.gone) == ((), ())
    assert db.read(read_index, inbox).keywords == ()


async def test_only_what_differs_is_written(house: ImapHouse) -> None:
    inbox, db = await filled(house, 2), house.db
    db.run(folder_rows.change_flags, inbox, [1], Change.ADD, ["\\Seen"])
    before = db.read(read_index, inbox).modseq
    rows = db.run(folder_rows.change_flags, inbox, [1, 2, 9], Change.ADD, ["\\Seen"])
    assert [(row.uid, row.flags) for row in rows] == [(1, "\\Seen"), (2, "\\Seen")]
    assert [row.uid for row in db.read(folder_rows.changes, inbox, before).rows] == [2]
    db.run(folder_rows.change_flags, inbox, [1, 2], Change.ADD, ["\\Seen"])
    assert db.read(read_index, inbox).modseq == before + 1


async def test_copies_share_one_message_and_the_last_one_ends_it(house: ImapHouse) -> None:
    inbox, db, box = await filled(house, 1), house.db, house.boxes[LEA]
    target = db.read(folders.find_folder, house.keyring, box.mailbox_id, "Archive").id
    copied = db.run(folder_rows.copy, inbox, [1], target)
    assert (copied.sources, copied.targets) == ((1,), (1,))
    assert db.read(_counts) == (2, 1, 1, 1)
    _expunge_all(house, inbox)
    assert db.read(_removals) == []
    _expunge_all(house, target)
    (message_id,) = db.read(_removals)
    removal = Removal(db, SystemClock(), house.blobs.discard)
    removal(message_id)
    removal(message_id)  # harmless twice
    assert db.read(_counts) == (0, 0, 0, 0)
    assert db.read(lambda s: s.execute(select(tallies.c.value).where(tallies.c.name == "messages")).scalar()) == 0


async def test_a_file_goes_with_its_message(house: ImapHouse) -> None:
    await house.deliver(LARGE)
    assert _files(house.blobs.root)
    _expunge_all(house, house.boxes[LEA].inbox_id)
    (message_id,) = house.db.read(_removals)
    Removal(house.db, SystemClock(), house.blobs.discard)(message_id)
    assert not _files(house.blobs.root)


async def test_work_that_waits_keeps_the_message(house: ImapHouse) -> None:
    inbox, db = await filled(house, 1), house.db
    message_id = db.read(lambda s: s.execute(select(messages.c.id)).scalar_one())
    waiting = db.run(outbox.put, "record.file", message_id, now=NOW)
    _expunge_all(house, inbox)
    removal = Removal(db, SystemClock(), house.blobs.discard)
    removal(message_id)
    assert db.read(_counts)[1] == 1
    assert len(db.read(_removals)) == 2  # it is promised again, for later
    db.run(outbox.done, waiting)
    removal(message_id)
    assert db.read(_counts)[1] == 0


async def test_an_upper_room_may_keep_it(house: ImapHouse) -> None:
    inbox = await filled(house, 1)
    _expunge_all(house, inbox)
    (message_id,) = house.db.read(_removals)
    Removal(house.db, SystemClock(), house.blobs.discard, [lambda _session, ids: ids])(message_id)
    assert house.db.read(_counts)[1:] == (1, 1, 1)


async def test_a_message_that_is_copied_meanwhile_stays(house: ImapHouse) -> None:
    """The removal was promised, then another delivery of the same message took a reference."""
    inbox, db = await filled(house, 1), house.db
    (message_id,) = db.read(lambda s: tuple(s.execute(select(messages.c.id)).scalars()))
    db.run(outbox.put, KIND, message_id, now=NOW)
    Removal(db, SystemClock(), house.blobs.discard)(message_id)
    assert db.read(_counts)[:2] == (1, 1)
    assert db.read(read_index, inbox).uids == array("I", [1])


async def test_moving_leaves_tombstones_and_no_removal(house: ImapHouse) -> None:
    inbox, db, box = await filled(house, 5), house.db, house.boxes[LEA]
    trash = db.read(folders.find_folder, house.keyring, box.mailbox_id, "Trash").id
    moved = db.run(folder_rows.move, inbox, [2, 4, 77], trash)
    assert (moved.sources, moved.targets) == ((2, 4), (1, 2))
    assert db.read(_removals) == []
    gone = db.read(lambda s: sorted(s.execute(select(expunged.c.uid).where(expunged.c.folder_id == inbox)).scalars()))
    assert gone == [2, 4]


async def test_a_folder_that_is_gone(house: ImapHouse) -> None:
    db, box = house.db, house.boxes[LEA]
    folder = db.run(folders.create_folder, house.keyring, box.mailbox_id, "Essai", NOW)
    await filled(house, 1)
    db.run(folder_rows.copy, box.inbox_id, [1], folder.id)
    db.run(folders.delete_folder, house.keyring, box.mailbox_id, "Essai", NOW)
    with pytest.raises(FolderGone):
        db.read(folder_rows.changes, folder.id, 0)
    with pytest.raises(FolderGone):
        db.run(folder_rows.copy, box.inbox_id, [1], folder.id)
    assert db.read(_counts)[0] == 1


async def test_many_uids_at_once(house: ImapHouse) -> None:
    """More than one statement can name; with gaps."""
    box, db = house.boxes[LEA], house.db
    await filled(house, 1)
    message_id = db.read(lambda s: s.execute(select(messages.c.id)).scalar_one())
    row = {"folder_id": box.inbox_id, "message_id": message_id, "flags": "", "internal_at": 0, "modseq": 1}
    rows = [row | {"uid": uid} for uid in range(2, 2402)]
    db.run(lambda s: s.execute(folder_messages.insert(), rows) and None)
    odd = list(range(1, 2401, 2))
    changed = db.run(folder_rows.change_flags, box.inbox_id, odd, Change.ADD, ["\\Deleted"])
    assert [row.uid for row in changed] == odd
    assert db.run(folder_rows.expunge, box.inbox_id, None, NOW) == dict.fromkeys(odd, message_id)
    assert len(db.read(read_index, box.inbox_id).uids) == 1201


def _expunge_all(house: ImapHouse, folder_id: int) -> None:
    uids = house.db.read(read_index, folder_id).uids
    house.db.run(folder_rows.change_flags, folder_id, uids, Change.ADD, ["\\Deleted"])
    house.db.run(folder_rows.expunge, folder_id, None, NOW)


def _counts(session: Session) -> tuple[int, ...]:
    return tuple(len(session.execute(t.select()).all()) for t in (folder_messages, messages, bodies, message_keys))


def _removals(session: Session) -> list[int]:
    return list(session.execute(select(promises.c.ref).where(promises.c.kind == KIND)).scalars())


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]
