"""A body on its way in: in memory while it is small, then a stream into a sealed file. Nothing in clear on the disk."""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, Literal

from core.ids import new_id
from crypto.sealed import OBJECT_MAGIC, SealedReader, SealedWriter, Sealer, new_key, object_aad
from mail.blobs import Blobs, disk_error

IN_MEMORY = 64 * 1024  # the setting mail.row_octets, when none is given
PIECE = 1024 * 1024  # read at a time


def body_aad(body_id: int) -> bytes:
    """What a sealed body is bound to."""
    return object_aad("body", body_id, 1)


@dataclass(frozen=True, eq=False, repr=False)
class Spooled:
    """A whole body: its key, its hash (SHA-256), its octets. `storage` says where it goes: in the row or in a file.

    A file is on the disk but not durable before `keep`; `discard` undoes whatever was done.
    """

    body_id: int
    key: bytes
    sha256: bytes
    size: int
    storage: Literal["row", "file"]
    _memory: bytes
    _file: BinaryIO | None
    _blobs: Blobs

    def read(self) -> bytes:
        """The plaintext, whole."""
        if self.storage == "row":
            return self._memory
        for path in (self._blobs.coming(self.body_id), self._blobs.path(self.body_id)):
            if path.exists():
                with path.open("rb") as file:
                    return _whole(SealedReader(file, self.key, body_aad(self.body_id)))
        raise FileNotFoundError("the body was discarded")

    def sealed(self) -> bytes | None:
        """What the row holds: the sealed body, or None when it is a file."""
        return self.sealer.seal(self._memory, body_aad(self.body_id)) if self.storage == "row" else None

    @cached_property
    def sealer(self) -> Sealer:
        """For the body and what is kept beside it, under the same key."""
        return Sealer(OBJECT_MAGIC, self.key)

    def keep(self) -> None:
        """Make a file durable; harmless for a body in its row. Raises StorageFull, StoreBroken."""
        if self._file is not None and not self._file.closed:
            self._blobs.keep(self.body_id, self._file)

    def discard(self) -> None:
        """Nobody wants it any more."""
        if self._file is not None:
            self._file.close()
            self._blobs.discard(self.body_id)


class Spool:
    """Takes a body piece by piece. Memory stays below `in_memory` and one chunk, whatever comes."""

    def __init__(self, blobs: Blobs, in_memory: int = IN_MEMORY) -> None:
        self._blobs = blobs
        self._most = in_memory
        self._id = new_id()
        self._key = new_key()
        self._hash = hashlib.sha256()
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self._writer: SealedWriter | None = None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Raises StorageFull, StoreBroken; then it is discarded."""
        self._hash.update(data)
        self.size += len(data)
        if self._writer is None and self.size > self._most:
            self._file = self._blobs.create(self._id)
            self._to_file(bytes(self._memory), first=True)
            self._memory.clear()
        if self._writer is None:
            self._memory += data
        else:
            self._to_file(data)

    def finish(self) -> Spooled:
        """The whole body. Raises StorageFull, StoreBroken; then it is discarded."""
        if self._writer is not None:
            try:
                self._writer.finish()
            except OSError as error:
                self.discard()
                raise disk_error(error) from error
        storage: Literal["row", "file"] = "row" if self._file is None else "file"
        digest = self._hash.digest()
        memory, file = bytes(self._memory), self._file
        self._file = None  # the body owns it now
        return Spooled(self._id, self._key, digest, self.size, storage, memory, file, self._blobs)

    def discard(self) -> None:
        """Nobody wants it any more; harmless twice, and after `finish`."""
        self._memory.clear()
        if self._file is not None:
            self._file.close()
            self._blobs.discard(self._id)

    def _to_file(self, data: bytes, *, first: bool = False) -> None:
        try:
            if first and self._file is not None:
                self._writer = SealedWriter(self._file, self._key, body_aad(self._id))
            if self._writer is not None:
                self._writer.write(data)
        except OSError as error:
            self.discard()
            raise disk_error(error) from error


def _whole(reader: SealedReader) -> bytes:
    """Read piece by piece into the one buffer that is then handed out: a joined list would hold the body twice, and so
    would a buffer that grows."""
    buffer = io.BytesIO()
    buffer.seek(max(0, reader.size - 1))
    buffer.write(b"\0"[: reader.size])
    buffer.seek(0)
    for offset in range(0, reader.size, PIECE):
        buffer.write(reader.read_range(offset, PIECE))
    return buffer.getvalue()


def spool_bytes(blobs: Blobs, raw: bytes, in_memory: int = IN_MEMORY) -> Spooled:
    """A body that is already whole, as a submitted or appended one is. Raises StorageFull, StoreBroken."""
    spool = Spool(blobs, in_memory)
    spool.write(raw)
    return spool.finish()
