"""`--at`: the time at which something is judged."""

from datetime import UTC, datetime

from core.clock import SystemClock
from core.errors import BadInput


def moment(text: str) -> datetime:
    """ISO 8601, UTC where it names no zone; now where it is empty. Raises BadInput."""
    if not text:
        return SystemClock().now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("--at is written as ISO 8601, such as 2026-06-01T12:00:00+00:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
