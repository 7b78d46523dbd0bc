"""An import that was killed once its edition was in use is ended by the next start; until then doctor tells of it."""

import json
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.db import Db
from directory.following import STEPS
from directory.national import FILES, generate
from directory.tables import entries
from directory.unfinished import there_is
from tests.support.annuaire import import_that_dies
from tests.support.logscan import assert_clean
from tests.support.pli_server import PLI, ROOT, PliServer
from tests.support.process import wait_until

pytestmark = pytest.mark.slow


def test_a_start_ends_what_was_cut_short(tmp_path: Path) -> None:
    generate(tmp_path / "files", seed=7, activities=400, mailboxes=120, progress=lambda *_: None)
    server = PliServer(tmp_path / "home")
    with server:
        pass
    url, folder = f"sqlite:///{server.home}/pli.db", server.home / "annuaire"
    before = count(url)
    boxes = tmp_path / "boxes.txt"
    more = (tmp_path / "files" / FILES["mssante"]).read_text().partition("\n")[2]
    boxes.write_text((folder / "sources" / "mssante").read_text().rstrip("\n") + "\n" + more)
    assert import_that_dies(url, folder, STEPS, 0, [boxes]).wait(120) == -signal.SIGKILL
    assert light(server)["state"] == "warn" and count(url) == before
    with server:
        wait_until(lambda: not there_is(folder), what="the end of the import")
        assert light(server)["state"] == "good"
    assert count(url) > before + 100
    people = [line.split("|")[:11] for line in more.splitlines()]
    assert_clean(server.log, {fields[at] for fields in people for at in (1, 9) if len(fields[at]) > 3})


def light(server: PliServer) -> dict:
    """Whatever else is red: without a server no port answers."""
    command = [*PLI, "doctor", "--json", "--home", str(server.home)]
    said = subprocess.run(command, cwd=ROOT, env=server.env, stdout=subprocess.PIPE, check=False).stdout
    return next(one for one in json.loads(said)["lights"] if one["name"] == "annuaire")


def count(url: str) -> int:
    with closing(Db.open(url)) as db:
        return db.read(lambda session: session.execute(select(func.count()).select_from(entries)).scalar_one())
