"""CREATE, DELETE and RENAME of folders by an account that may not have every right. RFC 4314 §4.

A new folder asks for the right "k" on the nearest folder above it, and starts with that folder's rights; what stands at
the top of the tree has INBOX above it.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from crypto.keyring import Keyring
from mail import folders
from mail.acl import inherit, require
from mail.auth import Identity
from mail.folders import INBOX, SEPARATOR, Folder, canonical

Tree = tuple[Folder, ...]


def create_folder(
    session: Session, keyring: Keyring, who: Identity, name: str, now: datetime, special_use: str | None = None
) -> Folder:
    """Raises NoPermission, and as `folders.create_folder`."""
    tree = folders.list_folders(session, keyring, who.mailbox_id)
    above = _above(tree, name)
    require(session, above, who, "k")
    made = folders.create_folder(session, keyring, who.mailbox_id, name, now, special_use)
    _inherit(session, keyring, above, tree)
    return made


def delete_folder(session: Session, keyring: Keyring, who: Identity, name: str, now: datetime) -> int:
    """Its id. Raises NoPermission, and as `folders.delete_folder`."""
    require(session, folders.find_folder(session, keyring, who.mailbox_id, name), who, "x")
    return folders.delete_folder(session, keyring, who.mailbox_id, name, now)


def rename_folder(session: Session, keyring: Keyring, who: Identity, old: str, new: str, now: datetime) -> None:
    """The right "x" on all that moves, "k" above where it goes; INBOX stays and gives its messages away: "t" and "e".

    Raises NoPermission, and as `folders.rename_folder`.
    """
    tree = folders.list_folders(session, keyring, who.mailbox_id)
    old = canonical(old)
    for folder in tree:
        if folder.name == old or (old != INBOX and folder.name.startswith(old + SEPARATOR)):
            require(session, folder, who, "xte" if old == INBOX else "x")
    above = _above(tree, new)
    require(session, above, who, "k")
    folders.rename_folder(session, keyring, who.mailbox_id, old, new, now)
    _inherit(session, keyring, above, tree)


def _above(tree: Tree, name: str) -> Folder:
    """The nearest folder above; INBOX for what stands at the top."""
    by_name = {folder.name: folder for folder in tree}
    levels = canonical(name.removesuffix(SEPARATOR)).split(SEPARATOR)
    names = (SEPARATOR.join(levels[:depth]) for depth in range(len(levels) - 1, 0, -1))
    return next((by_name[one] for one in names if one in by_name), by_name[INBOX])


def _inherit(session: Session, keyring: Keyring, above: Folder, before: Tree) -> None:
    """Whatever came into being takes the rights of what is above it."""
    known = {folder.id for folder in before}
    after = folders.list_folders(session, keyring, above.mailbox_id)
    inherit(session, above, [folder.id for folder in after if folder.id not in known])
