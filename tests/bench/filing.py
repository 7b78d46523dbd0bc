"""Documents a second from SMTP into records: signed mail, verified, unpacked, compared, sealed, filed, traced.

    python -m tests.bench.filing [--seconds 60] [--rate 110] [--flood 10000] [--check]

One `pli demo --serve-only` on SQLite; 200 patients who agreed to filing. A physician whom the server trusts sends
signed mails, each with a clinical document (CDA level 3, about 6 KiB) of its own for one of them, over eight
connections: first `--rate` a second, then `--flood` mails as fast as they are taken. They are written and signed before
the clock starts, and the sender lives in a process of its own. Every second the database is asked how many documents
are filed, every ten how much memory the server's processes hold. The run fails where a mail is refused, a document is
not filed, or the memory of the first load's last quarter is more than a tenth above that of its second. Nothing is
filed twice. CPU is that of the server's whole process tree. Writes its table into docs/performance.md, unless --check;
the published run lasts ten minutes (`--seconds 600`).
"""

import argparse
import asyncio
import base64
import contextlib
import math
import multiprocessing
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import uvloop

from core.address import Address
from core.clock import epoch_ms
from core.db import Db
from core.ids import new_id
from core.ins import Ins, key_of
from core.settings import Settings
from crypto.identity import Identity as Signer
from crypto.sign import sign_message
from directory.mailboxes import create_mailbox
from directory.patients import Identity, create_patient
from mail.folders import create_default_folders
from ops.keys import open_keyring
from record import consent
from record.tables import consents
from tests.support.full_cda import full_cda
from tests.support.pli_server import PliServer
from tests.support.process import family

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- filing:begin -->", "<!-- filing:end -->"
PATIENTS, CONNECTIONS, PATIENCE_S = 200, 8, 120
TEXT = "Consultation de suivi. Examen sans particularité. Traitement inchangé, contrôle dans trois mois. " * 25


@dataclass(frozen=True)
class Load:
    """So many mails, so many a second; without end as fast as they are taken. `first` is the first one's number."""

    count: int
    rate: float = math.inf
    first: int = 0

    @property
    def step(self) -> float:
        """How often memory is looked at: some dozens of times."""
        return 10 if self.count / self.rate >= 100 else 2

    def __str__(self) -> str:
        return f"{self.rate:g} a second" if math.isfinite(self.rate) else "as fast as taken"


@dataclass(frozen=True)
class Figures:
    """One load: seconds until the last document was filed, how many mails were accepted and not yet filed at most, CPU
    seconds of the server, memory in MiB by time."""

    load: Load
    filed_s: float
    cpu_s: float
    waiting: int
    memory: tuple[float, ...]

    @property
    def growth(self) -> float:
        """The last quarter's memory over the second quarter's."""
        quarter = max(1, len(self.memory) // 4)
        return statistics.mean(self.memory[-quarter:]) / statistics.mean(
            self.memory[quarter : 2 * quarter] or self.memory
        )


def people() -> list[Identity]:
    """Invented; the matricules say: women, born in March 1979."""
    bodies = [f"2790399{number + 10_000:06}" for number in range(PATIENTS)]
    return [Identity(Ins(each + key_of(each)), "INVENTÉE", "Maëlys", "1979-03-28", "F") for each in bodies]


def populate(home: Path) -> None:
    """Patients who agreed to filing, straight into the instance while nobody runs it."""
    settings = Settings.load(home, environment="demo")
    keyring, db = open_keyring(settings), Db.open(settings.database_url)
    now = datetime.now(UTC)
    for who in people():
        db.run(_one, keyring, who, now)
    db.close()


def _one(session, keyring, who: Identity, now: datetime) -> None:
    box = create_mailbox(session, keyring, Address.parse(address(who)), "PAT", now)
    create_default_folders(session, box.id, now)
    made = create_patient(session, keyring, who, box.id, now)
    row = {"id": new_id(), "patient_id": made.id, "purpose": consent.FILING, "grantee_id": 0, "state": consent.GRANTED}
    session.execute(consents.insert(), row | {"asked_message_id": None, "at": epoch_ms(now)})


def address(who: Identity) -> str:
    return f"{who.ins.matricule}@patient.mssante.fr"


def written(signer: Signer, sender: str, who: Identity, number: int) -> bytes:
    """One signed mail with one document that no other mail has."""
    document = full_cda(who, number=f"{number}", text=f"{TEXT}{number}", label="Compte rendu", code="11488-4")
    headers = (
        f"From: <{sender}>\r\nTo: <{address(who)}>\r\nSubject: Compte rendu\r\n"
        f"Date: Mon, 01 Jun 2026 10:00:00 +0200\r\nMessage-ID: <filing.{number}.{os.getpid()}@bench.example>\r\n"
    ).encode()
    part = (
        b"Content-Type: multipart/mixed; boundary=pli\r\n\r\n--pli\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        b"Bonjour,\r\n--pli\r\nContent-Type: text/xml\r\nContent-Disposition: attachment; filename=doc.xml\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(document).replace(b"\n", b"\r\n").rstrip()
        + b"\r\n--pli--\r\n"
    )
    return sign_message(headers, part, signer.key, signer.certificate, signer.chain)


class Mails:
    """All that is sent, as SMTP wants it, in one file: ten minutes of it are more than memory should hold."""

    def __init__(self, path: Path, signer: Signer, sender: str, load: Load) -> None:
        """Write and sign them."""
        self.path, self.sender, self._to, self._ends = path, sender, list[str](), [0]
        known = people()
        with path.open("wb") as file:
            for number in range(load.first, load.first + load.count):
                who = known[number % PATIENTS]
                raw = written(signer, sender, who, number)
                self._to.append(address(who))
                file.write(raw.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
                self._ends.append(file.tell())
            os.fsync(file.fileno())

    def each(self) -> Iterator[tuple[str, bytes]]:
        """To whom, and what follows DATA."""
        with self.path.open("rb") as file:
            for to, (begin, end) in zip(self._to, pairwise(self._ends), strict=True):
                yield to, file.read(end - begin)


def send(port: int, mails: Mails, rate: float, accepted: Any) -> None:
    """In a process of its own: `rate` mails a second; late ones follow as fast as they are taken."""
    uvloop.run(_send_all(port, mails, rate, accepted))


async def _send_all(port: int, mails: Mails, rate: float, accepted: Any) -> None:
    began, left = time.monotonic(), enumerate(mails.each())

    async def one_connection() -> None:
        async with _Smtp(port) as smtp:
            for number, (to, data) in left:
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                await smtp.send(mails.sender, to, data)
                accepted.value += 1

    await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))


