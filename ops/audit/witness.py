"""Checkpoints in a file that only grows, outside of the database: best on another disk, or `chattr +a`.

Whoever alters the database cannot alter what was written here; whoever alters both needs the keyring, too.
"""

import fcntl
import os
from pathlib import Path

from core.durable import sync
from crypto.checkpoint import Checkpoint, NotSigned, Signer, Verifier, split_notes


class Witness:
    """The file. Several processes may write: each appends one whole note under a lock, and syncs."""

    def __init__(self, path: Path, signer: Signer) -> None:
        self.path = path
        self._signer = signer

    @property
    def verifier(self) -> Verifier:
        return self._signer.verifier

    def append(self, checkpoint: Checkpoint) -> str:
        """Sign and write durably; returns the note. Raises OSError."""
        note, fresh = self._signer.note(checkpoint), not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            data = (b"" if _ends_well(handle) else b"\n") + note.encode()
            if os.write(handle, data) != len(data):
                raise OSError(28, "No space left on device")
            os.fsync(handle)
        finally:
            os.close(handle)
        if fresh:
            sync(self.path.parent)
        return note

    def notes(self) -> list[str]:
        """All that is written there, in order. Raises OSError other than that nothing is there."""
        try:
            return split_notes(self.path.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return []

    def last(self) -> Checkpoint | None:
        """The newest checkpoint that is ours."""
        for note in reversed(self.notes()):
            try:
                return self.verifier.open(note)
            except NotSigned:
                continue
        return None


def _ends_well(handle: int) -> bool:
    """A power cut may leave half a note: the next one begins on a line of its own."""
    size = os.fstat(handle).st_size
    return size == 0 or os.pread(handle, 1, size - 1) == b"\n"
