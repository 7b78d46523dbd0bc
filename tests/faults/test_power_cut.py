"""R2: what was acknowledged survives a power cut: on a file system that forgets all that was not synced.

The second test makes every sync a lie, and must see the loss: otherwise the first one would prove nothing.
PLI_TEST_CUTS and PLI_TEST_SEED choose the run.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import PASSWORD, SEED, assert_kept, live_a_little, loaded_server, new_ledger, setting
from tests.support import fsync_shim
from tests.support.amnesia import AmnesiaFs
from tests.support.pli_server import PliServer
from tests.support.senders import Senders, check

CUTS = setting("CUTS", 20)

pytestmark = [pytest.mark.slow, pytest.mark.long(75), pytest.mark.timeout(120 + 15 * CUTS)]


@pytest.fixture
def fs(folder: Path) -> Iterator[AmnesiaFs]:
    with AmnesiaFs(folder / "disk", folder / "mnt") as fs:
        yield fs


def cut(server: PliServer, fs: AmnesiaFs) -> None:
    """The disk goes first: nothing the server says after that may be a promise."""
    fs.power_cut()
    server.kill9()
    fs.mount()


def test_nothing_acknowledged_is_lost_over_power_cuts(folder: Path, fs: AmnesiaFs) -> None:
    server = loaded_server(fs.mountpoint / "home", log=folder / "log")
    ledger, pick = new_ledger(server), random.Random(SEED)
    try:
        with Senders(ledger, server.smtp):
            for _ in range(CUTS):
                server.start()
                live_a_little(pick)
                cut(server, fs)
            server.start()
        assert_kept(server, ledger, at_least=CUTS)
    finally:
        server.kill9()


def test_the_loss_is_seen_when_syncs_lie(folder: Path, fs: AmnesiaFs, shim: Path) -> None:
    server = loaded_server(fs.mountpoint / "home", log=folder / "log")
    ledger = new_ledger(server)
    fs.close()  # the instance itself is safely on disk
    fs.mount()
    honest, server.env = server.env, {**server.env, **fsync_shim.switches(shim, noop=True)}
    try:
        with Senders(ledger, server.smtp) as senders:
            server.start()
            senders.wait_acked(50)
            cut(server, fs)
        server.env = honest
        server.start()
        assert check(ledger, server.imap(PASSWORD)).lost
    finally:
        server.kill9()
