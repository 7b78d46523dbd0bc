"""Files of large sealed bodies: HOME/blobs/xx/<id>. Written beside, synced, renamed, the folder synced: only then is a
file there, and only then may a row speak of it. What no row speaks of is swept when the server starts."""

import errno
import math
import os
import threading
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import BinaryIO

from core.durable import sync
from core.engines import StoreBroken
from core.errors import PliError, StorageFull

SPREAD = 256
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_COMING = "coming"  # files that are not kept yet


def disk_error(error: OSError) -> PliError:
    """No room is temporary; any other failure leaves what was written unknown: nothing may be acknowledged after it."""
    if error.errno in _FULL:
        return StorageFull("no room to store this now", "no room for a body file")
    return StoreBroken("storage is not available", f"body file: {errno.errorcode.get(error.errno or 0, 'error')}")


class Blobs:
    """One folder of body files. `failed` is set when a sync did not hold; the process must then be restarted."""

    def __init__(self, root: Path) -> None:
        """Makes the folders, durably. Raises StorageFull, StoreBroken."""
        self.root = root
        self.failed = threading.Event()
        try:
            for name in (*(f"{number:02x}" for number in range(SPREAD)), _COMING):
                (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
            sync(root)
            sync(root.parent)
        except OSError as error:
            raise disk_error(error) from error

    def path(self, body_id: int) -> Path:
        """Where the body's file is, or would be. Ids end in random bits, so the folders fill evenly."""
        return self.root / f"{body_id % SPREAD:02x}" / str(body_id)

    def coming(self, body_id: int) -> Path:
        """Where it is written until it is kept."""
        return self.root / _COMING / str(body_id)

    def create(self, body_id: int) -> BinaryIO:
        """A new file to write the sealed body into. Raises StorageFull, StoreBroken."""
        try:
            return os.fdopen(os.open(self.coming(body_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)
        except OSError as error:
            raise disk_error(error) from error

    def keep(self, body_id: int, file: BinaryIO) -> None:
        """Make it durable under its name and close it. Raises StorageFull, StoreBroken: the file is then gone."""
        try:
            if self.failed.is_set():  # a second sync after a failed one can lie
                raise OSError(errno.EIO, "an earlier sync failed")
            with file:
                os.fsync(file.fileno())
            self.coming(body_id).rename(self.path(body_id))
            sync(self.path(body_id).parent)
        except OSError as error:
            self.discard(body_id)
            failure = disk_error(error)
            if isinstance(failure, StoreBroken):
                self.failed.set()
            raise failure from error

    def open(self, body_id: int) -> BinaryIO:
        """The sealed body, to be read. Raises FileNotFoundError."""
        return self.path(body_id).open("rb")

    def discard(self, body_id: int) -> None:
        """Forget the file, kept or not; harmless when there is none."""
        self.coming(body_id).unlink(missing_ok=True)
        self.path(body_id).unlink(missing_ok=True)

    def sweep(self, known: Callable[[Collection[int]], Collection[int]], before: float = math.inf) -> int:
        """Remove what no row speaks of: `known` says which of some ids have a row. For the start, before any mail.

        Where other processes write too, `before` (seconds since 1970) spares their new files. Returns how many files
        were removed.
        """
        gone = _unlink_old((self.root / _COMING).iterdir(), before)
        for number in range(SPREAD):
            found = {int(file.name): file for file in (self.root / f"{number:02x}").iterdir() if file.name.isdigit()}
            lost = found.keys() - set(known(found.keys()) if found else ())
            gone += _unlink_old((found[body_id] for body_id in lost), before)
        return gone


def _unlink_old(files: Iterable[Path], before: float) -> int:
    old = [file for file in files if file.stat().st_mtime < before]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
