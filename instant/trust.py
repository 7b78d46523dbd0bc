"""Whose devices may have the bridge's room keys: each person's cross-signing key is pinned when it is first seen.

A person with such a key: only the devices that it has signed. A person without one (a plain client): his devices, until
he has one. A key that changes: none of his devices, and the room is told, until the administrator says that it is his.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.audit import Event, Trail
from instant.accounts import find_account, pin_key, pinned_key
from instant.signing import standing


@dataclass(frozen=True, slots=True)
class Trusted:
    """`devices`: user → device ids; `changed`: users whose key is not the pinned one; `named`: those who have a key."""

    devices: Mapping[str, frozenset[str]]
    changed: tuple[str, ...]
    named: frozenset[str] = frozenset()


def weigh(
    session: Session, trail: Trail, users: Iterable[str], answer: Mapping[str, Any], own: str, now: datetime
) -> Trusted:
    """Unit of work: decide, and pin what is new."""
    devices: dict[str, frozenset[str]] = {}
    changed: list[str] = []
    named: set[str] = set()
    for user in users:
        found = standing(user, answer)
        if user == own:
            continue
        pinned = pinned_key(session, user)
        if found.master and not pinned:
            pin_key(session, user, found.master)
            pinned = found.master
        if pinned:
            named.add(user)
        if pinned and found.master != pinned:
            changed.append(user)
            devices[user] = frozenset()
            _alarm(session, trail, user, now)
        else:
            devices[user] = found.signed if found.master else found.devices
    return Trusted(devices, tuple(changed), frozenset(named))


def _alarm(session: Session, trail: Trail, user: str, now: datetime) -> None:
    account = find_account(session, user)
    trail.record(session, Event("chat", "chat.key_changed", "held", now, account.id if account else None))
