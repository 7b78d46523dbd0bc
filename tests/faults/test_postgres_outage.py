"""R6: PostgreSQL away for 20 s, by a crash or frozen: temporary refusals only, nothing lost, nothing twice."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.harness import assert_kept, loaded_server, new_ledger, setting
from tests.support.postgres import PostgresCluster
from tests.support.senders import Senders

OUTAGE_S = setting("OUTAGE_S", 20)
Act = Callable[[PostgresCluster], None]

pytestmark = [pytest.mark.slow, pytest.mark.long(65)]


@pytest.mark.parametrize(
    ("away", "back"),
    [(PostgresCluster.stop, PostgresCluster.start), (PostgresCluster.pause, PostgresCluster.resume)],
    ids=["crash", "freeze"],
)
def test_an_outage_of_the_database_loses_nothing(folder: Path, away: Act, back: Act) -> None:
    with PostgresCluster() as cluster:
        server = loaded_server(folder / "home", {"PLI_DATABASE__URL": cluster.create_database()})
        ledger = new_ledger(server)
        with server, Senders(ledger, server.smtp) as senders:
            senders.wait_acked(50)
            away(cluster)
            gone = time.monotonic()
            time.sleep(OUTAGE_S)  # the length of the fault, not a wait for something
            end = time.monotonic()
            back(cluster)
            senders.wait_acked(50, seconds=60)
            senders.stop()
            answers = [a.code for entry in ledger.entries for a in entry.answers if gone + 1 < a.at < end]
            assert set(answers) <= {421, 451}
            assert_kept(server, ledger, at_least=100)
