"""One import at a time: a lock that goes with its process, however that ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import Refused

LOCK = "import.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """In this annuaire's folder, which is made. Raises Refused while another import runs."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("un import est déjà en cours", "another import runs") from None
        yield


def is_under_way(folder: Path) -> bool:
    """Whether an import runs now."""
    if not (folder / LOCK).exists():
        return False
    try:
        with alone(folder):
            return False
    except Refused:
        return True
