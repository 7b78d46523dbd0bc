"""One process on an SQLite instance: whoever serves or changes it holds HOME/lock."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from core.errors import Temporary


class InstanceBusy(Temporary):
    """Another process holds this instance."""


class HomeLock:
    """An advisory lock that the kernel lets go of when the process ends, however it ends."""

    def __init__(self, home: Path) -> None:
        self._path = home / "lock"

    def __enter__(self) -> "HomeLock":
        """Raises InstanceBusy."""
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise InstanceBusy("another process is using this instance") from None
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        os.close(self._fd)
