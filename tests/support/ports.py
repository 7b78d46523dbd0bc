"""Free TCP ports on loopback, for servers that cannot take port 0 themselves."""

import fcntl
import random
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

PLI_PORTS = (2525, 2587, 2465, 2143, 2993, 8025, 2389, 8008)
OFFSETS = range(1000, 30_000, 10)  # stays below Linux's ephemeral range, which starts at 32768


_ours: list[IO[bytes]] = []  # reservations, held until this process ends


def reserve(ports: Iterable[int]) -> bool:
    """Whether all of these are ours now: a server that was killed for a moment finds its ports again."""
    folder, taken = Path(tempfile.gettempdir()) / "pli-test-ports", []
    folder.mkdir(exist_ok=True)
    for port in ports:
        taken.append((folder / str(port)).open("ab"))
        try:
            fcntl.flock(taken[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            for file in taken:
                file.close()
            return False
    _ours.extend(taken)
    return True


def is_free(port: int) -> bool:
    """True when nobody listens on, or is bound to, this loopback port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port below the ephemeral range, so that no client socket takes it before the server does."""
    for _ in range(200):
        port = random.randrange(20_000, 32_000)
        if is_free(port) and reserve((port,)):
            return port
    raise OSError("no free loopback port found")


def free_offset(ports: Iterable[int] = PLI_PORTS) -> int:
    """An offset (`--port-offset`) at which each of `ports` is free and stays below the ephemeral range."""
    ports = tuple(ports)
    for _ in range(200):
        offset = random.choice(OFFSETS)
        wanted = [port + offset for port in ports]
        if max(wanted) < 32_768 and all(map(is_free, wanted)) and reserve(wanted):
            return offset
    raise OSError("no free port offset found")
