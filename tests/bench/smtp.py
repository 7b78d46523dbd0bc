"""Messages per second until durable in the mailbox: Pli beside Debian's Postfix and Dovecot, in the same run.

    python -m tests.bench.smtp [--kinds 4k,signed,200k,10m,tls] [--rounds 1] [--only pli,postgres,two,lmtp] [--check]

Each round loads every server once with the same load (20 mailboxes, loopback), in an order that turns from round to
round; a server that is not its turn is idle. Reported is the median of the rounds. The clock runs from the first
connection until IMAP shows every accepted message; signed ones are verified by then, and one mailbox is asked whether
the verdict is "pass". CPU is that of the server's whole process tree. Flushes (fsync, fdatasync) per message are
counted by strace in a load of their own. The load generator lives outside the repository: PLI_TEST_SHARED or ../shared
names its folder. Writes the tables into docs/performance.md between its markers, unless --check.
"""

import argparse
import contextlib
import imaplib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

from crypto.authority import Authority
from crypto.identity import Identity
from tests.bench.corpus import write_signed
from tests.support.brokers import Redis
from tests.support.pli_server import PliServer
from tests.support.postfix_dovecot import PostfixDovecot
from tests.support.postgres import PostgresCluster
from tests.support.process import family

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = Path(os.environ.get("PLI_TEST_SHARED", ROOT.parent / "shared")) / "bench" / "smtp_load.py"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- smtp:begin -->", "<!-- smtp:end -->"
COUNTED = {"pli", "lmtp", "virtual"}  # whose flushes their own processes make
USERS, PASSWORD = 20, "bench-password"
FLUSH_MESSAGES = 200
NAMES = {
    "pli": "Pli, SQLite",
    "postgres": "Pli, PostgreSQL (whose own CPU and flushes are not counted)",
    "two": "Pli, PostgreSQL, two processes: server and worker, Redis between them",
    "lmtp": "Postfix, LMTP to Dovecot",
    "virtual": "Postfix virtual(8), Dovecot IMAP",
}


@dataclass(frozen=True)
class Kind:
    """A load: octets a message, messages a round, connections at a time."""

    title: str
    size: int
    messages: int
    connections: int = 20
    signed: bool = False
    tls: bool = False


KINDS = {
    "4k": Kind("4 KiB", 4096, 5000),
    "signed": Kind("4 KiB, S/MIME-signed by a demo user, verified by Pli before visible", 4096, 2000, signed=True),
    "200k": Kind("200 KiB", 200 * 1024, 1000),
    "10m": Kind("10 MiB", 10 * 1024 * 1024, 40, connections=4),
    "tls": Kind("4 KiB, STARTTLS on every connection, five messages each", 4096, 1000, tls=True),
}


class Target(Protocol):
    """A started server: its ports, its processes, and the CPU seconds they have used."""

    @property
    def smtp(self) -> int: ...
    @property
    def imap(self) -> int: ...
    @property
    def pids(self) -> list[int]: ...
    def cpu_seconds(self) -> float: ...


