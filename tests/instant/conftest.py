"""A demonstration with its chat, one for each file of tests."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.clamav import ClamAv
from tests.support.flow import Flow
from tests.support.matrix_user import MatrixUser
from tests.support.pli_server import PliServer
from tests.support.talk import Talk


@pytest.fixture(scope="session")
def chat() -> Iterator[Flow]:
    """A running demonstration whose homeserver answers, with a real clamd. Its log is read when the tests are over."""
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp", ignore_cleanup_errors=True) as folder, ClamAv() as clam:
        env = {"PLI_ANTIVIRUS__CLAMD": str(clam.socket)}
        with PliServer(Path(folder) / "home", env=env, chat=True) as server:
            flow = Flow(server)
            yield flow
        flow.assert_clean()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def talk(chat: Flow, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    """The physician in the room of her mailbox, on a device of each file of tests."""
    matrix = chat.info["matrix"]
    user = next(one for one in matrix["users"] if one["role"] == "physician")
    room = next(one["room_id"] for one in matrix["rooms"] if one["user_id"] == user["user_id"])
    folder = tmp_path_factory.mktemp("nio")
    async with MatrixUser(matrix["url"], user["user_id"], user["password"], folder) as physician:
        await physician.joined(room)
        yield Talk(chat, physician, room)
