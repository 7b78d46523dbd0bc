"""A body on its way in: held in memory, or streamed into a sealed file where it is large. No disk sees it in clear."""

import hashlib
import io
from functools import cached_property
from typing import BinaryIO, Literal

from core.ids import new_id
from core.value import Value
from crypto.sealed import OBJECT_MAGIC, SealedReader, SealedWriter, Sealer, new_key, object_aad
from mail.blobs import Blobs, disk_error

IN_MEMORY = 256 * 1024  # the setting mail.row_octets, when none is given
HELD = 512 * 1024  # a page or two of a PDF in base64: most documents
HASHED_IN_PIECES, HASHED_AT_ONCE = 16 * 1024, 2047
PIECE = 1024 * 1024  # read at a time


def body_aad(body_id: int) -> bytes:
    """What a sealed body is bound to."""
    return object_aad("body", body_id, 1)


class BodyFile:
    """The sealed file of one body: made with its first octets, there for good after `keep`.

    What fails raises StorageFull or StoreBroken; the file is then gone.
    """

    def __init__(self, blobs: Blobs, body_id: int, key: bytes) -> None:
        self._blobs = blobs
        self._id = body_id
        self._key = key
        self._file: BinaryIO | None = None
        self._writer: SealedWriter | None = None

    @property
    def begun(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    def write(self, data: bytes) -> None:
        """More of the plaintext."""
        try:
            if self._file is None:
                self._file = self._blobs.create(self._id)
            if self._writer is None:
                self._writer = SealedWriter(self._file, self._key, body_aad(self._id))
            self._writer.write(data)
        except OSError as error:
            self.discard()
            raise disk_error(error) from error

    def finish(self) -> None:
        """The plaintext is whole."""
        try:
            if self._writer is not None:
                self._writer.finish()
        except OSError as error:
            self.discard()
            raise disk_error(error) from error

    def keep(self) -> None:
        """Make it durable; harmless twice."""
        if self._file is not None and not self._file.closed:
            self._blobs.keep(self._id, self._file)

    def read(self) -> bytes:
        """The plaintext, whole. Raises FileNotFoundError."""
        for path in (self._blobs.coming(self._id), self._blobs.path(self._id)):
            if path.exists():
                with path.open("rb") as file:
                    return _whole(SealedReader(file, self._key, body_aad(self._id)))
        raise FileNotFoundError("the body was discarded")

    def discard(self) -> None:
        """Nobody wants it any more; harmless where there is none."""
        if self._file is not None:
            self._file.close()
            self._blobs.discard(self._id)


class Spooled(Value, frozen=True, eq=False, dict=True):
    """A whole body: its key, its hash (SHA-256), its octets. `storage` says where it goes: in the row or in a file.

    A file is not durable, and perhaps not even there, before `keep`; `discard` undoes whatever was done.
    """

    body_id: int
    key: bytes
    size: int
    storage: Literal["row", "file"]
    _memory: bytes  # the plaintext, where it was not too large to be held
    _digest: bytes | None  # of what was streamed
    _file: BodyFile

    def read(self) -> bytes:
        """The plaintext, whole."""
        return self._memory if self._digest is None else self._file.read()

    def sealed(self) -> bytes | None:
        """What the row holds: the sealed body, or None when it is a file."""
        return self.sealer.seal(self._memory, body_aad(self.body_id)) if self.storage == "row" else None

    @cached_property
    def sha256(self) -> bytes:
        """Of the plaintext."""
        return sha256_held(self._memory) if self._digest is None else self._digest

    @cached_property
    def sealer(self) -> Sealer:
        """For the body and what is kept beside it, under the same key."""
        return Sealer(OBJECT_MAGIC, self.key)

    def keep(self) -> None:
        """Make a file durable; harmless for a body in its row. Raises StorageFull, StoreBroken."""
        if self.storage == "file" and not self._file.begun:
            self._file.write(self._memory)
            self._file.finish()
        self._file.keep()

    def discard(self) -> None:
        """Nobody wants it any more."""
        self._file.discard()


class Spool:
    """Takes a body piece by piece. Memory stays below `held` (or `in_memory`) and one chunk, whatever comes.

    What memory can hold until it is whole is hashed, sealed and written in one go, by whoever keeps it: on a thread,
    and not read back. What is larger streams into its file.
    """

    def __init__(self, blobs: Blobs, in_memory: int = IN_MEMORY, held: int = HELD) -> None:
        self._row = in_memory
        self._most = max(in_memory, held)
        self._id = new_id()
        self._key = new_key()
        self._hash = hashlib.sha256()
        self._memory = bytearray()
        self._file = BodyFile(blobs, self._id, self._key)
        self._given = False
        self.size = 0

    def write(self, data: bytes) -> None:
        """Raises StorageFull, StoreBroken; then it is discarded."""
        self.size += len(data)
        if self.size <= self._most:
            self._memory += data
            return
        if not self._file.begun:
            self._stream(bytes(self._memory))
            self._memory.clear()
        self._stream(data)

    def finish(self) -> Spooled:
        """The whole body. Raises StorageFull, StoreBroken; then it is discarded."""
        self._file.finish()
        storage: Literal["row", "file"] = "row" if self.size <= self._row else "file"
        digest = self._hash.digest() if self._file.begun else None
        self._given = True
        return Spooled(self._id, self._key, self.size, storage, bytes(self._memory), digest, self._file)

    def discard(self) -> None:
        """Nobody wants it any more; harmless twice, and after `finish`: the file is the body's then."""
        self._memory.clear()
        if not self._given:
            self._file.discard()

    def _stream(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)


def sha256_held(data: bytes) -> bytes:
    """SHA-256 of what is in memory. hashlib lets go of the interpreter for each update of 2,048 octets or more, and to
    win it back from the commit train costs far more than to hash 4 KiB: small ones are hashed in pieces."""
    if len(data) > HASHED_IN_PIECES:
        return hashlib.sha256(data).digest()
    digest = hashlib.sha256()
    for at in range(0, len(data), HASHED_AT_ONCE):
        digest.update(data[at : at + HASHED_AT_ONCE])
    return digest.digest()


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


def spool_bytes(blobs: Blobs, raw: bytes, in_memory: int = IN_MEMORY, held: int = HELD) -> Spooled:
    """A body that is already whole, as a submitted or appended one is. Raises StorageFull, StoreBroken."""
    spool = Spool(blobs, in_memory, held)
    spool.write(raw)
    return spool.finish()
