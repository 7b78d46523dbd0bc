"""Folders of a mailbox: units of work for creation, renaming and subscription. RFC 3501 §6.3, RFC 6154.

A folder keeps its id and UIDVALIDITY for life; its name may change. No two folders of a mailbox ever have the same
UIDVALIDITY, so that no client takes the messages of one for those of another that once bore the name (§2.3.1.1).
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.db import next_number, signal
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from core.numbers import last_number
from core.tables import counters
from crypto.keyring import Keyring
from mail import kept_index, packs, subscriptions
from mail.folder_names import Names
from mail.folder_rows import clear_folder, move_all
from mail.limits import IMAP_MAILBOX_LEVELS
from mail.tables import expunged, folder_rights, folders

TOPIC = "folder"
INBOX = "INBOX"
SEPARATOR = "/"
DEFAULTS = (  # RFC 6154 §2
    (INBOX, None),
    ("Sent", "\\Sent"),
    ("Drafts", "\\Drafts"),
    ("Trash", "\\Trash"),
    ("Junk", "\\Junk"),
    ("Archive", "\\Archive"),
)
MOST_FOLDERS = 1000  # in one mailbox: LIST answers with all of them at once
NAME_CHARACTERS = 255  # the column's width


class NoSuchFolder(NotFound):
    """IMAP [NONEXISTENT], RFC 5530 §3."""


class FolderExists(Refused):
    """IMAP [ALREADYEXISTS]."""


class FolderKept(Refused):
    """IMAP [CANNOT]: INBOX and the folders with a special use stay."""


class SpecialUseTaken(Refused):
    """IMAP [USEATTR], RFC 6154 §3: another folder has it, or no folder of ours can have it."""


class TooManyFolders(Refused):
    """IMAP [LIMIT]."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder. `special_use` is an attribute such as `\\Sent`, or None."""

    id: int
    mailbox_id: int
    name: str
    special_use: str | None
    uidvalidity: int
    subscribed: bool


def create_default_folders(session: Session, mailbox_id: int, now: datetime) -> dict[str, int]:
    """INBOX and the special-use folders of a new mailbox; the ids by name."""
    rows = [_row(mailbox_id, name, use, subscribed=True) for name, use in DEFAULTS]
    first = _uidvalidities(session, mailbox_id, now, len(rows))
    for offset, row in enumerate(rows):
        row["uidvalidity"] = first + offset
    session.execute(insert(folders), rows)
    return {row["name"]: row["id"] for row in rows}


def list_folders(session: Session, keyring: Keyring, mailbox_id: int) -> tuple[Folder, ...]:
    """All folders of the mailbox, by name, INBOX first."""
    rows = session.execute(select(*_COLUMNS).where(folders.c.mailbox_id == mailbox_id)).all()
    names = Names(session, keyring, mailbox_id)
    found = [_folder(row, names.open(row.id, row.name, row.sealed_name)) for row in rows]
    return tuple(sorted(found, key=lambda folder: (folder.name != INBOX, folder.name)))


def find_folder(session: Session, keyring: Keyring, mailbox_id: int, name: str) -> Folder:
    """The folder of that name. Raises NoSuchFolder."""
    name = canonical(name)
    return _found(session, mailbox_id, name, Names(session, keyring, mailbox_id).column(name))


def find_inbox(session: Session, mailbox_id: int) -> Folder:
    """The folder into which mail is delivered. Raises NoSuchFolder."""
    return _found(session, mailbox_id, INBOX, INBOX)


def create_folder(
    session: Session, keyring: Keyring, mailbox_id: int, name: str, now: datetime, special_use: str | None = None
) -> Folder:
    """Create the folder and what is missing above it (RFC 3501 §6.3.3).

    Raises FolderExists, SpecialUseTaken, TooManyFolders, BadInput on a name that cannot be.
    """
    name = checked_name(name.removesuffix(SEPARATOR))  # the trailing separator only announces that children will come
    tree = list_folders(session, keyring, mailbox_id)
    present = {folder.name for folder in tree}
    if name in present:
        raise FolderExists("the mailbox exists already")
    if special_use and special_use not in {use for _, use in DEFAULTS} - {folder.special_use for folder in tree}:
        raise SpecialUseTaken("this special use is not free")
    missing = [one for one in _above(name) if one not in present]
    if len(present) + len(missing) >= MOST_FOLDERS:
        raise TooManyFolders("there are too many mailboxes")
    names = Names(session, keyring, mailbox_id)
    for one in missing:
        _create(session, names, mailbox_id, one, now)
    return _create(session, names, mailbox_id, name, now, special_use)


def delete_folder(session: Session, keyring: Keyring, mailbox_id: int, name: str, now: datetime) -> int:
    """Delete the folder with its messages, not its children; returns its id. Raises NoSuchFolder, FolderKept.

    RFC 3501 §6.3.4: with children, the name stays visible as \\Noselect, which LIST derives from them. A subscription
    stays (§6.3.6), but not where some accounts may not see the folder.
    """
    folder = find_folder(session, keyring, mailbox_id, name)
    if folder.name == INBOX or folder.special_use:
        raise FolderKept("this mailbox stays")
    clear_folder(session, folder.id, now)
    session.execute(delete(expunged).where(expunged.c.folder_id == folder.id))
    packs.drop_all(session, [folder.id])
    kept_index.drop(session, [folder.id])
    rights = delete(folder_rights).where(folder_rights.c.folder_id == folder.id).returning(folder_rights.c.folder_id)
    open_to_all = session.execute(rights).first() is None
    if folder.subscribed and open_to_all:
        subscriptions.keep(session, Names(session, keyring, mailbox_id), mailbox_id, folder.name)
    session.execute(delete(counters).where(counters.c.name.in_((f"uid:{folder.id}", f"modseq:{folder.id}"))))
    session.execute(delete(folders).where(folders.c.id == folder.id))
    signal(session, TOPIC, folder.id)
    return folder.id


