"""A worker killed in the middle of its work: the work is done, and done once."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.harness import (
    SEED,
    assert_kept,
    letter,
    live_a_little,
    loaded_server,
    production_shape,
    query,
    setting,
)
from tests.support.brokers import Broker, RabbitMq, Redis
from tests.support.ledger import Ledger
from tests.support.pli_server import PliServer
from tests.support.postgres import PostgresCluster
from tests.support.process import wait_until
from tests.support.senders import Senders

KILLS = setting("WORKER_KILLS", 10)
LETTERS = 100  # before each start: more than a worker, which takes some thirty at once, can do before it is killed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 15 * KILLS)]


@pytest.fixture(params=[RabbitMq, Redis])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with request.param() as broker:
        yield broker


def test_work_of_a_killed_worker_is_done_once(folder: Path, broker: Broker, postgres: PostgresCluster) -> None:
    env = production_shape(broker, postgres)
    server, pick = loaded_server(folder / "home", env), random.Random(SEED)
    worker = PliServer(server.home, (), server.env, command=["worker"], log=folder / "worker.log")
    torn_away = 0
    with ExitStack() as stack:
        stack.enter_context(server)
        stack.callback(worker.kill9)
        ledger = Ledger([server.user("patient")["login"]], letter)  # each letter is work
        for _ in range(KILLS):
            with Senders(ledger, server.smtp, limit=ledger.acked + LETTERS) as senders:
                senders.wait_acked(LETTERS)
            worker.start(wait=False)
            wait_at_work(server)
            live_a_little(pick)
            worker.kill9()
            torn_away += leased(server)
        worker.start(wait=False)
        assert_kept(server, ledger, at_least=LETTERS * KILLS)
    assert torn_away, "no kill met a worker in the middle of its work"


def wait_at_work(server: PliServer) -> None:
    """Until the worker that has just been started has taken something, or done it already."""
    statement = "SELECT count(*) FROM outbox WHERE state = 'done' OR state = 'leased'"
    before = query(server, statement)
    wait_until(lambda: query(server, statement) > before, what="the worker")


def leased(server: PliServer) -> int:
    return query(server, "SELECT count(*) FROM outbox WHERE state = 'leased'")[0][0]
