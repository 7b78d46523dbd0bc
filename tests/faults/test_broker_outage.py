"""R7: the broker away for 20 s: mail is taken as before, and what it asks for is done once a worker hears of it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.harness import assert_kept, loaded_server, new_ledger, production_shape, setting
from tests.support.brokers import Broker, RabbitMq, Redis
from tests.support.pli_server import PliServer
from tests.support.postgres import PostgresCluster
from tests.support.senders import Senders

OUTAGE_S = setting("OUTAGE_S", 20)

pytestmark = [pytest.mark.slow, pytest.mark.long(80)]


@pytest.fixture(params=[RabbitMq, Redis])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with request.param() as broker:
        yield broker


def test_mail_is_taken_while_the_broker_is_away(folder: Path, broker: Broker, postgres: PostgresCluster) -> None:
    server = loaded_server(folder / "home", production_shape(broker, postgres))
    worker = PliServer(server.home, (), server.env, command=["worker"], log=folder / "worker.log")
    with ExitStack() as stack:
        stack.enter_context(server)
        stack.callback(worker.kill9)
        worker.start(wait=False)
        ledger = new_ledger(server)
        with Senders(ledger, server.smtp, limit=1200) as senders:
            senders.wait_acked(50)
            broker.stop()
            gone = time.monotonic()
            senders.wait_acked(100, seconds=OUTAGE_S)
            rest = max(0.0, gone + OUTAGE_S - time.monotonic())
            time.sleep(rest)  # the length of the fault, not a wait for something
            broker.start()
            senders.wait_acked(50)
        refused = [a.code for entry in ledger.entries for a in entry.answers if a.code >= 400]
        assert refused == []
        assert_kept(server, ledger, at_least=200)
