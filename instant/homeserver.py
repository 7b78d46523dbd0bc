"""The homeserver as our child: started, known to be ours, started again when it ends, stopped with us."""

import asyncio
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import structlog

from core.errors import Temporary
from instant.synapse_process import begin, tell

START_S = 180.0  # of a busy machine; a child that ends is noticed at once
STOP_S = 5.0
LOOK_S = 0.05
LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp, proc(5)

log = structlog.get_logger()


class HomeserverDown(Temporary):
    """Synapse did not start, or somebody else answers on its port."""


class Homeserver:
    """One Synapse process on the files in `folder`, listening on loopback `port`."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self._folder, self._port = folder, port
        self.url = f"http://{host}:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    def spawn(self, begun: "subprocess.Popen[bytes] | None" = None) -> None:
        """Begin, from the main thread; or take over a child that was `begun` before. Raises HomeserverDown."""
        if _owners(self._port):
            raise HomeserverDown(f"port {self._port} (matrix) is taken", "the homeserver's port is taken")
        self._process = begun or begin()
        tell(self._process, self._folder)

    async def start(self) -> None:
        """Returns when it answers, and the answer is our child's; begun here if not before. Raises HomeserverDown."""
        if self._process is None or self._process.poll() is not None:
            self.spawn()
        await self._until_ready()

    async def wait(self) -> int:
        """Until the process ends; its exit code."""
        if self._process is None:
            raise HomeserverDown("the homeserver was not started")
        await _ended(self._process)
        return self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after five seconds."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(_ended(self._process), STOP_S)
        except TimeoutError:
            self._process.kill()
        self._process.wait()

    async def _until_ready(self) -> None:
        end = time.monotonic() + START_S
        async with httpx2.AsyncClient(timeout=2, trust_env=False, verify=False) as client:
            while time.monotonic() < end:
                if self.pid is None:
                    raise HomeserverDown("the homeserver ended at its start", "synapse ended: see matrix/start.log")
                with suppress(httpx2.HTTPError):
                    answer = await client.get(f"{self.url}/health")
                    if answer.status_code == 200:
                        self._check_ours()
                        return
                await asyncio.sleep(LOOK_S)
        await self.stop()
        raise HomeserverDown("the homeserver did not answer in time")

    def _check_ours(self) -> None:
        """A homeserver left by an earlier run would answer as well."""
        if self.pid not in _owners(self._port):
            raise HomeserverDown(f"port {self._port} (matrix) is another process's", "the port is not our child's")


async def _ended(process: "subprocess.Popen[bytes]") -> None:
    """Without a thread, and without looking again and again: pidfd_open(2)."""
    if process.poll() is not None:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    handle = os.pidfd_open(process.pid)
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _owners(port: int) -> set[int]:
    """Process ids that listen on this port, as far as we may see; -1 for one that we may not."""
    inodes = {
        fields[9]
        for table in ("tcp", "tcp6")
        for line in _lines(Path("/proc/net") / table)
        if (fields := line.split())[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    if not inodes:
        return set()
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _holds(folder, wanted)} or {-1}


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text().splitlines()[1:]
    except OSError:
        return []


def _holds(process: Path, wanted: set[str]) -> bool:
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                if str(link.readlink()) in wanted:
                    return True
    return False