def rename_folder(session: Session, keyring: Keyring, mailbox_id: int, old: str, new: str, now: datetime) -> None:
    """Rename the folder and its children; INBOX instead gives its messages to the new one (RFC 3501 §6.3.5).

    Raises NoSuchFolder, FolderExists, FolderKept, BadInput.
    """
    old, new = canonical(old), checked_name(new.removesuffix(SEPARATOR))
    tree = list_folders(session, keyring, mailbox_id)
    if old == INBOX:
        source, target = find_inbox(session, mailbox_id), create_folder(session, keyring, mailbox_id, new, now)
        move_all(session, source.id, target.id)
        return
    moved = [folder for folder in tree if folder.name == old or folder.name.startswith(old + SEPARATOR)]
    if not moved:
        raise NoSuchFolder("no such mailbox")
    _check_target(old, new, {folder.name for folder in tree})
    names = Names(session, keyring, mailbox_id)
    for above in _above(new):
        if above not in {folder.name for folder in tree}:
            _create(session, names, mailbox_id, above, now)
    for folder in moved:
        _rename(session, names, folder, checked_name(new + folder.name[len(old) :]))


def subscribe(session: Session, keyring: Keyring, mailbox_id: int, name: str, subscribed: bool) -> None:
    """Put the folder on the list of those that a client shows, or take it off; a name whose folder is gone can only be
    taken off. Raises NoSuchFolder."""
    if not subscribed and subscriptions.take(session, Names(session, keyring, mailbox_id), mailbox_id, canonical(name)):
        return
    folder = find_folder(session, keyring, mailbox_id, name)
    session.execute(update(folders).where(folders.c.id == folder.id).values(subscribed=subscribed))


def canonical(name: str) -> str:
    """INBOX is the same in every case, also as the top of a tree (RFC 3501 §5.1)."""
    top, slash, rest = name.partition(SEPARATOR)
    return INBOX + slash + rest if top.upper() == INBOX else name


def checked_name(name: str) -> str:
    """A name under which a folder may be made. Raises BadInput."""
    name = canonical(name)
    levels = name.split(SEPARATOR)
    if not all(levels) or len(levels) > IMAP_MAILBOX_LEVELS or len(name) > NAME_CHARACTERS:
        raise BadInput("this mailbox name cannot be used", "folder name: levels or length")
    if not name.isprintable() or "%" in name or "*" in name:
        raise BadInput("this mailbox name cannot be used", "folder name: characters")
    return name


_COLUMNS = (
    folders.c.id,
    folders.c.mailbox_id,
    folders.c.name,
    folders.c.sealed_name,
    folders.c.special_use,
    folders.c.uidvalidity,
    folders.c.subscribed,
)


def _found(session: Session, mailbox_id: int, name: str, column: str) -> Folder:
    here = (folders.c.mailbox_id == mailbox_id) & (folders.c.name == column)
    row = session.execute(select(*_COLUMNS).where(here)).one_or_none()
    if row is None:
        raise NoSuchFolder("no such mailbox")
    return _folder(row, name)


def _folder(row: Any, name: str) -> Folder:
    return Folder(row.id, row.mailbox_id, name, row.special_use, row.uidvalidity, row.subscribed)


def _above(name: str) -> list[str]:
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels))]


def _row(mailbox_id: int, name: str, special_use: str | None, *, subscribed: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "mailbox_id": mailbox_id,
        "name": name,
        "special_use": special_use,
        "uidvalidity": 0,
        "subscribed": subscribed,
    }


def _create(
    session: Session, names: Names, mailbox_id: int, name: str, now: datetime, special_use: str | None = None
) -> Folder:
    known = subscriptions.take(session, names, mailbox_id, name)
    folder = Folder(**_row(mailbox_id, name, special_use, subscribed=known))
    folder = replace(folder, uidvalidity=_uidvalidities(session, mailbox_id, now, 1))
    kept = {"name": names.column(name), "sealed_name": names.seal(folder.id, name)}
    session.execute(insert(folders), asdict(folder) | kept)
    return folder


def _uidvalidities(session: Session, mailbox_id: int, now: datetime, count: int) -> int:
    """The first of `count` values: at least the second of the clock, so that they grow even past a restored backup."""
    counter = f"uidvalidity:{mailbox_id}"
    jump = max(count, int(now.timestamp()) - last_number(session, counter) + count - 1)
    return next_number(session, counter, jump) + jump - count


def _check_target(old: str, new: str, present: set[str]) -> None:
    if new in present or any(name.startswith(new + SEPARATOR) for name in present):
        raise FolderExists("the mailbox exists already")
    if new.startswith(old + SEPARATOR):
        raise FolderKept("a mailbox cannot go below itself")


def _rename(session: Session, names: Names, folder: Folder, name: str) -> None:
    if folder.special_use:
        raise FolderKept("this mailbox stays")
    kept = {"name": names.column(name), "sealed_name": names.seal(folder.id, name)}
    known = folder.subscribed or subscriptions.take(session, names, folder.mailbox_id, name)
    session.execute(update(folders).where(folders.c.id == folder.id).values(**kept, subscribed=known))
    signal(session, TOPIC, folder.id)
