"""Documents a second from SMTP into records: signed mail, verified, unpacked, compared, sealed, filed, traced.

    python -m tests.bench.filing [--seconds 60] [--rate 110] [--check]

One `pli demo --serve-only` on SQLite; 200 patients who agreed to filing. A physician whom the server trusts sends
signed mails, each with a clinical document (CDA level 3, about 6 KiB) of its own for one of them, `--rate` a second
over eight connections; they are written and signed before the clock starts, and the sender lives in a process of its
own. Every second the database is asked how many documents
are filed, every ten how much memory the server's processes hold. The run fails where a mail is refused, a document is
not filed, or the memory of the last quarter is more than a tenth above that of the second. Nothing is filed twice. CPU
is that of the server's whole process tree. Writes its table into docs/performance.md, unless --check; the published
run lasts ten minutes (`--seconds 600`).
"""

import argparse
import asyncio
import base64
import contextlib
import multiprocessing
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

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
class Figures:
    """One run: seconds until the last document was filed, CPU seconds of the server, memory in MiB by time."""

    documents: int
    sent_s: float
    filed_s: float
    cpu_s: float
    backlog: int
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

    def __init__(self, path: Path, signer: Signer, sender: str, count: int) -> None:
        """Write and sign them."""
        known = people()
        self.path, self.sender, self.to, self._ends = path, sender, [address(who) for who in known], [0]
        with path.open("wb") as file:
            for number in range(count):
                raw = written(signer, sender, known[number % PATIENTS], number)
                file.write(raw.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
                self._ends.append(file.tell())
            os.fsync(file.fileno())

    def __len__(self) -> int:
        return len(self._ends) - 1

    def each(self) -> Iterator[tuple[str, bytes]]:
        """To whom, and what follows DATA."""
        with self.path.open("rb") as file:
            for number in range(len(self)):
                yield self.to[number % PATIENTS], file.read(self._ends[number + 1] - self._ends[number])


def send(port: int, mails: Mails, rate: float) -> None:
    """In a process of its own: `rate` mails a second; late ones follow as fast as they are taken."""
    uvloop.run(_send_all(port, mails, rate))


async def _send_all(port: int, mails: Mails, rate: float) -> None:
    began, left = time.monotonic(), enumerate(mails.each())

    async def one_connection() -> None:
        async with _Smtp(port) as smtp:
            for number, (to, data) in left:
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                await smtp.send(mails.sender, to, data)

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


def measure(server: PliServer, seconds: int, rate: float) -> Figures:
    """Raises RuntimeError when a mail was refused or a document is elsewhere than in a record."""
    user, count = server.user("physician"), int(seconds * rate)
    signer = Signer.load(user["certificate"], user["key"])
    mails = Mails(server.home.with_name("mails"), signer, user["address"], count)
    database = next(server.home.glob("*.db"))
    before, cpu, began = states(database).get("filed", 0), server.cpu_seconds(), time.monotonic()
    sender = multiprocessing.get_context("fork").Process(target=send, args=(server.port("mx"), mails, rate))
    sender.start()
    memory, sent_s, backlog, told = [], 0.0, 0, 0.0
    while True:
        found, now = states(database).get("filed", 0) - before, time.monotonic() - began
        if not sender.is_alive() and not sent_s:
            sent_s = now
        backlog = max(backlog, min(count, int(now * rate)) - found)
        if now >= told:
            memory.append(memory_mib(server.process.pid))
            told += 10 if seconds >= 100 else 2
        if found >= count or (sent_s and now > sent_s + PATIENCE_S):
            break
        time.sleep(1)
    sender.join()
    if sender.exitcode or found != count:
        raise RuntimeError(f"sender ended with {sender.exitcode}; {states(database)} of {count}")
    return Figures(count, sent_s or now, now, server.cpu_seconds() - cpu, backlog, tuple(memory))


def table(figures: Figures, rate: float) -> str:
    head = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {date.today():%Y-%m-%d}; loopback, SQLite. "
    )
    head += f"{figures.documents} signed mails with a document each, {rate:g} a second asked for.\n\n"
    titles = (
        "documents filed a second",
        "last one filed after s",
        "most waiting",
        "CPU ms/document",
        "memory MiB: start, middle, end",
    )
    mib = figures.memory
    row = (
        f"{figures.documents / figures.filed_s:.0f}",
        f"{figures.filed_s:.0f}",
        f"{figures.backlog}",
        f"{figures.cpu_s * 1000 / figures.documents:.2f}",
        f"{mib[0]:.0f}, {mib[len(mib) // 2]:.0f}, {mib[-1]:.0f}",
    )
    return f"{head}| {' | '.join(titles)} |\n{'|---' * len(titles)}|\n| {' | '.join(row)} |\n"


def write(text: str) -> None:
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Documents filed a second.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=float, default=110.0)
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        server = PliServer(Path(made) / "pli", ["--insecure-loopback"])
        with server:
            pass
        populate(server.home)
        with server:
            figures = measure(server, args.seconds, args.rate)
    text = table(figures, args.rate)
    print(text)
    if not args.check:
        write(text)
    if args.seconds >= 60 and figures.growth > 1.1:
        sys.exit(f"memory grew by {figures.growth - 1:.0%} between the second quarter and the last")


if __name__ == "__main__":
    main()
