"""A mailbox forgotten: its copies, keys, folders and logins go. What others were sent stays theirs."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.statements import chunks
from core.tables import counters
from mail import accounts as people
from mail import kept_index, packs
from mail.removal import release
from mail.tables import (
    accounts,
    app_passwords,
    closed_messages,
    conversations,
    dispensations,
    expunged,
    folder_messages,
    folder_rights,
    folders,
    lost_names,
    message_keys,
    published_certificates,
    seal_keys,
)


def forget_mail(session: Session, mailbox_id: int, holder_id: int, now: datetime) -> int:
    """Unit of work; returns how many messages it held. Bodies that nobody else holds are removed later."""
    mine = list(session.execute(select(folders.c.id).where(folders.c.mailbox_id == mailbox_id)).scalars())
    copies = folder_messages.c.folder_id.in_(mine)
    held = list(
        session.execute(delete(folder_messages).where(copies).returning(folder_messages.c.message_id)).scalars()
    )
    session.execute(delete(expunged).where(expunged.c.folder_id.in_(mine)))
    packs.drop_all(session, mine)
    kept_index.drop(session, mine)
    session.execute(delete(folder_rights).where(folder_rights.c.folder_id.in_(mine)))
    for named in (folders, lost_names):
        session.execute(delete(named).where(named.c.mailbox_id == mailbox_id))
    counted = [f"{counter}:{folder_id}" for folder_id in mine for counter in ("uid", "modseq")]
    session.execute(delete(counters).where(counters.c.name.in_(counted)))
    keyed = session.execute(select(message_keys.c.message_id).where(message_keys.c.holder_id == holder_id)).scalars()
    held = sorted({*held, *keyed})
    release(session, held, now)
    for chunk in chunks(held):
        session.execute(
            delete(message_keys).where(message_keys.c.holder_id == holder_id, message_keys.c.message_id.in_(chunk))
        )
    for table in (conversations, closed_messages, dispensations):
        session.execute(delete(table).where(table.c.patient_mailbox_id == mailbox_id))
    for keyed_by in (seal_keys, published_certificates):
        session.execute(delete(keyed_by).where(keyed_by.c.mailbox_id == mailbox_id))
    _close_accounts(session, mailbox_id)
    return len(held)


def _close_accounts(session: Session, mailbox_id: int) -> None:
    """The rows stay, as the trail speaks of them; nothing leads to them and nothing is in them."""
    mine = list(session.execute(select(accounts.c.id).where(accounts.c.mailbox_id == mailbox_id)).scalars())
    session.execute(delete(app_passwords).where(app_passwords.c.account_id.in_(mine)))
    empty: dict[str, Any] = {"password_hash": None, "certificate_sha256": None, "subject_lookup": None}
    for account_id in mine:
        closed = {"lookup": secrets.token_bytes(32), "sealed_profile": b"", "state": people.CLOSED}
        session.execute(update(accounts).where(accounts.c.id == account_id).values(**empty, **closed))
