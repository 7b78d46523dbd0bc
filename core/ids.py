"""Identifiers: 63-bit integers in order of time, and random tokens."""

import os
import random
import secrets
import threading
import time

EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z; 41 bits of milliseconds last until 2089
SPREAD_BITS = 22

_lock = threading.Lock()
_last = 0
_spread = random.Random()  # noqa: S311  processes must differ; an id opens nothing, and need not be hard to guess
os.register_at_fork(after_in_child=_spread.seed)


def new_id() -> int:
    """A positive 63-bit integer: larger than each one made before by this process, and unique across processes.

    Two processes draw the same id only within one millisecond and with a chance of 2^-22; the primary key then
    refuses the second, which is answered as a temporary failure and tried again.
    """
    global _last  # noqa: PLW0603  the order in time is a promise of the process as a whole
    fresh = ((time.time_ns() // 1_000_000 - EPOCH_MS) << SPREAD_BITS) | _spread.getrandbits(SPREAD_BITS)
    with _lock:
        _last = fresh if fresh > _last else _last + 1
        return _last


def moment_of(number: int) -> int:
    """When an id was made, epoch ms."""
    return (number >> SPREAD_BITS) + EPOCH_MS


def token(nbytes: int = 16) -> str:
    """A random text for links and Message-IDs: `nbytes` of entropy, URL-safe."""
    return secrets.token_urlsafe(nbytes)
