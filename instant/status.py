"""What the administrator sees of the chat: counts only."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from instant.tables import accounts, events, posts, rooms, waiting


def counts(session: Session) -> dict[str, Any]:
    """Accounts by state, open rooms, events taken in, posts to send, messages without key."""
    by_state = session.execute(select(accounts.c.state, func.count()).group_by(accounts.c.state)).all()
    return {
        "accounts": dict(by_state),
        "rooms": _count(session, rooms, rooms.c.state == "open"),
        "events": _count(session, events),
        "to_send": _count(session, posts, posts.c.event_id.is_(None)),
        "without_key": _count(session, waiting),
    }


def _count(session: Session, table: Any, *conditions: Any) -> int:
    return int(session.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())
