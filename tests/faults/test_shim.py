"""The fsync shim fails, or lies, at the call it is told to; a SQLite writer never acknowledges what it then loses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import fsync_shim
from tests.support.amnesia import ROOT
from tests.support.reference_writer import read_back


def write(home: Path, mode: str, env: dict[str, str], count: int = 20) -> tuple[list[int], int]:
    """Run the reference writer for `count` items; returns what it acknowledged and its exit code."""
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.support.reference_writer", str(home), mode, str(count)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return [int(line) for line in done.stdout.split()], done.returncode


def calls(log: Path) -> list[str]:
    return [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []


def test_without_switches_the_shim_counts_and_syncs(shim: Path, tmp_path: Path) -> None:
    env = {**os.environ, **fsync_shim.switches(shim, log=tmp_path / "log")}
    assert write(tmp_path / "home", "files", env) == (list(range(20)), 0)
    assert calls(tmp_path / "log") == ["real"] * 40


def test_noop_answers_yes_to_all(shim: Path, tmp_path: Path) -> None:
    env = {**os.environ, **fsync_shim.switches(shim, noop=True, log=tmp_path / "log")}
    assert write(tmp_path / "home", "sqlite", env)[1] == 0
    assert set(calls(tmp_path / "log")) == {"noop"}


def test_a_failure_stays_unless_it_is_told_to_happen_once(shim: Path, tmp_path: Path) -> None:
    body = "import os\nfor n in range(5):\n try: os.fsync(1); print(n)\n except OSError as e: print(e.errno)"
    for once, expected in ((False, "0 1 5 5 5"), (True, "0 1 5 3 4")):
        env = {**os.environ, **fsync_shim.switches(shim, fail_at=3, once=once)}
        with (tmp_path / "out").open("w+") as out:
            subprocess.run([sys.executable, "-c", body], env=env, stdout=out, check=True)
            out.seek(0)
            assert out.read().split() == expected.split()


def test_nothing_is_counted_before_the_arm_file_exists(shim: Path, tmp_path: Path) -> None:
    env = {**os.environ, **fsync_shim.switches(shim, fail_at=1, arm=tmp_path / "armed", log=tmp_path / "log")}
    assert write(tmp_path / "home", "sqlite", env)[1] == 0
    assert calls(tmp_path / "log") == []
    (tmp_path / "armed").touch()
    acked, code = write(tmp_path / "home", "sqlite", env)
    assert (acked, code) == ([], 1)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["sqlite", "files"])
@pytest.mark.parametrize("once", [False, True])
def test_eio_at_each_call_gives_no_false_acknowledgement(shim: Path, tmp_path: Path, mode: str, once: bool) -> None:
    """SQLite's own method: the fault at call 1, 2, 3 … until a run no longer reaches that call.

    A run may succeed in spite of the fault: SQLite does not heed a failed sync of the folder.
    """
    for fail_at in range(1, 200):
        home, log = tmp_path / str(fail_at), tmp_path / f"{fail_at}.log"
        env = {**os.environ, **fsync_shim.switches(shim, fail_at=fail_at, once=once, log=log)}
        acked, code = write(home, mode, env, count=4)
        assert set(acked) <= read_back(home).keys()
        if "EIO" not in calls(log):
            assert (acked, code) == ([0, 1, 2, 3], 0)
            break
    assert fail_at > 4
