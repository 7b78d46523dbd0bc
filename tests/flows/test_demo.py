"""`pli demo` plays its scenario on both databases, twice on one instance, and says in one line why when it cannot."""

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.flow import STEPS, Flow
from tests.support.pli_server import PLI, ROOT, PliServer
from tests.support.postgres import PostgresCluster

pytestmark = pytest.mark.slow

HARMED = ("tampered", "spoofed")


def demo(server: PliServer, *args: str) -> subprocess.CompletedProcess[str]:
    """`pli demo` on this server's home, to its end."""
    command = [*PLI, "demo", "--home", str(server.home), "--port-offset", str(server.offset), *server.args, *args]
    return subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, check=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, folder: Path) -> Iterator[PliServer]:
    """Where there is no instance yet."""
    env = {}
    if request.param == "postgresql":
        cluster: PostgresCluster = request.getfixturevalue("postgres")
        env["PLI_DATABASE__URL"] = cluster.create_database()
    yield PliServer(folder / request.param, env=env)
    shutil.rmtree(folder / request.param)


def test_the_scenario_holds_and_can_be_played_again(fresh: PliServer) -> None:
    first, second = played(fresh), played(fresh)
    assert first["draft"]["facts"]["provenance"] == "PDF"
    assert first["photo"]["facts"]["provenance"] == "photo du patient"
    told = [(first[step]["facts"]["verdict"], first[step]["facts"]["reason"]) for step in ("receive", *HARMED)]
    assert told == [("pass", "ok"), ("fail", "content-changed"), ("fail", "from-is-not-signer")]
    orders = {run[step]["facts"]["order"] for run in (first, second) for step in ("draft", "photo")}
    assert len(orders) == 4
    assert '"problems": []' in fresh.cli("verify-data", "--json")
    Flow(fresh).assert_clean()


def played(server: PliServer) -> dict[str, dict]:
    """The steps of one run, each of which held."""
    done = demo(server, "--headless", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["ok"]
    assert [step["step"] for step in told["steps"]] == STEPS
    assert all(step["ok"] and step["ms"] >= 0 for step in told["steps"])
    assert not [word for word in ("patient.mssante", "@", "279039912300") if word in done.stdout]
    return {step["step"]: step for step in told["steps"]}


@pytest.mark.parametrize("port", [2525, 2465, 2143, 2993, 8025])
def test_a_taken_port_is_one_line(port: int, copy: Callable[[str], Path]) -> None:
    server = PliServer(copy(f"port-{port}"))
    with socket.create_server(("127.0.0.1", port + server.offset)):
        refused(demo(server, "--headless", "--json"), str(port + server.offset))


def test_a_home_has_one_server(copy: Callable[[str], Path]) -> None:
    with PliServer(copy("busy")) as server:
        other = PliServer(server.home)
        refused(demo(other, "--headless", "--json"), "another process")
        refused(demo(other, "--reset", "--serve-only"), "another process")
        assert server.ready_path.exists()
        assert json.loads(server.cli("account", "list", "--json"))
    Flow(server).assert_clean()


@pytest.mark.parametrize("environment", ["production", "test"])
def test_no_loopback_without_tls_outside_the_demonstration(environment: str, folder: Path) -> None:
    server = PliServer(folder / environment, env={"PLI_ENVIRONMENT": environment})
    refused(demo(server, "--serve-only", "--insecure-loopback"), "insecure_loopback")
    assert not server.home.exists()


def test_an_instance_that_is_no_demonstration_is_left_alone(folder: Path) -> None:
    server = PliServer(folder / "real")
    server.cli("migrate")
    keyring = (server.home / "keyring.json").read_bytes()
    for args in (["--serve-only"], ["--headless", "--reset"]):
        refused(demo(server, *args), "demonstration")
    assert (server.home / "keyring.json").read_bytes() == keyring


def refused(done: subprocess.CompletedProcess[str], why: str) -> None:
    """One clear line on standard error, nothing else."""
    assert done.returncode not in (0, None)
    assert done.stdout == ""
    assert done.stderr.startswith("pli: ")
    assert done.stderr.count("\n") == 1
    assert why in done.stderr
