"""Who may no longer be here: accounts and mailboxes closed, grants, delegations and devices' passwords taken back while
sessions are open."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from crypto.keyring import Keyring
from directory.delegates import acts_for
from directory.mailboxes import CLOSED, get_mailbox
from directory.tables import mailboxes
from mail.accounts import ACTIVE
from mail.auth import Identity
from mail.tables import accounts, app_passwords

CHUNK = 500  # ids in one statement


def fallen(session: Session, keyring: Keyring, present: Collection[Identity], now: datetime) -> set[Identity]:
    """Those of `present` that could not log in any more in the way they did. A unit of work that reads."""
    owned = select(accounts.c.id, accounts.c.mailbox_id).join(mailboxes, mailboxes.c.id == accounts.c.mailbox_id)
    active = owned.where(accounts.c.state == ACTIVE, mailboxes.c.state != CLOSED)
    own = dict(_found(session, active, accounts.c.id, {one.account_id for one in present}))
    devices = {one.device for one in present if one.device}
    kept = {number for (number,) in _found(session, select(app_passwords.c.id), app_passwords.c.id, devices)}

    def stays(one: Identity) -> bool:
        mine = own.get(one.account_id)
        if mine is None or (one.device and one.device not in kept):
            return False
        return mine == one.mailbox_id or _acts(session, keyring, one.mailbox_id, mine, now)

    return {one for one in present if not stays(one)}


def _acts(session: Session, keyring: Keyring, mailbox_id: int, delegate_id: int, now: datetime) -> bool:
    try:
        return acts_for(session, keyring, get_mailbox(session, mailbox_id), delegate_id, now)
    except NotFound:  # it was erased
        return False


def _found(
    session: Session, query: Select[Any], column: ColumnElement[int], numbers: Iterable[int]
) -> Iterable[tuple[Any, ...]]:
    wanted = sorted(numbers)
    for start in range(0, len(wanted), CHUNK):
        yield from map(tuple, session.execute(query.where(column.in_(wanted[start : start + CHUNK]))))
