"""Mail out: Pli relays to Debian's Postfix over mutual TLS: `python -m tests.bench.relay [--messages 400] [--check]`.

A demo user submits messages of 4 KiB, all different, over ten connections; the clock runs from the first connection
until Postfix has filed every one of them in its Maildirs. CPU is that of Pli's process tree, submission, queue, TLS and
the sender's own record among it. Writes the table into docs/performance.md between its markers, unless --check.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from core.db import Db
from crypto.authority import Authority
from directory.trusted import load_trusted
from tests.bench.corpus import body
from tests.bench.smtp import GENERATOR, PAGE
from tests.support.pli_server import PliServer
from tests.support.postfix_peer import PostfixPeer
from tests.support.process import wait_until

BEGIN, END = "<!-- relay:begin -->", "<!-- relay:end -->"
PEER, BOXES, SIZE = "clinique.voisine.mssante.test", 20, 4096


@contextmanager
def pair(folder: Path) -> Iterator[tuple[PliServer, PostfixPeer]]:
    """Pli, and a Postfix that stands on its list of trusted domains."""
    home = folder / "pli"
    with PliServer(home, ["--insecure-loopback"]):
        pass  # made; what follows is read at the next start
    authority = Authority.load(home / "tls" / "ca.pem", home / "tls" / "ca.key")
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "postfix").mkdir(mode=0o755)
    with PostfixPeer(folder / "postfix", authority, folder / "ca.pem", PEER, users=BOXES) as peer:
        db = Db.open(f"sqlite:///{home / 'pli.db'}")
        db.run(load_trusted, [(PEER, peer.identity.certificate.subject.rfc4514_string())])
        db.close()
        (home / "pli.toml").write_text(f'[relay.routes]\n"{PEER}" = "localhost:{peer.smtp}"\n')
        with PliServer(home, ["--insecure-loopback"]) as server:
            yield server, peer


def write_corpus(folder: Path, sender: str, count: int) -> None:
    folder.mkdir()
    text = body(SIZE - 250, seed=1)
    for number in range(count):
        head = (
            f"From: <{sender}>\r\nTo: <box@{PEER}>\r\nSubject: load test message\r\n"
            f"Date: Mon, 01 Jun 2026 10:00:00 +0200\r\nMessage-ID: <relay.{number}@bench.example>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
        )
        (folder / f"{number:06}.eml").write_bytes(head.encode() + text)


def submit(server: PliServer, user: dict[str, Any], corpus: Path, count: int) -> dict[str, Any]:
    """Raises RuntimeError when a message was refused."""
    command = [sys.executable, str(GENERATOR), "--port", str(server.port("submission")), "--messages", str(count)]
    command += ["--connections", "10", "--auth", f"{user['login']}:{user['password']}", "--sender", user["address"]]
    command += ["--users", str(BOXES), "--rcpt", f"box{{n}}@{PEER}", "--corpus", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    if result["errors"] or result["accepted"] != count:
        raise RuntimeError(f"accepted {result['accepted']} of {count}: {result['errors']}")
    return result


def filed(peer: PostfixPeer) -> int:
    boxes = (peer.home / "mail" / f"box{number}" / "new" for number in range(BOXES))
    return sum(len(os.listdir(box)) for box in boxes if box.is_dir())


def measure(folder: Path, count: int) -> str:
    with pair(folder) as (server, peer):
        user = server.user("physician")
        write_corpus(folder / "corpus", user["address"], count)
        cpu, begun = server.cpu_seconds(), time.monotonic()
        result = submit(server, user, folder / "corpus", count)
        accepted = time.monotonic() - begun
        wait_until(lambda: filed(peer) >= count, seconds=150, what="the peer's mailboxes")
        relayed, used = time.monotonic() - begun, server.cpu_seconds() - cpu
    return (
        "| messages | accepted/s | at the peer/s | submission p50 ms | p99 ms | CPU ms/message |\n"
        "|---|---|---|---|---|---|\n"
        f"| {count} | {count / accepted:.0f} | {count / relayed:.0f} | {result['latency_ms']['p50']:.1f} "
        f"| {result['latency_ms']['p99']:.1f} | {used * 1000 / count:.2f} |\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Messages a second to another operator.")
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # Postfix drops its rights
        text = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}, {date.today():%Y-%m-%d}; 4 KiB, loopback.\n\n"
        text += measure(folder, args.messages)
    print(text)
    if not args.check:
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
