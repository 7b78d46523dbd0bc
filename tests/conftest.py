"""What every test may ask for."""

import gc
import os
import shutil
from pathlib import Path

import structlog
from hypothesis import settings

pytest_plugins = ["tests.support.databases", "tests.support.longest_first"]

# Tests write into memory where there is room: that things last is proved by tests/faults, on file systems of their own.
MEMORY, ROOM_OCTETS = Path("/dev/shm"), 4 * 1024**3
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_OCTETS:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# Time is never judged, a slow machine is no failure. `PLI_EXAMPLES=1000` looks longer.
settings.register_profile("pli", deadline=None, max_examples=int(os.environ.get("PLI_EXAMPLES", "40")))
settings.load_profile("pli")

# Rich draws a traceback with all its variables, which takes seconds; a plain one tells as much here.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S"),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_finish() -> None:
    """What is imported by now stays for good: the collector leaves it alone, and looks less often at what is new.

    With Python's own thresholds it took a seventh of the fast set's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def pytest_sessionfinish() -> None:
    """Looks for garbage once: pytest, which does so five times before it ends, then has little to look through."""
    gc.collect()
    gc.freeze()
