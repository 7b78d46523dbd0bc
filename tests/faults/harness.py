"""What the fault tests share: a `pli` with mailboxes for the load, letters that are filed, the verdict at the end."""

import os
import random
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg

from tests.support.brokers import Broker
from tests.support.ledger import Ledger, plain_message
from tests.support.pli_server import PliServer
from tests.support.postgres import PostgresCluster
from tests.support.process import wait_until
from tests.support.senders import found

PASSWORD = "load-password"
BOXES = [f"box{number}@bench.example" for number in range(4)]
SEED = int(os.environ.get("PLI_TEST_SEED", "1"))
QUICK = {"PLI_OUTBOX__LEASE_SECONDS": "3", "PLI_OUTBOX__SWEEP_SECONDS": "1"}  # a dead worker's task is free again soon
BOUNDARY = "=_a-letter-of-the-load"


def setting(name: str, default: int) -> int:
    """A count that a nightly run raises: PLI_TEST_<name>."""
    return int(os.environ.get(f"PLI_TEST_{name}", default))


def loaded_server(home: Path, env: Mapping[str, str] | None = None, log: Path | None = None) -> PliServer:
    """A stopped server whose instance exists and holds the mailboxes BOXES."""
    server = PliServer(home, ["--insecure-loopback"], {**QUICK, **(env or {})}, log=log)
    with server:
        address = "box{n}@bench.example"
        server.cli("account", "bulk", "--count", str(len(BOXES)), "--address", address, "--password", PASSWORD)
    return server


def new_ledger(server: PliServer) -> Ledger:
    """Letters to the load's mailboxes and to a patient, into whose record what is attached goes."""
    return Ledger([*BOXES, server.user("patient")["login"]], letter)


def letter(message_id: str, number: int) -> bytes:
    """A message with one attached text, different for each number."""
    head, _, text = plain_message(message_id, number).decode().partition("\r\n\r\n")
    fields = [line for line in head.split("\r\n") if not line.startswith(("MIME-Version", "Content-Type"))]
    fields += ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{BOUNDARY}"']
    attached = f'Content-Type: text/plain; charset=us-ascii\r\nContent-Disposition: attachment; filename="{number}.txt"'
    parts = ["Content-Type: text/plain\r\n\r\nBonjour,", f"{attached}\r\n\r\n{message_id}\r\n{text}"]
    body = "".join(f"--{BOUNDARY}\r\n{part}\r\n" for part in parts)
    return ("\r\n".join(fields) + f"\r\n\r\n{body}--{BOUNDARY}--\r\n").encode()


def live_a_little(pick: random.Random) -> None:
    """20 to 400 ms under load: the moment of the fault is chance, not a wait for something."""
    time.sleep(pick.uniform(0.02, 0.4))


def query(server: PliServer, statement: str) -> list[tuple[int, ...]]:
    """Read the server's database from outside: counts and row numbers only, everything else is sealed."""
    url = server.env.get("PLI_DATABASE__URL", "")
    if url:
        with psycopg.connect(url) as postgres:
            return postgres.execute(statement.encode()).fetchall()
    with closing(sqlite3.connect(f"file:{server.home / 'pli.db'}?mode=ro", uri=True)) as sqlite:
        return sqlite.execute(statement).fetchall()


def wait_work_done(server: PliServer, *, seconds: float = 180) -> None:
    """Until no promise of the outbox is open."""
    unfinished = "SELECT count(*) FROM outbox WHERE state IN ('waiting', 'leased')"
    wait_until(lambda: query(server, unfinished) == [(0,)], seconds=seconds, what="the outbox")


def assert_kept(server: PliServer, ledger: Ledger, *, at_least: int) -> None:
    """The verdict, on a running server: every promise kept, enough of them made, filed once, the stored data sound."""
    seen = list(found(ledger, server.imap(PASSWORD)))
    finding = ledger.compare(seen)
    assert finding.clean, finding
    assert finding.acked >= at_least
    assert_filed_once(server, sum(item.recipient not in BOXES for item in seen))
    server.cli("verify-data")


def assert_filed_once(server: PliServer, letters: int) -> None:
    """Each letter in the patient's mailbox has exactly one document, and no work was given up."""
    wait_work_done(server)
    assert query(server, "SELECT count(*) FROM outbox WHERE state = 'buried'") == [(0,)]
    counts = query(server, "SELECT message_id, count(*) FROM documents GROUP BY message_id")
    assert [count for _, count in counts] == [1] * letters


def production_shape(broker: Broker, postgres: PostgresCluster) -> dict[str, str]:
    """Settings under which `pli serve` and `pli worker` are two processes with PostgreSQL and a broker between them."""
    return {
        "PLI_DATABASE__URL": postgres.create_database(),
        "PLI_WORKER__BROKER": broker.url,
        "PLI_WORKER__EMBEDDED": "false",
    }
