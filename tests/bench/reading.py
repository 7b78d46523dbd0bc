"""What IMAP commands cost inside the process, and where: `python -m tests.bench.reading [--messages 10000]`.

A session of the server's own on a transport that is no network, over one mailbox of 4 KiB messages, filled by APPEND
and gathered into packs; the process's memory of it is empty at the start. CPU time of all threads, the event loop's
beside it, so that other work on the machine weighs little: `first` is the first answer, `again` the least of four later
ones. With --profile C the functions in which the event loop spends its time, for the commands whose name holds C.
`--copies N` lays N more rows of the same messages into the folder. `--home` keeps the filled house for the next run.
"""

import argparse
import asyncio
import cProfile
import pstats
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from core.clock import SystemClock
from core.redact import configure_logging
from core.settings import Settings
from mail.imap.packing import Packing, _folders
from mail.imap.server import ImapServer
from mail.imap.wire import Wire
from ops.network import _imap_services
from ops.serve import tune
from ops.wiring import App, build
from tests.bench.smtp import PASSWORD, PliTarget

SIZE, AT_ONCE, AGAIN = 4096, 100, 4
WORDS = "please find the report of your last visit with results and letter for pharmacy about treatment".split()
COMMANDS = {
    "SELECT": "SELECT INBOX",
    "FETCH flags": "FETCH 1:* (UID FLAGS)",
    "FETCH envelopes": "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)",
    "FETCH fields": "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])",
    "FETCH 1,000 bodies": "FETCH 1:1000 (UID BODY.PEEK[])",
    "SEARCH UNSEEN": "SEARCH UNSEEN",
    "SEARCH SUBJECT": "SEARCH SUBJECT topic7",
    "SEARCH TEXT": "SEARCH TEXT needle4242",
    "STORE 1,000": "STORE 1:1000 +FLAGS.SILENT (\\Flagged)",
}