class PliTarget:
    """`pli demo --serve-only --insecure-loopback` with the load's mailboxes."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.server = PliServer(home, ["--insecure-loopback"], env)

    def __enter__(self) -> "PliTarget":
        self.server.start()
        accounts = ["account", "bulk", "--count", str(USERS), "--address", "box{n}@bench.example"]
        self.server.cli(*accounts, "--password", PASSWORD)
        self.smtp, self.imap = self.server.port("mx"), self.server.port("imap")
        return self

    @property
    def pids(self) -> list[int]:
        return [self.server.process.pid]

    def signer(self) -> tuple[Identity, str]:
        """A professional of the demonstration, whom the server trusts, and the address."""
        user = self.server.user("physician")
        return Identity.load(user["certificate"], user["key"]), user["address"]

    def cpu_seconds(self) -> float:
        return self.server.cpu_seconds()

    def __exit__(self, *exc: object) -> None:
        self.server.stop()


class TwoTarget(PliTarget):
    """The same on PostgreSQL with its worker in a process of its own."""

    def __init__(self, home: Path, url: str, broker: str) -> None:
        apart = {"PLI_DATABASE__URL": url, "PLI_WORKER__EMBEDDED": "false", "PLI_WORKER__BROKER": broker}
        super().__init__(home, apart)
        self._worker = PliServer(home, env=apart, command=["worker"], log=home.with_name("worker.log"))

    def __enter__(self) -> "TwoTarget":
        super().__enter__()
        self._worker.start(wait=False)
        return self

    @property
    def pids(self) -> list[int]:
        return [*super().pids, self._worker.process.pid]

    def cpu_seconds(self) -> float:
        return super().cpu_seconds() + self._worker.cpu_seconds()

    def __exit__(self, *exc: object) -> None:
        self._worker.stop()
        super().__exit__(*exc)


@dataclass(frozen=True)
class Figure:
    """One load on one server: messages/s until visible, SMTP latency in ms, CPU ms of the server per message, MiB/s
    until accepted."""

    per_s: float
    p50: float
    p99: float
    cpu_ms: float
    mib_s: float


class Loads:
    """Loads servers; signed corpora are made anew for each load, since a repeat would be recognised."""

    def __init__(self, folder: Path, signer: tuple[Identity, str] | None) -> None:
        self._folder = folder
        self._signer = signer
        self._made = 0

    def run(self, target: Target, kind: Kind, messages: int) -> Figure:
        """Raises RuntimeError when a message was refused or did not arrive: the figure would be worth nothing."""
        command = [sys.executable, str(GENERATOR), "--port", str(target.smtp), "--messages", str(messages)]
        command += ["--connections", str(kind.connections), "--users", str(USERS), "--timeout", "160"]
        command += ["--rcpt", "box{n}@bench.example", *self._content(kind, messages)]
        command += ["--wait-imap", f"127.0.0.1:{target.imap}", "--wait-user", "box{n}@bench.example:" + PASSWORD]
        if kind.tls:
            command += ["--tls", "starttls", "--per-connection", "5"]
        before = target.cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        result: dict[str, Any] = json.loads(done.stdout)
        if result["errors"] or result["accepted"] != messages:
            raise RuntimeError(f"accepted {result['accepted']} of {messages}: {result['errors']}")
        cpu_ms = (target.cpu_seconds() - before) * 1000 / messages
        latency = result["latency_ms"]
        return Figure(result["delivered_per_s"], latency["p50"], latency["p99"], cpu_ms, result["mib_per_s"])

    def _content(self, kind: Kind, messages: int) -> list[str]:
        if not kind.signed:
            return ["--size", str(kind.size)]
        if self._signer is None:
            raise RuntimeError("signed messages are signed by a demo user: run Pli, too")
        self._made += 1
        corpus = self._folder / f"corpus{self._made}"
        write_signed(corpus, *self._signer, messages, kind.size, seed=self._made)
        return ["--corpus", str(corpus), "--sender", self._signer[1]]


def flushes(loads: Loads, target: Target, kind: Kind, log: Path) -> float:
    """fsync and fdatasync per message, counted in a load that is not timed."""
    running = {each for pid in target.pids for each in family(pid)}  # Postfix's own are there before we look
    pids = [argument for pid in running for argument in ("-p", str(pid))]
    command = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(log), *pids]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as strace:
        loads.run(target, kind, FLUSH_MESSAGES)
        strace.terminate()
    return sum("sync(" in line for line in log.read_text().splitlines()) / FLUSH_MESSAGES


def check_verified(target: Target) -> None:
    """Every signed message of a mailbox has its verdict, and it is "pass". Raises RuntimeError."""
    client = imaplib.IMAP4("127.0.0.1", target.imap)
    client.login("box1@bench.example", PASSWORD)
    client.select("INBOX", readonly=True)
    bad = client.search(None, "HEADER", "Content-Type", "multipart/signed", "UNKEYWORD", "$SignaturePass")[1][0]
    client.logout()
    if bad:
        raise RuntimeError(f"signed messages without verdict: {bad!r}")


def median(figures: list[Figure]) -> Figure:
    return Figure(*(statistics.median(getattr(f, name) for f in figures) for name in Figure.__dataclass_fields__))


def rounds(loads: Loads, targets: dict[str, Target], kind: Kind, count: int) -> dict[str, list[Figure]]:
    figures: dict[str, list[Figure]] = {name: [] for name in targets}
    order = list(targets)
    for target in targets.values():
        loads.run(target, kind, max(kind.connections, kind.messages // 5))  # warm: processes forked, files created
    for number in range(count):
        for name in order:
            figures[name].append(loads.run(targets[name], kind, kind.messages))
            print(f"{kind.title}, round {number + 1} {name}: {figures[name][-1]}", file=sys.stderr)
        order = [*order[1:], order[0]]
    return figures


def table(figures: dict[str, list[Figure]], kind: Kind, counted: dict[str, float]) -> str:
    head = f"**{kind.title}**: {kind.messages} messages, {kind.connections} connections, {USERS} mailboxes; "
    head += f"median of {len(next(iter(figures.values())))} rounds (lowest to highest).\n\n"
    titles = ["Server", "messages/s until in the mailbox", "p50 ms", "p99 ms", "CPU ms/message", "MiB/s accepted"]
    titles += ["flushes/message"] if counted else []
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name, runs in figures.items():
        mid, span = median(runs), sorted(run.per_s for run in runs)
        speed = f"{mid.per_s:.0f} ({span[0]:.0f} to {span[-1]:.0f})"
        line = f"| {NAMES[name]} | {speed} | {mid.p50:.1f} | {mid.p99:.1f} | {mid.cpu_ms:.2f} | {mid.mib_s:.1f} |"
        lines.append(line + (f" {counted[name]:.2f} |" if name in counted else " – |" if counted else ""))
    return head + "\n".join(lines) + "\n"


def write(text: str) -> None:
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


def start(name: str, folder: Path, stack: contextlib.ExitStack) -> Target:
    home = folder / name
    if name == "pli":
        return stack.enter_context(PliTarget(home, {}))
    if name in ("postgres", "two"):
        url = stack.enter_context(PostgresCluster()).create_database()
        if name == "two":
            return stack.enter_context(TwoTarget(home, url, stack.enter_context(Redis()).url))
        return stack.enter_context(PliTarget(home, {"PLI_DATABASE__URL": url}))
    home.mkdir(mode=0o755)
    authority = Authority.create("Bench", now=datetime.now(UTC))
    tls = authority.issue_server(["localhost"], now=datetime.now(UTC)).save(folder, name)
    return stack.enter_context(PostfixDovecot(home, users=USERS, password=PASSWORD, delivery=name, tls=tls))


def main() -> None:
    parser = argparse.ArgumentParser(description="SMTP throughput of Pli beside Postfix and Dovecot.")
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated: " + " ".join(KINDS))
    parser.add_argument("--messages", type=int, help="in a round, instead of each kind's own number")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="pli,postgres,two,lmtp", help="comma-separated: " + " ".join(NAMES))
    parser.add_argument("--flushes", default="4k,signed", help="kinds for which strace counts them; empty for none")
    parser.add_argument("--check", action="store_true", help="print the tables, leave docs/performance.md alone")
    args = parser.parse_args()
    text = f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {date.today():%Y-%m-%d}; loopback.\n"
    with tempfile.TemporaryDirectory(prefix="bench-") as made, contextlib.ExitStack() as stack:
        folder = Path(made)
        folder.chmod(0o755)
        targets = {name: start(name, folder, stack) for name in args.only.split(",")}
        ours = [target for target in targets.values() if isinstance(target, PliTarget)]
        loads = Loads(folder, ours[0].signer() if ours else None)
        for key in args.kinds.split(","):
            kind = KINDS[key]
            if args.messages:
                kind = Kind(**{**vars(kind), "messages": args.messages})
            figures = rounds(loads, targets, kind, args.rounds)
            if kind.signed:
                check_verified(ours[0])
            watched = {n: t for n, t in targets.items() if n in COUNTED and key in args.flushes.split(",")}
            counted = {name: flushes(loads, target, kind, folder / "strace") for name, target in watched.items()}
            text += "\n" + table(figures, kind, counted)
    print(text)
    if not args.check:
        write(text)


if __name__ == "__main__":
    main()
