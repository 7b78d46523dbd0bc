"""What people take away for good, and the trail of it: who, when, which message. Units of work."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from core.audit import Event, Trail
from crypto.keyring import Keyring
from mail import folder_rows, folders, tree
from mail.auth import Identity


def expunge(
    session: Session, trail: Trail, who: Identity, folder_id: int, uids: Sequence[int] | None, now: datetime
) -> bool:
    """As `folder_rows.expunge`; whether anything went."""
    gone = folder_rows.expunge(session, folder_id, uids, now)
    _trace(session, trail, who, gone.values(), now)
    return bool(gone)


def delete_folder(session: Session, trail: Trail, keyring: Keyring, who: Identity, name: str, now: datetime) -> int:
    """As `tree.delete_folder`, with the messages in it."""
    held = folder_rows.held(session, folders.find_folder(session, keyring, who.mailbox_id, name).id)
    folder_id = tree.delete_folder(session, keyring, who, name, now)
    _trace(session, trail, who, held, now)
    trail.record(session, Event(str(who.account_id), "mail.folder", "deleted", now, folder_id, who.holder_id))
    return folder_id


def _trace(session: Session, trail: Trail, who: Identity, message_ids: Collection[int], now: datetime) -> None:
    event = Event(str(who.account_id), "mail.expunge", "deleted", now, None, who.holder_id)
    trail.record_each(session, event, message_ids)
