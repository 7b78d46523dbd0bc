"""Time is given, never taken: whoever needs it is handed a Clock."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FakeClock:
    """A clock that stands still until it is advanced: for tests and for replays."""

    def __init__(self, start: datetime = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC, the form in which tables keep time."""
    return int(moment.timestamp() * 1000)


def from_epoch_ms(ms: int) -> datetime:
    """The aware UTC datetime of a table's time."""
    return datetime.fromtimestamp(ms / 1000, UTC)
