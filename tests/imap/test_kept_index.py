"""The kept index of a folder: the same as its rows at any time, and never believed when it is damaged."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.clock import SystemClock
from mail import folder_rows, folders, kept_index
from mail.folder_rows import Change, FolderGone
from mail.imap.packing import Packing
from mail.index import Index, News, Row, read_rows
from mail.kept_index import parse_index, read_index, write_index
from mail.tables import folder_indexes
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, ImapHouse
from tests.support.imap_mails import PLAIN

words = st.sampled_from(["", "\\Seen", "\\Flagged \\Seen", "étiquette"])
big = st.integers(0, 2**62)
rows = st.lists(
    st.builds(Row, st.integers(1, 60), words, big, big, big, big), max_size=20, unique_by=lambda row: row.uid
).map(lambda found: sorted(found, key=lambda row: row.uid))


def table(index: Index) -> list[tuple[object, ...]]:
    columns = index.uids, index.flags, index.modseqs, index.message_ids, index.dates, index.sizes
    return [*zip(*columns, strict=True), ("next", index.uidnext, index.modseq)]


def of(found: list[Row], uidnext: int, modseq: int) -> Index:
    values = [(row.uid, row.flags, row.modseq, row.message_id, row.internal_at, row.size) for row in found]
    return Index.of(values, uidnext, modseq)


@given(rows, st.integers(1, 2**32))
def test_it_comes_back(found: list[Row], uidnext: int) -> None:
    index = of(found, uidnext, 9)
    assert table(parse_index(write_index(index), 9)) == table(index)


@given(rows, rows, st.sets(st.integers(1, 60)))
def test_what_is_newer_comes_on_top(before: list[Row], newer: list[Row], gone: set[int]) -> None:
    """Against the plain way: rows by UID, flags and modseqs replaced, others added, the gone taken out."""
    expected = {row.uid: row for row in before}
    for row in newer:
        old = expected.get(row.uid, row)
        expected[row.uid] = Row(row.uid, row.flags, row.modseq, old.message_id, old.internal_at, old.size)
    left = [expected[uid] for uid in sorted(expected.keys() - gone)]
    start = of(before, 61, 5)
    untouched = table(start)
    after = start.advanced(News(tuple(newer), tuple(sorted(gone)), 70, 8))
    assert table(after) == table(of(left, 70, 8))
    assert table(start) == untouched


@given(rows, st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_octet_is_seen(found: list[Row], at: int, change: int) -> None:
    octets = bytearray(write_index(of(found, 61, 9)))
    octets[at % len(octets)] ^= change
    with pytest.raises(ValueError, match="not as it was written"):
        parse_index(bytes(octets), 9)


@pytest.mark.parametrize("octets", [b"", b"PliIndx1", b"\0" * 28, b"PliIndx1" + b"\xff" * 40])
def test_something_else_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="not as it was written"):
        parse_index(octets, 1)
    with pytest.raises(ValueError, match="of another kind"):
        other = b"PliIndx2" + octets.ljust(40, b"\0")
        parse_index(other + crc32(other).to_bytes(4, "little"), 1)


@pytest.fixture
async def kept(house: ImapHouse, monkeypatch: pytest.MonkeyPatch) -> int:
    """INBOX with twenty messages, its index kept."""
    monkeypatch.setattr(kept_index, "IMAP_KEPT_INDEX_LEAST", 10)
    monkeypatch.setattr(kept_index, "IMAP_KEPT_INDEX_NEWER", 3)
    for _ in range(20):
        await house.deliver(PLAIN)
    inbox = house.boxes[LEA].inbox_id
    Packing(house.db, house.keyring, house.blobs).keep_index(inbox)
    assert house.db.read(modseqs) == [house.db.read(read_rows, inbox).modseq]
    return inbox


def modseqs(session: Session) -> list[int]:
    return list(session.execute(select(folder_indexes.c.modseq)).scalars())


def same(house: ImapHouse, inbox: int) -> bool:
    return table(house.db.read(read_index, inbox)) == table(house.db.read(read_rows, inbox))


async def test_it_is_the_rows_whatever_happens_since(house: ImapHouse, kept: int) -> None:
    assert same(house, kept)
    house.db.run(folder_rows.change_flags, kept, [3, 5], Change.ADD, ["\\Seen", "Projet"])
    assert same(house, kept)
    await house.deliver(PLAIN)
    house.db.run(folder_rows.change_flags, kept, [1, 20], Change.ADD, ["\\Deleted"])
    house.db.run(folder_rows.expunge, kept, None, SystemClock().now())
    await house.deliver(PLAIN)
    assert same(house, kept) and len(house.db.read(read_index, kept)) == 20
    assert house.db.read(modseqs) != [house.db.read(read_rows, kept).modseq]


async def test_nothing_erased_stays_in_it(house: ImapHouse, kept: int) -> None:
    house.db.run(folder_rows.change_flags, kept, [7], Change.ADD, ["\\Deleted"])
    assert not house.db.read(kept_index.due, kept)
    house.db.run(folder_rows.expunge, kept, None, SystemClock().now())
    assert house.db.read(kept_index.due, kept)
    Packing(house.db, house.keyring, house.blobs).keep_index(kept)
    octets, modseq = house.db.read(lambda session: tuple(session.execute(select(folder_indexes)).one()))[-1:0:-1]
    assert 7 not in parse_index(octets, modseq).uids
    assert not house.db.read(kept_index.due, kept) and same(house, kept)


async def test_it_is_kept_anew_only_when_much_is_newer(house: ImapHouse, kept: int) -> None:
    house.db.run(folder_rows.change_flags, kept, [1, 2, 3], Change.ADD, ["\\Seen"])
    assert not house.db.read(kept_index.due, kept)
    await house.deliver(PLAIN)
    assert house.db.read(kept_index.due, kept)


async def test_an_older_one_never_replaces_a_newer(house: ImapHouse, kept: int) -> None:
    old = house.db.read(read_rows, kept)
    await house.deliver(PLAIN)
    house.db.run(kept_index.keep, kept, house.db.read(read_rows, kept))
    newest = house.db.read(modseqs)
    house.db.run(kept_index.keep, kept, old)
    assert house.db.read(modseqs) == newest


async def test_a_damaged_one_is_passed_over(house: ImapHouse, kept: int) -> None:
    house.db.run(lambda session: session.execute(update(folder_indexes).values(octets=b"PliIndx1 no index")) and None)
    assert same(house, kept)


async def test_one_of_the_future_is_not_believed(house: ImapHouse, kept: int) -> None:
    """As after a restore of some tables only."""
    house.db.run(lambda session: session.execute(update(folder_indexes).values(modseq=10**9)) and None)
    assert same(house, kept)


async def test_a_small_folder_has_none(house: ImapHouse) -> None:
    await house.deliver(PLAIN)
    Packing(house.db, house.keyring, house.blobs).keep_index(house.boxes[LEA].inbox_id)
    assert house.db.read(modseqs) == []


async def test_it_goes_with_its_folder(house: ImapHouse, lea: RawClient, kept: int) -> None:
    await lea.command("CREATE Archives")
    await lea.command("SELECT INBOX")
    await lea.command("COPY 1:20 Archives")
    found = house.db.read(folders.list_folders, house.keyring, house.boxes[LEA].mailbox_id)
    archives = next(folder.id for folder in found if folder.name == "Archives")
    Packing(house.db, house.keyring, house.blobs).keep_index(archives)
    assert len(house.db.read(modseqs)) == 2
    assert (await lea.command("DELETE Archives"))[-1].startswith("x OK")
    assert len(house.db.read(modseqs)) == 1
    with pytest.raises(FolderGone):
        house.db.run(kept_index.keep, archives, Index())
    Packing(house.db, house.keyring, house.blobs).keep_index(archives)  # as nothing to do
    assert len(house.db.read(modseqs)) == 1
