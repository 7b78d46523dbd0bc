"""When entries of the annuaire changed last: as imports noted; of all others, when the edition was built."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.ids import moment_of
from directory.annuaire import current_edition
from directory.tables import directory_changes


def built_at(session: Session) -> int:
    """The moment (epoch ms) at which the edition in use was built; 0 when there is none."""
    edition = current_edition(session)
    return moment_of(edition) if edition else 0


def last_changes(session: Session, keys: Iterable[str]) -> dict[str, int]:
    """Address, national id or structure id → the latest change (epoch ms); what was never noted is left out."""
    changes = directory_changes.c
    query = select(changes.key, func.max(changes.at)).where(changes.key.in_(list(keys))).group_by(changes.key)
    return {row.key: int(row[1]) for row in session.execute(query)}


def changed_since(session: Session, moment: int) -> list[str]:
    """What imports changed at that moment or later."""
    query = select(directory_changes.c.key).where(directory_changes.c.at >= moment).distinct()
    return list(session.execute(query).scalars())
