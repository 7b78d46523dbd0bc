"""The administration of a folder's rights: who may, and what the trail keeps of it. RFC 4314 §4."""

from sqlalchemy.orm import Session as Rows

from core.audit import Event
from crypto.keyring import Keyring
from mail import acl
from mail.acl import ANYONE
from mail.auth import Identity
from mail.folders import Folder, find_folder
from mail.imap.session import Session


def administered(rows: Rows, keyring: Keyring, who: Identity, name: str) -> Folder:
    """The folder with this name. Raises NoSuchFolder, NoPermission for who may not administer it."""
    folder = find_folder(rows, keyring, who.mailbox_id, name)
    acl.require(rows, folder, who, "a")
    return folder


def trace(rows: Rows, session: Session, folder: Folder, who: int, what: str) -> None:
    """Whose rights on which folder, and what they are now; in the transaction that changes them."""
    services, actor = session.services, session.holder
    detail = f"{'anyone' if who == ANYONE else who}: {what}"
    now, by = services.clock.now(), str(actor.account_id)
    services.trail.record(rows, Event(by, "mail.rights", "set", now, folder.id, actor.holder_id, detail))
