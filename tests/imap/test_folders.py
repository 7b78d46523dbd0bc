"""Folders as units of work, on both engines. RFC 3501 §6.3, RFC 6154."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.address import Address
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput, NotFound
from crypto.keyring import SoftKeyring
from directory.holders import destroy_holder
from directory.mailboxes import create_mailbox, get_mailbox
from mail import folders
from mail.folder_names import OURS, seal_old_names
from mail.folders import FolderExists, FolderKept, NoSuchFolder
from mail.tables import folders as table

NOW = FakeClock().now()
KEYRING = SoftKeyring.fresh()


@pytest.fixture
def box(db: Db) -> int:
    return made(db, "lea.martin@cabinet.example")


def made(db: Db, address: str) -> int:
    """A mailbox with its folders."""
    mailbox_id = db.run(create_mailbox, KEYRING, Address.parse(address), "PER", NOW).id
    db.run(folders.create_default_folders, mailbox_id, NOW)
    return mailbox_id


def names(db: Db, box: int) -> list[str]:
    return [folder.name for folder in db.read(folders.list_folders, KEYRING, box)]


def test_a_new_mailbox_has_its_special_folders(db: Db, box: int) -> None:
    found = {folder.name: folder.special_use for folder in db.read(folders.list_folders, KEYRING, box)}
    assert found == dict(folders.DEFAULTS)
    assert names(db, box)[0] == "INBOX"
    assert all(folder.subscribed for folder in db.read(folders.list_folders, KEYRING, box))


def test_no_two_folders_share_a_uidvalidity_even_after_deletion(db: Db, box: int) -> None:
    seen = [folder.uidvalidity for folder in db.read(folders.list_folders, KEYRING, box)]
    for _ in range(3):
        seen.append(db.run(folders.create_folder, KEYRING, box, "Essai", NOW).uidvalidity)
        db.run(folders.delete_folder, KEYRING, box, "Essai", NOW)
    assert len(set(seen)) == len(seen)
    assert all(0 < value < 2**32 for value in seen)


def test_uidvalidity_grows_even_when_the_clock_goes_back(db: Db, box: int) -> None:
    late = db.run(folders.create_folder, KEYRING, box, "A", NOW + timedelta(days=30)).uidvalidity
    early = db.run(folders.create_folder, KEYRING, box, "B", NOW - timedelta(days=30)).uidvalidity
    assert early > late


def test_creation_makes_what_is_missing_above(db: Db, box: int) -> None:
    db.run(folders.create_folder, KEYRING, box, "Ordonnances/2026/juin/", NOW)
    assert {"Ordonnances", "Ordonnances/2026", "Ordonnances/2026/juin"} <= set(names(db, box))


@pytest.mark.parametrize("name", ["INBOX", "inbox", "iNbOx", "Sent"])
def test_a_name_that_exists_is_refused(db: Db, box: int, name: str) -> None:
    with pytest.raises(FolderExists):
        db.run(folders.create_folder, KEYRING, box, name, NOW)


@pytest.mark.parametrize(
    "name",
    ["", "/", "a//b", "/a", "a\0b", "a\rb", "a\nb", "50%", "a*", "x" * 256, "/".join("abcdefghijklmnopqr"), "\u202e"],
)
def test_names_that_cannot_be(db: Db, box: int, name: str) -> None:
    with pytest.raises(BadInput):
        db.run(folders.create_folder, KEYRING, box, name, NOW)


@pytest.mark.parametrize("name", ["INBOX", "inbox", "Sent", "Trash"])
def test_inbox_and_special_folders_stay(db: Db, box: int, name: str) -> None:
    with pytest.raises(FolderKept):
        db.run(folders.delete_folder, KEYRING, box, name, NOW)


def test_renaming_takes_children_along_and_keeps_uidvalidity(db: Db, box: int) -> None:
    db.run(folders.create_folder, KEYRING, box, "A/B", NOW)
    before = db.read(folders.find_folder, KEYRING, box, "A/B")
    db.run(folders.rename_folder, KEYRING, box, "A", "X/Y", NOW)
    after = db.read(folders.find_folder, KEYRING, box, "X/Y/B")
    assert (after.id, after.uidvalidity) == (before.id, before.uidvalidity)
    assert {"X", "X/Y", "X/Y/B"} <= set(names(db, box))
    assert "A" not in names(db, box)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("Absent", "B", NoSuchFolder),
        ("A", "Sent", FolderExists),
        ("A", "inbox", FolderExists),
        ("A", "A/C", FolderKept),
        ("Sent", "Envoyés", FolderKept),
        ("A", "a\r\nb", BadInput),
        ("A", "", BadInput),
    ],
)
def test_renamings_that_are_refused(db: Db, box: int, old: str, new: str, error: type[Exception]) -> None:
    db.run(folders.create_folder, KEYRING, box, "A", NOW)
    with pytest.raises(error):
        db.run(folders.rename_folder, KEYRING, box, old, new, NOW)
    assert "A" in names(db, box)


def test_another_mailbox_is_not_touched(db: Db, box: int) -> None:
    other = made(db, "noe.petit@pharmacie.example")
    db.run(folders.create_folder, KEYRING, box, "A", NOW)
    with pytest.raises(NoSuchFolder):
        db.read(folders.find_folder, KEYRING, other, "A")
    with pytest.raises(NoSuchFolder):
        db.run(folders.delete_folder, KEYRING, other, "A", NOW)
    with pytest.raises(NoSuchFolder):
        db.run(folders.rename_folder, KEYRING, other, "A", "B", NOW)


def test_subscription(db: Db, box: int) -> None:
    db.run(folders.subscribe, KEYRING, box, "Junk", False)
    assert not db.read(folders.find_folder, KEYRING, box, "Junk").subscribed
    with pytest.raises(NoSuchFolder):
        db.run(folders.subscribe, KEYRING, box, "Absent", True)


def test_too_many_folders(db: Db, box: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_FOLDERS", 8)
    db.run(folders.create_folder, KEYRING, box, "A/B", NOW)
    with pytest.raises(folders.TooManyFolders):
        db.run(folders.create_folder, KEYRING, box, "C", NOW)


def test_typed_names_do_not_lie_in_clear(db: Db, box: int) -> None:
    for name in "Mme Dupont", "Mme Dupont/2026", "Sent/Dupont":
        db.run(folders.create_folder, KEYRING, box, name, NOW)
    db.run(folders.rename_folder, KEYRING, box, "Mme Dupont", "Dossier Dupont", NOW)
    kept = db.read(lambda session: session.execute(select(table)).all())
    assert {row.name for row in kept if row.sealed_name is None} == OURS
    assert "Dupont" not in str([tuple(row) for row in kept])
    assert {"Dossier Dupont", "Dossier Dupont/2026", "Sent/Dupont"} <= set(names(db, box))


def test_the_same_name_in_two_mailboxes_looks_different(db: Db, box: int) -> None:
    other = made(db, "noe.petit@pharmacie.example")
    for one in box, other:
        db.run(folders.create_folder, KEYRING, one, "Dupont", NOW)
    columns = db.read(
        lambda session: session.execute(select(table.c.name).where(table.c.name.like("~%"))).scalars().all()
    )
    assert len(set(columns)) == 2


def test_names_of_before_are_sealed_at_the_start(db: Db, box: int) -> None:
    made_ = db.run(folders.create_folder, KEYRING, box, "Dupont", NOW)
    clear = update(table).where(table.c.id == made_.id).values(name="Dupont", sealed_name=None)
    db.run(lambda session: session.execute(clear) and None)
    assert db.run(seal_old_names, KEYRING) == 1
    assert db.run(seal_old_names, KEYRING) == 0
    assert db.read(folders.find_folder, KEYRING, box, "Dupont").id == made_.id
    assert "Dupont" in names(db, box)


def test_no_name_is_read_once_the_holders_key_is_destroyed(db: Db, box: int) -> None:
    db.run(folders.create_folder, KEYRING, box, "Dupont", NOW)
    db.run(lambda session: destroy_holder(session, get_mailbox(session, box).holder_id))
    with pytest.raises(NotFound):
        names(db, box)
