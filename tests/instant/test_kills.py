"""Killed at each named point, and the homeserver too: nothing lost, doubled or unreadable, on both sides.

`python -m tests.support.kill_bridge 100 --events 10000` is the whole drill.
"""

import tempfile
from pathlib import Path

import pytest

from tests.support.kill_bridge import POINTS, Drill

pytestmark = [pytest.mark.slow, pytest.mark.long(100)]
EVENTS = 150


async def test_a_bridge_killed_at_each_point_loses_and_doubles_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="pli-kill-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        drill = Drill(Path(folder))
        drill.prepare()
        tally = await drill.run(len(POINTS), EVENTS)
    assert tally.kills == len(POINTS)
    assert len(tally.said) >= EVENTS and len(tally.mailed) > 4 * len(POINTS)
    assert tally.repeats > EVENTS // 25
    assert tally.wrong == {}