class _Smtp:
    """Just enough SMTP, with PIPELINING."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> "_Smtp":
        self._in, self._out = await asyncio.open_connection("127.0.0.1", self._port)
        await self._expect(b"220")
        self._out.write(b"EHLO bench.example\r\n")
        await self._expect(b"250")
        return self

    async def send(self, sender: str, to: str, data: bytes) -> None:
        self._out.write(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
        for word in (b"250", b"250", b"354"):
            await self._expect(word)
        self._out.write(data)
        await self._expect(b"250")

    async def _expect(self, word: bytes) -> None:
        while (line := await self._in.readline())[3:4] == b"-":
            pass
        if not line.startswith(word):
            raise RuntimeError(f"refused: {line!r}")

    async def __aexit__(self, *exc: object) -> None:
        self._out.close()


def memory_mib(pid: int) -> float:
    """Resident memory of the process and its descendants, shared pages counted once a process."""
    total = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def states(database: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM documents GROUP BY state"))


def measure(server: PliServer, load: Load) -> Figures:
    """Raises RuntimeError when a mail was refused or a document is elsewhere than in a record."""
    user, database = server.user("physician"), next(server.home.glob("*.db"))
    signer = Signer.load(user["certificate"], user["key"])
    mails = Mails(server.home.with_name("mails"), signer, user["address"], load)
    accepted = multiprocessing.Value("I", 0, lock=False)
    before, cpu, began = states(database).get("filed", 0), server.cpu_seconds(), time.monotonic()
    args = (server.port("mx"), mails, load.rate, accepted)
    sender = multiprocessing.get_context("fork").Process(target=send, args=args)
    sender.start()
    memory, waiting, end = [], 0, math.inf
    while True:
        taken, found = accepted.value, states(database).get("filed", 0) - before
        now, waiting = time.monotonic() - began, max(waiting, taken - found)
        if now >= len(memory) * load.step:
            memory.append(memory_mib(server.process.pid))
        if not sender.is_alive():
            end = min(end, now + PATIENCE_S)
        if found >= load.count or now > end:
            break
        time.sleep(1)
    sender.join()
    if sender.exitcode or found != load.count:
        raise RuntimeError(f"sender ended with {sender.exitcode}; {states(database)} of {load.count}")
    return Figures(load, now, server.cpu_seconds() - cpu, waiting, tuple(memory))


def table(runs: Sequence[Figures]) -> str:
    head = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {date.today():%Y-%m-%d}; loopback, SQLite."
    )
    titles = (
        "mails sent",
        "documents",
        "s until the last is filed",
        "documents filed a second",
        "most accepted, not yet filed",
        "CPU ms/document",
        "memory MiB: start, middle, end",
    )
    lines = [titles, ("---",) * len(titles), *map(_row, runs)]
    return f"{head}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(of: Figures) -> tuple[str, ...]:
    count, mib = of.load.count, of.memory
    return (
        str(of.load),
        f"{count}",
        f"{of.filed_s:.0f}",
        f"{count / of.filed_s:.0f}",
        f"{of.waiting}",
        f"{of.cpu_s * 1000 / count:.2f}",
        f"{mib[0]:.0f}, {mib[len(mib) // 2]:.0f}, {mib[-1]:.0f}",
    )


def write(text: str) -> None:
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Documents filed a second.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=float, default=110.0)
    parser.add_argument("--flood", type=int, default=10_000)
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    steady = Load(int(args.seconds * args.rate), args.rate)
    loads = [steady, *([Load(args.flood, first=steady.count)] if args.flood else [])]
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        server = PliServer(Path(made) / "pli", ["--insecure-loopback"])
        with server:
            pass
        populate(server.home)
        with server:
            runs = [measure(server, load) for load in loads]
    text = table(runs)
    print(text)
    if not args.check:
        write(text)
    if args.seconds >= 60 and runs[0].growth > 1.1:
        sys.exit(f"memory grew by {runs[0].growth - 1:.0%} between the second quarter and the last")


if __name__ == "__main__":
    main()
