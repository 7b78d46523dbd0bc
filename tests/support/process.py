"""Other people's servers as child processes: start, wait until they answer, stop, and what CPU they used."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def wait_until(ready: Callable[[], bool], *, seconds: float = 60, what: str = "the server") -> None:
    """Poll `ready` until it holds. Raises TimeoutError: polling another process has no better signal than asking it."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} was not ready after {seconds} s")
        time.sleep(0.02)


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """True when something accepts a TCP connection there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def runs(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """`answers`, but fails at once when the process has ended."""
    if process.poll() is not None:
        raise OSError(f"{process.args!r} ended with {process.returncode}")
    return answers(port)


def stop(process: "subprocess.Popen[bytes]", *, seconds: float = 30) -> None:
    """Ask the process to end; after `seconds` kill it with all its descendants."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            signal_family(process.pid, signal.SIGKILL)
    process.wait()


def owned_by(user: str, *folders: Path) -> None:
    """Make folders that a server running as `user` may write into."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            subprocess.run(["chown", user, str(folder)], check=True)


def as_user(user: str) -> list[str]:
    """Command prefix that drops root's rights; nothing when we are not root anyway."""
    if os.getuid():
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]


def _stat(pid: str) -> list[str]:
    try:
        return (Path("/proc") / pid / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []  # it has just ended: its parent's figures hold its time


def _processes() -> dict[int, list[str]]:
    return {int(pid): fields for pid in os.listdir("/proc") if pid.isdigit() and (fields := _stat(pid))}


def family(root: int) -> set[int]:
    """The process `root` and all its living descendants."""
    parents = {pid: int(fields[1]) for pid, fields in _processes().items()}
    found, grown = {root} & parents.keys(), True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grown, found = bool(more), found | more
    return found


def signal_family(root: int, number: signal.Signals) -> None:
    """Send a signal to `root` and all its descendants, parents first."""
    for pid in sorted(family(root)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def cpu_seconds(root: int) -> float:
    """CPU time, in seconds, of the process `root` and all its descendants, ended ones included."""
    table = _processes()
    return sum(sum(map(int, table[pid][11:15])) for pid in family(root) if pid in table) / TICK