def message(number: int) -> bytes:
    """A letter in two parts, its words in an order of its own."""
    chance = random.Random(number)
    text = " ".join(chance.choices(WORDS, k=SIZE // 6))
    lines = "\r\n".join(text[at : at + 70] for at in range(0, SIZE - 700, 70))
    return (
        f"From: Sender {number} <s{number % 97}@example.test>\r\nTo: Box <box@example.test>\r\n"
        f"Subject: load message {number} topic{number % 13}\r\nDate: Mon, 01 Jun 2026 10:00:00 +0200\r\n"
        f"Message-ID: <{number}@example.test>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\nneedle{number} {lines}\r\n"
        "--bb\r\nContent-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename=a.bin\r\n\r\n" + "QUFB" * 16 + "\r\n--bb--\r\n"
    ).encode()


class Client(asyncio.Transport):
    """One peer and the transport to it; what it is sent is dropped but for the last line."""

    def __init__(self, server: ImapServer) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self._tail, self._tag, self._number = b"", b"", 0
        self._answered: asyncio.Future[None] | None = None
        self.wire = Wire(server._arrived)
        self.wire.connection_made(self)

    async def ask(self, command: str | bytes) -> None:
        """Raises RuntimeError when the answer is not OK."""
        self._number += 1
        self._tag = b"t%d " % self._number
        self._answered = asyncio.get_running_loop().create_future()
        words = command.encode() if isinstance(command, str) else command
        self.wire.data_received(self._tag + words + b"\r\n")
        await self._answered

    def write(self, data: Any) -> None:
        tail = self._tail = (self._tail + data)[-512:] if len(data) < 512 else data[-512:]
        if self._answered is None or self._answered.done() or not tail.endswith(b"\r\n"):
            return
        last = tail[:-2].rpartition(b"\n")[2]
        if last.startswith(self._tag):
            self._tail = b""
            if last.startswith(self._tag + b"OK"):
                self._answered.set_result(None)
            else:
                self._answered.set_exception(RuntimeError(last))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.wire.connection_lost(None)

    def pause_reading(self) -> None:
        """All that is said fits."""

    def resume_reading(self) -> None:
        """All that is said fits."""


class Cost:
    """CPU milliseconds of the whole process and of the loop's thread, from `with` to its end."""

    def __enter__(self) -> "Cost":
        self._from = time.process_time(), time.thread_time()
        return self

    def __exit__(self, *exc: object) -> None:
        self.all = (time.process_time() - self._from[0]) * 1000
        self.loop = (time.thread_time() - self._from[1]) * 1000


async def fill(client: Client, messages: int) -> None:
    for start in range(0, messages, AT_ONCE):
        made = [message(number) for number in range(start, min(messages, start + AT_ONCE))]
        await client.ask(b"APPEND INBOX" + b"".join(b" {%d+}\r\n" % len(one) + one for one in made))


async def connected(app: App) -> tuple[ImapServer, Client]:
    server = ImapServer(_imap_services(app))
    client = Client(server)
    await client.ask(f'LOGIN "box0@bench.example" "{PASSWORD}"')
    return server, client


async def prepare(home: Path, messages: int) -> None:
    app = build(Settings.load(home, insecure_loopback=True), SystemClock())
    packing = Packing(app.db, app.keyring, app.blobs)
    server, client = await connected(app)
    await fill(client, messages)
    for folder_id in list(packing._waiting):
        while await asyncio.to_thread(packing.gather, folder_id):
            pass
    await server.close()
    app.close()


def rest(home: Path) -> None:
    """What a server does of itself when it has been left alone for some seconds."""
    app = build(Settings.load(home, insecure_loopback=True), SystemClock())
    packing = Packing(app.db, app.keyring, app.blobs)
    for folder_id in app.db.read(_folders):
        packing.keep_index(folder_id)
    app.close()


def lay_copies(home: Path, count: int) -> None:
    """Rows of the same messages with UIDs of their own, behind those that are there."""
    db = sqlite3.connect(home / "pli.db")
    folder, top, modseq = db.execute(
        "SELECT folder_id, max(uid), max(modseq) FROM folder_messages GROUP BY 1 ORDER BY count(*) DESC"
    ).fetchone()
    query = "SELECT message_id, flags, internal_at FROM folder_messages WHERE folder_id = ?"
    rows = db.execute(query, (folder,)).fetchall()
    names = "folder_id, uid, modseq, message_id, flags, internal_at"
    made = ((folder, top + n, modseq + n, *rows[n % len(rows)]) for n in range(1, count + 1))
    db.executemany(f"INSERT INTO folder_messages ({names}) VALUES (?, ?, ?, ?, ?, ?)", made)
    for name, value in (("uid", top), ("modseq", modseq)):
        db.execute("UPDATE counters SET value = ? WHERE name = ?", (value + count, f"{name}:{folder}"))
    db.commit()
    db.close()


async def cost(client: Client, command: str, profile: cProfile.Profile | None = None) -> Cost:
    with Cost() as found:
        if profile is not None:
            profile.enable()
        await client.ask(command)
        if profile is not None:
            profile.disable()
    return found


async def measure(home: Path, args: argparse.Namespace) -> None:
    app = build(Settings.load(home, insecure_loopback=True), SystemClock())
    server, client = await connected(app)
    print(f"{'':20}{'first':>10}{'loop':>10}{'again':>10}{'loop':>10}   CPU ms")
    for name, command in COMMANDS.items():
        profiles = Profiles() if args.profile and args.profile.lower() in name.lower() else None
        first = await cost(client, command, profiles.first if profiles else None)
        again = min([await cost(client, command) for _ in range(AGAIN)], key=lambda each: each.all)
        print(f"{name:20}{first.all:10.1f}{first.loop:10.1f}{again.all:10.1f}{again.loop:10.1f}")
        if profiles is not None:
            await cost(client, command, profiles.again)
            profiles.tell()
    await mixed(server, args)
    await server.close()
    app.close()


class Profiles:
    """Of the loop's thread: the first answer and a later one."""

    def __init__(self) -> None:
        self.first, self.again = cProfile.Profile(time.thread_time), cProfile.Profile(time.thread_time)

    def tell(self) -> None:
        for each in (self.first, self.again):
            pstats.Stats(each).sort_stats("tottime").print_stats(18)


async def mixed(server: ImapServer, args: argparse.Namespace) -> None:
    """20 sessions that fetch and store at random, as `imap_load.py mix` does."""
    clients = [Client(server) for _ in range(20)]
    for client in clients:
        await client.ask(f'LOGIN "box0@bench.example" "{PASSWORD}"')
        await client.ask("SELECT INBOX")

    async def one(client: Client, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(args.mixed // 20):
            await client.ask(_any(chance, args.messages))

    async def load() -> None:
        await asyncio.gather(*(one(client, seed) for seed, client in enumerate(clients)))

    await load()
    profile = cProfile.Profile(time.thread_time)
    told = args.profile and args.profile.lower() in "mixed"
    with Cost() as found:
        if told:
            profile.enable()
        await load()
        profile.disable()
    print(f"{'mixed, a command':20}{found.all / args.mixed:20.3f}{found.loop / args.mixed:10.3f}")
    if told:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


def _any(chance: random.Random, messages: int) -> str:
    number, what = chance.randint(1, messages), chance.random()
    if what < 0.5:
        return f"FETCH {number} (UID BODY.PEEK[])"
    if what < 0.8:
        return f"FETCH {number}:{min(messages, number + 49)} (UID FLAGS ENVELOPE)"
    return f"STORE {number} +FLAGS.SILENT (\\Seen)" if what < 0.95 else "NOOP"


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of IMAP commands, without sockets.")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--mixed", type=int, default=4000)
    parser.add_argument("--profile")
    parser.add_argument("--home", type=Path, help="kept from run to run; made and filled when it is not there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        home = args.home or Path(made) / "pli"
        new = not home.exists()
        if new:
            with PliTarget(home, {}):
                pass  # made, with the load's mailboxes
        with (Path(made) / "log").open("w") as log:
            configure_logging(True, log)
            tune()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                if new:
                    runner.run(prepare(home, args.messages))
                    lay_copies(home, args.copies)
                    rest(home)
                runner.run(measure(home, args))


if __name__ == "__main__":
    main()
