"""R3: every 250 is said after the sync that keeps its word, every row after the file that it speaks of.

What the server does is read from its system calls. The second test takes the syncs away and must see each 250 flagged.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.harness import loaded_server, new_ledger
from tests.support import fsync_shim
from tests.support.ledger import LARGE_EVERY
from tests.support.pli_server import PliServer
from tests.support.senders import Senders
from tests.support.syscalls import SYNCS, Call, calls, watched

MESSAGES = 4 * LARGE_EVERY
ACCEPTED = re.compile(rb"250 2\.6\.0 accepted as (\d+)")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Journal:
    """What one run did: SQLite's log file, the syncs of any file, the renames, the replies."""

    wal: list[Call]
    syncs: list[Call]
    renames: list[Call]
    promises: list[tuple[int, Call]]

    @classmethod
    def read(cls, log: Path) -> "Journal":
        seen = calls(log)
        wal = [call for call in seen if call.name == "pwrite64" and call.path.endswith("pli.db-wal")]
        promises = [(int(number), call) for call in seen for number in ACCEPTED.findall(call.data)]
        syncs = [call for call in seen if call.name in SYNCS and call.result == 0]
        return cls(wal, syncs, [call for call in seen if call.name == "rename"], promises)

    def synced(self, path: str, *, after: int, before: int) -> bool:
        """Whether a sync of this file began and ended between two lines."""
        return any(sync.path == path and after < sync.begun and sync.ended <= before for sync in self.syncs)

    def rows_of(self, number: int) -> list[Call]:
        """The writes to the log that hold this id, as SQLite writes a 63-bit integer."""
        return [call for call in self.wal if number.to_bytes(8, "big") in call.data]

    def kept(self, number: int, reply: Call) -> bool:
        """The message's rows were written, then the log was synced, then the reply was said."""
        return any(self.synced(row.path, after=row.ended, before=reply.begun) for row in self.rows_of(number))

    def file_first(self, rename: Call) -> bool:
        """A body's file: content synced, put in its place, its folder synced, only then a row that speaks of it."""
        content = self.synced(rename.path, after=-1, before=rename.begun)
        folder, rows = str(Path(rename.texts[1].decode()).parent), self.rows_of_file(rename)
        return content and self.synced(folder, after=rename.ended, before=rows[0].begun)

    def rows_of_file(self, rename: Call) -> list[Call]:
        """None where we stopped looking before its mail was accepted."""
        return self.rows_of(int(Path(rename.texts[1].decode()).name))


def record(server: PliServer, log: Path) -> Journal:
    with server:
        ledger = new_ledger(server)
        with watched(server.process.pid, log), Senders(ledger, server.smtp, limit=MESSAGES) as senders:
            senders.wait_acked(MESSAGES)
    return Journal.read(log)


def test_no_promise_before_its_sync(folder: Path) -> None:
    journal = record(loaded_server(folder / "home"), folder / "calls")
    assert len(journal.promises) >= MESSAGES
    assert [number for number, reply in journal.promises if not journal.kept(number, reply)] == []
    files = [rename for rename in journal.renames if journal.rows_of_file(rename)]
    assert len(files) >= MESSAGES // LARGE_EVERY
    assert [rename.path for rename in files if not journal.file_first(rename)] == []


def test_promises_without_syncs_are_seen(folder: Path, shim: Path) -> None:
    server = loaded_server(folder / "home")
    server.env |= fsync_shim.switches(shim, noop=True)
    journal = record(server, folder / "calls")
    assert len(journal.promises) >= MESSAGES
    assert not any(journal.kept(number, reply) for number, reply in journal.promises)
    assert not any(journal.file_first(rename) for rename in journal.renames)
