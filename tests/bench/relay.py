"""Mail out, to another operator over mutual TLS: `python -m tests.bench.relay [--messages 2000] [--check]`.

Pli and a Postfix of the same machine each send to a second Postfix, in turn. Mails of 4 KiB, all different, come over
ten connections; the clock runs from the first connection until the second Postfix has filed every one of them in its
Maildirs. At Pli a user has logged in; Postfix takes them without. CPU is that of the sender's process tree: with Pli
submission, queue, TLS and the sender's own record among it. Writes the table into docs/performance.md between its
markers, unless --check.
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
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from core.db import Db
from crypto.authority import Authority
from directory.trusted import load_trusted
from tests.bench.corpus import body
from tests.bench.smtp import GENERATOR, PAGE
from tests.support.pli_server import PliServer
from tests.support.postfix_peer import PostfixPeer
from tests.support.postfix_sender import PostfixSender
from tests.support.process import wait_until

BEGIN, END = "<!-- relay:begin -->", "<!-- relay:end -->"
OWN = "cabinet.mssante.test"
PEER, BOXES, SIZE = "clinique.voisine.mssante.test", 20, 4096


class Sender(Protocol):
    """Who is measured."""

    def cpu_seconds(self) -> float: ...


@dataclass(frozen=True)
class Measured:
    """One sender's figures. `how`: what the generator has to know to hand over mail."""

    name: str
    server: Sender
    sender: str
    how: tuple[str, ...]


@contextmanager
def houses(folder: Path) -> Iterator[tuple[tuple[Measured, Measured], PostfixPeer]]:
    """Pli and a Postfix, and a second Postfix that stands on Pli's list of trusted domains."""
    home = folder / "pli"
    with PliServer(home, ["--insecure-loopback"]):
        pass  # made; what follows is read at the next start
    authority = Authority.load(home / "tls" / "ca.pem", home / "tls" / "ca.key")
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    for name in ("peer", "postfix"):
        (folder / name).mkdir(mode=0o755)
    with PostfixPeer(folder / "peer", authority, folder / "ca.pem", PEER, users=BOXES) as peer:
        listed(home, peer)
        (home / "pli.toml").write_text(f'[relay.routes]\n"{PEER}" = "localhost:{peer.smtp}"\n')
        postfix = PostfixSender(folder / "postfix", authority, folder / "ca.pem", peer.smtp, OWN)
        with PliServer(home, ["--insecure-loopback"]) as pli, postfix:
            yield (by_pli(pli), by_postfix(postfix)), peer


def listed(home: Path, peer: PostfixPeer) -> None:
    db = Db.open(f"sqlite:///{home / 'pli.db'}")
    db.run(load_trusted, [(PEER, peer.identity.certificate.subject.rfc4514_string())])
    db.close()


def by_pli(server: PliServer) -> Measured:
    user = server.user("physician")
    login = ("--port", str(server.port("submission")), "--auth", f"{user['login']}:{user['password']}")
    return Measured("Pli, SQLite", server, user["address"], login)


def by_postfix(server: PostfixSender) -> Measured:
    return Measured("Postfix", server, f"medecin@{OWN}", ("--port", str(server.smtp)))


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


def submit(who: Measured, corpus: Path, count: int) -> dict[str, Any]:
    """Raises RuntimeError when a message was refused."""
    command = [sys.executable, str(GENERATOR), *who.how, "--messages", str(count), "--connections", "10"]
    command += ["--sender", who.sender, "--users", str(BOXES), "--rcpt", f"box{{n}}@{PEER}", "--corpus", str(corpus)]
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


def row(who: Measured, peer: PostfixPeer, folder: Path, count: int) -> str:
    corpus, there = folder / f"corpus-{who.name.split(',')[0]}", filed(peer)
    write_corpus(corpus, who.sender, count)
    cpu, begun = who.server.cpu_seconds(), time.monotonic()
    result = submit(who, corpus, count)
    accepted = time.monotonic() - begun
    wait_until(lambda: filed(peer) - there >= count, seconds=300, what="the peer's mailboxes")
    relayed, used = time.monotonic() - begun, who.server.cpu_seconds() - cpu
    times = result["latency_ms"]
    return (
        f"| {who.name} | {count / accepted:.0f} | {count / relayed:.0f} | {times['p50']:.1f} | {times['p99']:.1f} "
        f"| {used * 1000 / count:.2f} |\n"
    )


def measure(folder: Path, count: int) -> str:
    text = "| Sender | accepted/s | at the peer/s | submission p50 ms | p99 ms | CPU ms/message |\n"
    text += "|---|---|---|---|---|---|\n"
    with houses(folder) as (senders, peer):
        return text + "".join(row(who, peer, folder, count) for who in senders)


def main() -> None:
    parser = argparse.ArgumentParser(description="Messages a second to another operator.")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # Postfix drops its rights
        text = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}, {date.today():%Y-%m-%d}; "
        text += f"{args.messages} mails of 4 KiB, loopback.\n\n"
        text += measure(folder, args.messages)
    print(text)
    if not args.check:
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
