"""`pli demo` with its chat plays the chat's scenes after the mail's, and tells plain clients how to log in."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.flow import STEPS, Flow
from tests.support.pli_server import PLI, ROOT, PliServer

pytestmark = pytest.mark.slow

CHAT_STEPS = ["chat_start", "chat_rooms", "chat_ask", "chat_mail", "chat_answer"]


@pytest.fixture
def server() -> Iterator[PliServer]:
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield PliServer(Path(folder) / "home", chat=True)


def test_the_chat_plays_after_the_mail(server: PliServer) -> None:
    options = ["--home", str(server.home), "--port-offset", str(server.offset), "--headless", "--json"]
    done = subprocess.run(
        [*PLI, "demo", *options], cwd=ROOT, env=server.env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [step["step"] for step in told["steps"]] == STEPS + CHAT_STEPS
    assert told["ok"]
    assert not [word for word in ("patient.mssante", "@", "279039912300") if word in done.stdout]
    Flow(server).assert_clean()


def test_it_says_how_to_log_in_with_element(server: PliServer) -> None:
    options = ["--home", str(server.home), "--port-offset", str(server.offset), "--headless"]
    done = subprocess.run(
        [*PLI, "demo", *options], cwd=ROOT, env=server.env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    _, _, told = done.stdout.partition("Dans Element")
    assert f"http://127.0.0.1:{8008 + server.offset}" in told
    assert (
        len(re.findall(r"^  (physician|pharmacist|colleague) +@\w+:chat\.demo\.mssante\.test  \S+$", told, re.M)) == 3
    )
