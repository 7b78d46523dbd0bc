"""IMAP commands on a mailbox of 10,000 messages: Pli beside Debian's Dovecot, in the same run.

    python tests/bench/imap.py [--messages 10000] [--connections 200] [--seconds 8] [--rest 20] [--limit 1200] [--check]

Both servers hold the same messages of 4 KiB, put there by APPEND, rest for a while, and are started anew. Each is asked
the same commands three times each: `first` is the first answer after the start, `warm` the median; the ratios are to
Dovecot warm. Then 20 connections fetch and store at random, and 200 wait in IDLE while mail is delivered by SMTP. Each
step is told on stderr as it ends; after --limit seconds in all the run is given up, with the name of the step that was
under way, and no server is left behind. The load generator lives outside the repository: PLI_TEST_SHARED or ../shared
names its folder. Writes the table into docs/performance.md between its markers, unless --check.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.pli_server import PliServer  # noqa: E402  the path above makes `tests` importable
from tests.support.postfix_dovecot import PostfixDovecot  # noqa: E402

GENERATOR = Path(os.environ.get("PLI_TEST_SHARED", ROOT.parent / "shared")) / "bench" / "imap_load.py"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- imap:begin -->", "<!-- imap:end -->"
USERS, SIZE, PASSWORD = 20, 4096, "bench-password"
COMMANDS = {
    "select": "SELECT",
    "fetch_flags_all": "FETCH 1:* (UID FLAGS)",
    "fetch_headers_all": "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)",
    "fetch_header_fields_all": "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])",
    "fetch_bodies_1000": "FETCH 1:1000 (UID BODY.PEEK[])",
    "search_unseen": "SEARCH UNSEEN",
    "search_subject": "SEARCH SUBJECT",
    "search_text": "SEARCH TEXT",
    "store_1000": "STORE 1:1000 +FLAGS.SILENT",
}
Figures = dict[str, Any]


@dataclass
class Bound:
    """The seconds that the whole run may take, and what it is doing."""

    limit: float
    begun: float = field(default_factory=time.monotonic)

    def left(self, step: str) -> float:
        """Raises SystemExit when nothing is left."""
        left = self.begun + self.limit - time.monotonic()
        if left <= 0:
            self.over(step)
        return left

    def told(self, step: str) -> None:
        print(f"{time.monotonic() - self.begun:6.1f} s  {step}", file=sys.stderr, flush=True)

    def over(self, step: str) -> NoReturn:
        raise SystemExit(f"given up after {self.limit:g} s, during: {step}")


class Asking:
    """The generator's runs against one server."""

    def __init__(self, name: str, port: int, bound: Bound) -> None:
        self._name, self._port, self._bound = name, port, bound

    def __call__(self, *words: str) -> Figures:
        """One run. Raises SystemExit with its errors, or when the time is over."""
        step = f"{self._name}, {words[0]}"
        user = ["--user", "box{n}@bench.example:" + PASSWORD]
        command = [sys.executable, str(GENERATOR), "--port", str(self._port), *user, *words]
        left = self._bound.left(step)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left)
        except subprocess.TimeoutExpired:
            self._bound.over(step)
        if done.returncode:
            raise SystemExit(f"{step} failed: {done.stderr[-2000:]}")
        self._bound.told(step)
        found: Figures = json.loads(done.stdout)
        return found


def measure(
    ask: Asking, server: "PliServer | PostfixDovecot", smtp: int, pids: list[int], args: argparse.Namespace
) -> Figures:
    """What the generator says, and the CPU seconds of the server for the commands and for the mixed load."""
    before = server.cpu_seconds()
    ops = ask("ops")
    _check(ops)
    between = server.cpu_seconds()
    mix = ask("mix", "--seconds", str(args.seconds))
    after = server.cpu_seconds()
    words = ["--connections", str(args.connections), "--users", str(USERS), "--deliver", f"smtp:127.0.0.1:{smtp}"]
    words += ["--deliveries", "40", "--notify-timeout", "2"]  # Dovecot's later notices may never come: inotify's limits
    idle = ask("idle", *words, "--rcpt", "box{n}@bench.example", "--pids", *map(str, pids))
    return {"ops": ops, "mix": mix, "idle": idle, "cpu": between - before, "cpu_mix": after - between}


def _check(ops: Figures) -> None:
    """A command that was refused has no time."""
    refused = {name: ops[name]["error"] for name in COMMANDS if "error" in ops[name]}
    if refused:
        raise SystemExit(f"refused: {refused}")


