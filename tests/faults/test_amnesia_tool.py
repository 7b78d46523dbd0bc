"""The amnesia file system forgets what was not synced, and nothing else. (A fault tool is itself proved first.)"""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fsync_shim
from tests.support.amnesia import ROOT, AmnesiaFs
from tests.support.reference_writer import content, read_back

CUTS = int(os.environ.get("PLI_TEST_TOOL_CUTS", "8"))


@pytest.fixture
def fs(tmp_path: Path) -> Iterator[AmnesiaFs]:
    with AmnesiaFs(tmp_path / "disk", tmp_path / "mnt") as fs:
        yield fs


def sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def cut(fs: AmnesiaFs) -> Path:
    fs.power_cut()
    fs.mount()
    return fs.mountpoint


def test_unsynced_file_is_forgotten(fs: AmnesiaFs) -> None:
    (fs.mountpoint / "a").write_text("gone")
    assert (fs.mountpoint / "a").read_text() == "gone"
    assert list(cut(fs).iterdir()) == []


def test_synced_file_without_synced_folder_has_no_name(fs: AmnesiaFs) -> None:
    (fs.mountpoint / "a").write_text("no name")
    sync(fs.mountpoint / "a")
    assert list(cut(fs).iterdir()) == []


def test_synced_folder_without_synced_file_names_an_empty_file(fs: AmnesiaFs) -> None:
    (fs.mountpoint / "a").write_text("no data")
    sync(fs.mountpoint)
    assert (cut(fs) / "a").read_bytes() == b""


def test_file_and_folder_synced_is_kept_with_its_mode(fs: AmnesiaFs) -> None:
    (fs.mountpoint / "a").write_text("kept")
    (fs.mountpoint / "a").chmod(0o600)
    sync(fs.mountpoint / "a")
    sync(fs.mountpoint)
    kept = cut(fs) / "a"
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("kept", 0o600)


def test_overwrite_and_truncate_need_a_sync_of_the_file(fs: AmnesiaFs) -> None:
    path = fs.mountpoint / "a"
    path.write_bytes(b"x" * 10_000)
    sync(path)
    sync(fs.mountpoint)
    with path.open("r+b") as file:
        file.write(b"y")
        file.truncate(5000)
    assert path.read_bytes() == b"y" + b"x" * 4999
    assert (cut(fs) / "a").read_bytes() == b"x" * 10_000


@pytest.mark.parametrize("synced", [False, True])
def test_rename_needs_a_sync_of_the_folder(fs: AmnesiaFs, synced: bool) -> None:
    old, new = fs.mountpoint / "a.tmp", fs.mountpoint / "a"
    new.write_text("before")
    sync(new)
    sync(fs.mountpoint)
    old.write_text("after")
    sync(old)
    old.rename(new)
    if synced:
        sync(fs.mountpoint)
    home = cut(fs)
    assert [path.name for path in home.iterdir()] == ["a"]
    assert (home / "a").read_text() == ("after" if synced else "before")


def test_unlink_needs_a_sync_of_the_folder(fs: AmnesiaFs) -> None:
    (fs.mountpoint / "a").write_text("back")
    sync(fs.mountpoint / "a")
    sync(fs.mountpoint)
    (fs.mountpoint / "a").unlink()
    assert (cut(fs) / "a").read_text() == "back"
    (fs.mountpoint / "a").unlink()
    sync(fs.mountpoint)
    assert list(cut(fs).iterdir()) == []


def test_a_folder_synced_before_its_own_name_is_kept_once_the_name_is(fs: AmnesiaFs) -> None:
    inner = fs.mountpoint / "x" / "y"
    inner.mkdir(parents=True)
    (inner / "a").write_text("deep")
    for path in (inner / "a", inner, fs.mountpoint / "x"):
        sync(path)
    assert list((fs.backing).glob("x")) == []
    sync(fs.mountpoint)
    assert (cut(fs) / "x" / "y" / "a").read_text() == "deep"


def test_open_unlinked_file_stays_readable_and_leaves_no_trace(fs: AmnesiaFs) -> None:
    with (fs.mountpoint / "a").open("w+") as file:
        (fs.mountpoint / "a").unlink()
        file.write("spool")
        file.seek(0)
        assert file.read() == "spool"
        os.fsync(file.fileno())
        sync(fs.mountpoint)
    assert list(cut(fs).iterdir()) == []


def test_a_socket_works_and_does_not_survive(fs: AmnesiaFs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fs.mountpoint)  # a short path: a socket's has at most 107 octets
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("s")
        server.listen()
        client.connect("s")
    sync(fs.mountpoint)
    monkeypatch.undo()
    assert list(cut(fs).iterdir()) == []


def test_clean_unmount_keeps_everything(fs: AmnesiaFs) -> None:
    (fs.mountpoint / "x").mkdir()
    (fs.mountpoint / "x" / "a").write_text("kept")
    fs.close()
    assert (fs.backing / "x" / "a").read_text() == "kept"


def cut_the_writer(fs: AmnesiaFs, mode: str, env: dict[str, str], pick: random.Random) -> list[int]:
    """Let the writer acknowledge a random number of items, cut the power under it, and return what it acknowledged."""
    command = [sys.executable, "-m", "tests.support.reference_writer", str(fs.mountpoint), mode]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        assert writer.stdout
        acked = [int(writer.stdout.readline()) for _ in range(pick.randrange(1, 150))]
        fs.power_cut()
        writer.kill()
        acked += [int(line) for line in writer.stdout if line.endswith(b"\n")]
    fs.mount()
    return acked


def lost_and_torn(fs: AmnesiaFs, mode: str, env: dict[str, str], cuts: int) -> tuple[int, int, int]:
    pick, acked = random.Random(7), set[int]()
    for _ in range(cuts):
        acked.update(cut_the_writer(fs, mode, env, pick))
    found = read_back(fs.mountpoint)
    torn = [number for number in acked & found.keys() if found[number] != content(number)]
    return len(acked), len(acked - found.keys()), len(torn)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["sqlite", "files"])
def test_a_writer_that_syncs_loses_nothing(fs: AmnesiaFs, mode: str) -> None:
    acked, lost, torn = lost_and_torn(fs, mode, dict(os.environ), CUTS)
    assert (acked > CUTS, lost, torn) == (True, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["sqlite-off", "files-off"])
def test_a_writer_that_does_not_sync_is_caught(fs: AmnesiaFs, mode: str) -> None:
    acked, lost, _ = lost_and_torn(fs, mode, dict(os.environ), 1)
    assert lost == acked > 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["sqlite", "files"])
def test_a_writer_whose_syncs_are_made_to_lie_is_caught(fs: AmnesiaFs, mode: str, shim: Path) -> None:
    env = {**os.environ, **fsync_shim.switches(shim, noop=True)}
    acked, lost, _ = lost_and_torn(fs, mode, env, 1)
    assert lost == acked > 0
