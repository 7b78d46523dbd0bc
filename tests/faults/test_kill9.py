"""R1: what was acknowledged survives kill -9 at any moment, exactly once, and is filed exactly once.

PLI_TEST_KILLS and PLI_TEST_SEED choose the run.

This proves the recovery of the process only: the page cache outlives it. test_power_cut proves the syncs.
"""

import random
from pathlib import Path

import pytest

from tests.faults.harness import SEED, assert_kept, live_a_little, loaded_server, new_ledger, setting
from tests.support.senders import Senders

KILLS = setting("KILLS", 100)

pytestmark = [pytest.mark.slow, pytest.mark.long(400), pytest.mark.timeout(120 + 15 * KILLS)]


def test_nothing_acknowledged_is_lost_over_kills_under_load(folder: Path) -> None:
    server, pick = loaded_server(folder / "home"), random.Random(SEED)
    ledger = new_ledger(server)
    try:
        with Senders(ledger, server.smtp):
            for _ in range(KILLS):
                server.start()
                live_a_little(pick)
                server.kill9()
            server.start()
        assert_kept(server, ledger, at_least=KILLS)
    finally:
        server.kill9()