def pli(home: Path, bound: Bound, args: argparse.Namespace) -> Figures:
    environment = {"PLI_LIMITS__CONNECTIONS": "6000", "PLI_LIMITS__CONNECTIONS_PER_CLIENT": "6000"}
    server = PliServer(home, ["--insecure-loopback"], environment)
    with server:
        accounts = ["account", "bulk", "--count", str(USERS), "--address", "box{n}@bench.example"]
        server.cli(*accounts, "--password", PASSWORD)
        _fill(Asking("Pli", server.port("imap"), bound), bound, args)
    with server:
        ask = Asking("Pli", server.port("imap"), bound)
        return measure(ask, server, server.port("mx"), [server.process.pid], args)


def dovecot(home: Path, bound: Bound, args: argparse.Namespace) -> Figures:
    home.mkdir(mode=0o755)
    server = PostfixDovecot(home, users=USERS, password=PASSWORD)
    ask = Asking("Dovecot", server.imap, bound)
    with server:
        _fill(ask, bound, args)
    with server:
        return measure(ask, server, server.smtp, server.pids, args)


def _fill(ask: Asking, bound: Bound, args: argparse.Namespace) -> None:
    ask("fill", "--messages", str(args.messages), "--size", str(SIZE))
    time.sleep(min(args.rest, bound.left("rest")))


def table(ours: Figures, peer: Figures, args: argparse.Namespace) -> str:
    head = f"{args.messages} messages of {SIZE} bytes, no TLS, loopback; median of 3, in ms; both rested "
    head += f"{args.rest:g} s between filling and restart. Load of the machine {os.getloadavg()[0]:.0f}. "
    head += f"{os.cpu_count()} cores, {platform.system()}, {date.today():%Y-%m-%d}.\n\n"
    rows = ["| Command | Pli first | Pli warm | Dovecot first | Dovecot warm | first / warm peer | warm / warm peer |"]
    rows.append("|---" * 7 + "|")
    for name, shown in COMMANDS.items():
        one, two = ours["ops"][name], peer["ops"][name]
        figures = one["first_ms"], one["ms"], two["first_ms"], two["ms"]
        rows.append(_row(shown, *map(str, figures), _ratio(one["first_ms"], two["ms"]), _ratio(one["ms"], two["ms"])))
    rows += _others(ours, peer, args)
    return head + "\n".join(rows) + "\n"


def _others(ours: Figures, peer: Figures, args: argparse.Namespace) -> list[str]:
    """What has no first time."""
    rate = ours["mix"]["commands_per_s"], peer["mix"]["commands_per_s"]
    idle = ours["idle"], peer["idle"]
    found = [("20 connections, mixed, commands/s", *rate)]
    for mark in ("p50", "p99"):
        waits = (each["notify_ms"][mark] for each in idle)
        found.append((f"{args.connections} in IDLE, delivery to notice {mark}", *waits))
    found.append(("notices that did not come within 2 s", *(each["missing"] for each in idle)))
    found.append(("MiB a connection in IDLE", *(each.get("mib_per_connection", 0.0) for each in idle)))
    found.append(("CPU s of the server, all commands above", ours["cpu"], peer["cpu"]))
    cost = (one["cpu_mix"] * 1000 / (each * args.seconds) for one, each in zip((ours, peer), rate, strict=True))
    found.append(("CPU ms a command, mixed", *cost))
    return [_row(what, "–", f"{one:.4g}", "–", f"{two:.4g}", "–", _ratio(one, two)) for what, one, two in found]


def _ratio(one: float, two: float) -> str:
    return f"{one / two:.2f}" if two else "–"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def write(text: str) -> None:
    page = PAGE.read_text()
    if BEGIN not in page:
        page += f"\n## IMAP: a mailbox of 10,000 messages\n`tests/bench/imap.py`.\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description="IMAP of Pli beside Dovecot.")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rest", type=float, default=20, help="seconds between filling and restart, for both")
    parser.add_argument("--limit", type=float, default=1200, help="seconds for the whole run")
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # the servers end with us
    bound = Bound(args.limit)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        ours = pli(Path(folder) / "pli", bound, args)
        text = table(ours, dovecot(Path(folder) / "dovecot", bound, args), args)
    print(text)
    if not args.check:
        write(text)


if __name__ == "__main__":
    main()
