"""Random octets of the operating system, drawn by the kilobyte.

A sealed message takes seven small draws; each on its own is a system call that lets go of the interpreter.
"""

from __future__ import annotations

import os
import threading

DRAWN = 4096

_lock = threading.Lock()
_left = b""


def random_octets(count: int) -> bytes:
    """`count` octets from `os.urandom`, none of them ever given twice."""
    global _left  # noqa: PLW0603  one store for the process
    if count > DRAWN:
        return os.urandom(count)
    with _lock:
        if len(_left) < count:
            _left = os.urandom(DRAWN)
        drawn, _left = _left[:count], _left[count:]
    return drawn


def _forget() -> None:
    """A child process must not give out what its parent gives out."""
    global _left, _lock
    _left, _lock = b"", threading.Lock()


os.register_at_fork(after_in_child=_forget)
