"""A page of a document as a picture for people's eyes, drawn by a child process that may die."""

import subprocess
import sys
from pathlib import Path

from record.reading.picture import BROKEN, Unopened
from record.unpack.facts import IMAGES, PDF

LONGEST = 1500  # pixels of the long side
MEMORY = 1024 * 1024 * 1024
CPU_SECONDS, WALL_SECONDS = 20, 40.0
_SCRIPT = Path(__file__).with_name("preview_child.py")


def preview(data: bytes, media_type: str, page: int) -> bytes:
    """JPEG of one page, counted from 1. Raises Unopened, also where there is no such page."""
    if media_type not in IMAGES | {PDF}:
        raise Unopened(BROKEN)
    kind = "pdf" if media_type == PDF else "image"
    numbers = map(str, (page, LONGEST, MEMORY, CPU_SECONDS))
    try:
        done = subprocess.run(  # noqa: S603  our own script, no shell
            [sys.executable, "-I", str(_SCRIPT), kind, *numbers],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WALL_SECONDS,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unopened(BROKEN) from None
    if done.returncode or not done.stdout.startswith(b"\xff\xd8"):
        raise Unopened(BROKEN)
    return done.stdout
