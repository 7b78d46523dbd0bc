"""IMAP commands on a mailbox of 10,000 messages: Pli beside Debian's Dovecot, in the same run.

    python tests/bench/imap.py [--messages 10000] [--connections 200] [--seconds 8] [--rest 20] [--check]

Both servers hold the same messages of 4 KiB, put there by APPEND, rest for a while, and are started anew. Each is asked
the same commands three times each: `first` is the first answer after the start, `warm` the median. Then 20 connections
fetch and store at random, and 200 wait in IDLE while mail is delivered by SMTP. The load generator lives outside the
repository: PLI_TEST_SHARED or ../shared names its folder. Writes the table into docs/performance.md between its
markers, unless --check.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

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


def ask(port: int, *words: str) -> Figures:
    """One run of the generator. Raises RuntimeError with its errors."""
    command = [sys.executable, str(GENERATOR), "--port", str(port), "--user", "box{n}@bench.example:" + PASSWORD]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: Figures = json.loads(done.stdout)
    return found


def idle(imap: int, smtp: int, connections: int, pids: list[int]) -> Figures:
    words = ["idle", "--connections", str(connections), "--users", str(USERS), "--deliver", f"smtp:127.0.0.1:{smtp}"]
    words += ["--rcpt", "box{n}@bench.example", "--pids", *map(str, pids)]
    return ask(imap, *words)


def measure(server: "PliServer | PostfixDovecot", ports: tuple[int, int], pids: list[int], args: Any) -> Figures:
    imap, smtp = ports
    return {
        "ops": ask(imap, "ops"),
        "mix": ask(imap, "mix", "--seconds", str(args.seconds)),
        "idle": idle(imap, smtp, args.connections, pids),
        "cpu": server.cpu_seconds(),
    }


def pli(home: Path, args: Any) -> Figures:
    options = ["--insecure-loopback"]
    environment = {"PLI_LIMITS__CONNECTIONS": "6000", "PLI_LIMITS__CONNECTIONS_PER_CLIENT": "6000"}
    server = PliServer(home, options, environment)
    with server:
        accounts = ["account", "bulk", "--count", str(USERS), "--address", "box{n}@bench.example"]
        server.cli(*accounts, "--password", PASSWORD)
        ask(server.port("imap"), "fill", "--messages", str(args.messages), "--size", str(SIZE))
        time.sleep(args.rest)
    with server:
        ports = server.port("imap"), server.port("mx")
        return measure(server, ports, [server.process.pid], args)


def dovecot(home: Path, args: Any) -> Figures:
    home.mkdir(mode=0o755)
    server = PostfixDovecot(home, users=USERS, password=PASSWORD)
    with server:
        ask(server.imap, "fill", "--messages", str(args.messages), "--size", str(SIZE))
        time.sleep(args.rest)
    with server:
        return measure(server, (server.imap, server.smtp), server.pids, args)


def table(ours: Figures, peer: Figures, args: Any) -> str:
    head = f"{args.messages} messages of {SIZE} bytes, no TLS, loopback; median of 3, in ms; both rested "
    head += f"{args.rest:g} s between filling and restart. Load of the machine {os.getloadavg()[0]:.0f}. "
    head += f"{os.cpu_count()} cores, {platform.system()}, {date.today():%Y-%m-%d}.\n\n"
    rows = ["| Command | Pli warm | Dovecot warm | ratio | Pli first | Dovecot first |", "|---|---|---|---|---|---|"]
    for name, shown in COMMANDS.items():
        one, two = ours["ops"][name], peer["ops"][name]
        ratio = one["ms"] / two["ms"]
        rows.append(f"| {shown} | {one['ms']} | {two['ms']} | {ratio:.2f} | {one['first_ms']} | {two['first_ms']} |")
    mix = ours["mix"]["commands_per_s"], peer["mix"]["commands_per_s"]
    rows.append(f"| 20 connections, mixed, commands/s | {mix[0]} | {mix[1]} | {mix[0] / mix[1]:.2f} | – | – |")
    waits = ours["idle"]["notify_ms"], peer["idle"]["notify_ms"]
    for mark in ("p50", "p99"):
        what = f"{args.connections} in IDLE, delivery to notice {mark}"
        rows.append(f"| {what} | {waits[0][mark]} | {waits[1][mark]} | {waits[0][mark] / waits[1][mark]:.2f} | – | – |")
    memory = ours["idle"].get("mib_per_connection", 0.0), peer["idle"].get("mib_per_connection", 0.0)
    rows.append(f"| MiB a connection in IDLE | {memory[0]} | {memory[1]} | – | – | – |")
    return head + "\n".join(rows) + "\n"


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
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        ours = pli(Path(folder) / "pli", args)
        text = table(ours, dovecot(Path(folder) / "dovecot", args), args)
    print(text)
    if not args.check:
        write(text)


if __name__ == "__main__":
    main()
