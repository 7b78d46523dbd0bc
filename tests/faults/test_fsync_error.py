"""R5: a sync that fails at call 1, 2, 3 … never leads to a false 250, and the server starts cleanly afterwards."""

from pathlib import Path

import pytest

from tests.faults.harness import assert_kept, loaded_server, new_ledger, setting
from tests.support import fsync_shim
from tests.support.ledger import Entry, Ledger, State
from tests.support.pli_server import PliServer
from tests.support.smtp_client import Broken, SmtpClient

CALLS = setting("EIO_CALLS", 15)
MESSAGES = 6  # each takes at least one sync
BROKEN_STORAGE = 70  # the exit code that tells the supervisor

pytestmark = [pytest.mark.slow, pytest.mark.long(95), pytest.mark.timeout(120 + 15 * CALLS)]


@pytest.mark.parametrize("once", [False, True])
def test_no_false_acknowledgement_when_a_sync_fails(folder: Path, shim: Path, once: bool) -> None:
    server = loaded_server(folder / "home")
    ledger = new_ledger(server)
    honest, arm = server.env, folder / "armed"
    ends = []
    for fail_at in range(1, CALLS + 1):
        log = folder / f"{fail_at}.log"
        server.env = {**honest, **fsync_shim.switches(shim, fail_at=fail_at, once=once, arm=arm, log=log)}
        with server:
            arm.touch()
            for _ in range(MESSAGES):
                try_to_send(server, ledger, ledger.new())
            if "EIO" in log.read_text():
                ends.append(end_of(server, ledger))
            server.kill9()
        arm.unlink()
    server.env = honest
    with server:
        assert_kept(server, ledger, at_least=1)
    assert len(ends) > CALLS // 2
    assert BROKEN_STORAGE in ends
    assert set(ends) <= ({BROKEN_STORAGE, None} if once else {BROKEN_STORAGE})


def end_of(server: PliServer, ledger: Ledger) -> int | None:
    """With which code it ended by itself; None when it goes on, and keeps its word: SQLite may do without some syncs
    (of a folder, of a checkpoint that it repeats whole)."""
    entry = ledger.new()
    try_to_send(server, ledger, entry)
    return None if entry.state is State.OK else server.process.wait(60)


def try_to_send(server: PliServer, ledger: Ledger, entry: Entry) -> None:
    try:
        with SmtpClient(server.smtp) as client:
            ledger.note(entry, client.send(entry.recipient, ledger.message(entry)))
    except Broken as broken:
        entry.broken += broken.after_data
    except OSError:
        pass  # the server has ended itself: a right answer to a sync that failed
