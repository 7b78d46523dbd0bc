"""The whole trail on one snapshot, entry by entry, never all of it in memory."""

from typing import Any

from sqlalchemy.orm import Session

ROWS = 1000


def steady(session: Session) -> None:
    """For the session of a long read: rows are streamed, and what is committed meanwhile is not seen."""
    options: dict[str, Any] = {"stream_results": True, "max_row_buffer": ROWS}
    if session.get_bind().dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    session.connection(execution_options=options)
