"""Begins the homeserver's process, which loads Synapse while its parent still makes the files. Loads nothing itself."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def begin() -> "subprocess.Popen[bytes]":
    """From the main thread: the child ends with the thread that made it. It waits for a folder on standard input."""
    path = os.pathsep.join(filter(None, (str(PACKAGE), os.environ.get("PYTHONPATH"))))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLI_")}
    return subprocess.Popen(
        [sys.executable, "-m", "instant.synapse_child"],
        env=environment | {"PYTHONPATH": path, "PLI_PARENT": str(os.getpid())},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def tell(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Where its files are. A process that has ended is told nothing."""
    if process.stdin is None:
        raise ValueError("a process that was begun elsewhere")
    with suppress(BrokenPipeError), process.stdin as ear:
        ear.write(f"{folder}\n".encode())
