"""R4: a full disk is answered 452, nothing is torn, and the service goes on by itself once there is room."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.harness import assert_kept, loaded_server, new_ledger
from tests.support.ledger import Ledger
from tests.support.process import wait_until
from tests.support.senders import Senders

SIZE, ROOM, PIECE = 96 * 1024**2, 2 * 1024**2, 1024**2

pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of SIZE octets; needs root."""
    mount = folder / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", "--lazy", str(mount)], check=True)


def fill(ballast: Path, leave: int) -> None:
    """Take all the room but `leave` octets, while the server takes some too."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while room(ballast) > leave:
            file.write(bytes(min(PIECE, room(ballast) - leave)))


def room(path: Path) -> int:
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def test_a_full_disk_is_told_and_survived(small_disk: Path, folder: Path) -> None:
    server = loaded_server(small_disk / "home", log=folder / "log")
    ledger = new_ledger(server)
    ballast = small_disk / "ballast"
    with server, Senders(ledger, server.smtp) as senders:
        senders.wait_acked(20)
        fill(ballast, ROOM)
        wait_until(lambda: refusals(ledger) >= {452}, what="the full disk")
        full_at = time.monotonic()
        wait_until(lambda: later(ledger, full_at) >= 20, what="more refusals")
        ballast.unlink()
        senders.wait_acked(50, seconds=30)
        senders.stop()
        assert refusals(ledger) == {452}
        assert_kept(server, ledger, at_least=70)
        assert not list((server.home / "blobs" / "coming").iterdir())


def refusals(ledger: Ledger) -> set[int]:
    return {answer.code for entry in list(ledger.entries) for answer in entry.answers if answer.code >= 400}


def later(ledger: Ledger, moment: float) -> int:
    return sum(a.code >= 400 and a.at > moment for entry in list(ledger.entries) for a in entry.answers)
