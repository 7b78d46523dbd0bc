"""Whoever steals disk and database without the keyring reads nothing.

After the whole demonstration, on both databases, no matricule, name, subject or address of a patient stands anywhere,
in any encoding; nor after an erasure, nor in a backup.
"""

import base64
import json
import quopri
import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.ins import Ins
from ops.demo.cast import PASSWORD, PATIENTS
from tests.support.flow import Flow
from tests.support.plaintext import found_in
from tests.support.pli_server import PLI, ROOT, PliServer
from tests.support.postgres import PostgresCluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# What the demonstration's outside world owns: keys of the mail clients, what tells them where to connect.
OUTSIDE = ("demo.json", "keyring.json", "keys/", "tls/", "papers/")
# The annuaire is public, and its invented professionals have our patients' first names; the raw file holds it, too.
PUBLIC = ("Extraction_", "entries", "directory_", "annuaire", "pli.db", "pg_dump")
SUBJECTS = ("Ordonnance", "Compte rendu", "voici mon ordonnance", "ordonnance.pdf", "Votre dossier", "votre accord")


def words() -> list[str]:
    people = [word for one in PATIENTS for word in (*numbers(one.ins), one.birth_date, one.family)]
    return [*people, *SUBJECTS, PASSWORD]


def names() -> list[str]:
    return [one.given for one in PATIENTS]


def numbers(ins: Ins) -> list[str]:
    plain = ins.matricule
    return [plain, plain[:13], " ".join((plain[0], plain[1:3], plain[3:5], plain[5:7], plain[7:10], plain[10:13]))]


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[PliServer]:
    """Played to its end, and stopped."""
    env = {}
    if request.param == "postgresql":
        cluster: PostgresCluster = request.getfixturevalue("postgres")
        env["PLI_DATABASE__URL"] = cluster.create_database()
    server = PliServer(folder / request.param, env=env)
    command = [*PLI, "demo", "--home", str(server.home), "--port-offset", str(server.offset), "--headless", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["ok"], done.stdout
    yield server
    Flow(server).assert_clean()


def everything(server: PliServer) -> Iterator[tuple[str, bytes]]:
    """Each file, each cell of each table, and the whole dump."""
    for path in server.home.rglob("*"):
        name = str(path.relative_to(server.home))
        if path.is_file() and not name.startswith(OUTSIDE):
            yield name, path.read_bytes()
    if url := server.env.get("PLI_DATABASE__URL"):
        plain = url.replace("+psycopg", "")
        yield "pg_dump", subprocess.run(["pg_dump", plain], capture_output=True, check=True).stdout
        with psycopg.connect(plain) as postgres:
            tables = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            yield from cells(postgres, [row[0] for row in tables])
        return
    with closing(sqlite3.connect(server.home / "pli.db")) as sqlite:
        tables = sqlite.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        yield from cells(sqlite, [row[0] for row in tables])


def cells(connection: Any, tables: list[str]) -> Iterator[tuple[str, bytes]]:
    for table in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"').fetchall():
            yield table, b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row)


def told(server: PliServer) -> set[tuple[str, str]]:
    """What a thief would read: place and word."""
    found = list(everything(server))
    private = [(place, data) for place, data in found if not place.startswith(PUBLIC)]
    return {*found_in(found, words()), *found_in(private, names())}


def test_a_stolen_copy_tells_nothing_and_an_erased_patient_is_gone(server: PliServer, tmp_path: Path):
    assert not told(server)
    with server:
        login = server.info["users"][0]["login"]
        backup = server.cli("backup", str(tmp_path / "backup"))
        assert json.loads(backup)["messages"] > 5
        server.cli("patient", "erase", login, "--yes")
        assert '"problems": []' in server.cli("verify-data", "--json")
        assert '"problems": []' in server.cli("audit", "verify", "--json")
    assert not told(server)
    copies = ((str(path), path.read_bytes()) for path in (tmp_path / "backup").rglob("*") if path.is_file())
    assert not found_in(copies, words())


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_the_search_finds_what_it_looks_for(before: str):
    word = "D'AUBIGNÉ"
    inside = f"{before}{word} et la suite".encode()
    disguises = (
        inside,
        f"{before}{word}".encode("utf-16-le"),
        base64.b64encode(inside),
        quopri.encodestring(inside),
        b"\\x" + inside.hex().encode(),
        zlib.compress(inside),
        word.lower().encode(),
    )
    for data in disguises:
        assert found_in([("here", data)], [word]) == [("here", word)]
    assert not found_in([("here", bytes(range(256)) * 40)], words())
