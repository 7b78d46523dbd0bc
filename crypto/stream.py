"""Sealed streams: large bodies in 64 KiB chunks, each authenticated, none movable (the STREAM construction).

Layout: magic (8) · salt (16) · commitment (32) · nonce prefix (7) · chunks of 65,536 + 16 bytes, the last one shorter
or equal. Nonce of a chunk: prefix (7) · counter (4) · 1 for the last chunk, else 0. A cut, an exchange, a repeat or an
extension changes a counter or the last flag, so the chunk does not open.
"""

from __future__ import annotations

import errno
import io
import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crypto.committing import HEAD_BYTES, SealBroken, new_head, open_head

STREAM_MAGIC = b"PliFlow1"
CHUNK_BYTES = 65536
TAG_BYTES = 16
PREFIX_BYTES = 7
START = HEAD_BYTES + PREFIX_BYTES
MAX_CHUNKS = 2**32  # the counter has four bytes: 256 TiB


class _Sink(Protocol):
    def write(self, data: bytes | memoryview, /) -> int | None: ...


class _Source(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


def _write_whole(file: _Sink, data: bytes) -> None:
    """A raw file on a disk that fills up takes a part and says so only by its count; asked again, it raises."""
    rest = memoryview(data)
    while rest:
        taken = file.write(rest)
        if not taken:
            raise OSError(errno.EIO, "the file takes nothing")
        rest = rest[taken:]


def _nonce(prefix: bytes, index: int, last: bool) -> bytes:
    return prefix + index.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


class SealedWriter:
    """Writes a sealed stream into a binary file. Nothing is readable before `finish`: the last chunk seals the length.

    The caller owns the file: it opens it, syncs it, closes it.
    """

    def __init__(self, file: _Sink, key: bytes, aad: bytes) -> None:
        inner, head = new_head(STREAM_MAGIC, key)
        self._file = file
        self._cipher = AESGCM(inner)
        self._prefix = os.urandom(PREFIX_BYTES)
        self._aad = head + self._prefix + aad
        self._held = bytearray()
        self._index = 0
        self._done = False
        _write_whole(file, head + self._prefix)

    def write(self, data: bytes) -> None:
        """Takes any number of bytes; keeps at most one chunk back. Raises ValueError after `finish`."""
        if self._done:
            raise ValueError("this sealed stream is finished")
        self._held += data
        if len(self._held) > CHUNK_BYTES:  # not >=: the last chunk, which may be full, stays until finish()
            self._drain()

    def finish(self) -> int:
        """Seals the end. Out: the length of the plaintext in bytes."""
        if self._done:
            raise ValueError("this sealed stream is finished")
        total = self._index * CHUNK_BYTES + len(self._held)
        self._put(bytes(self._held), last=True)
        self._held.clear()
        self._done = True
        return total

    def _drain(self) -> None:
        full = (len(self._held) - 1) // CHUNK_BYTES * CHUNK_BYTES
        with memoryview(self._held) as view:
            for start in range(0, full, CHUNK_BYTES):
                self._put(view[start : start + CHUNK_BYTES], last=False)
        del self._held[:full]

    def _put(self, chunk: bytes | memoryview, *, last: bool) -> None:
        if self._index >= MAX_CHUNKS:
            raise ValueError("a sealed stream holds at most 2**32 chunks")
        _write_whole(self._file, self._cipher.encrypt(_nonce(self._prefix, self._index, last), chunk, self._aad))
        self._index += 1


class SealedReader:
    """Reads a sealed stream, whole or by ranges, from bytes or a seekable binary file.

    Opening reads and checks the last chunk: `size` is therefore authentic, and a cut stream never opens.
    Raises SealBroken on opening and on every read that meets a changed byte. Not for use by two threads at once.
    """

    def __init__(self, source: bytes | bytearray | memoryview | _Source, key: bytes, aad: bytes) -> None:
        self._file: _Source = io.BytesIO(source) if isinstance(source, (bytes, bytearray, memoryview)) else source
        head = self._read_at(0, START)
        inner = open_head(STREAM_MAGIC, key, head)
        if len(head) != START:
            raise SealBroken
        self._cipher = AESGCM(inner)
        self._prefix = head[HEAD_BYTES:]
        self._aad = head + aad
        self._last = self._find_last()
        self._cached = (-1, b"")
        self.size = self._last * CHUNK_BYTES + len(self._chunk(self._last))

    def read_all(self) -> bytes:
        """The whole plaintext."""
        return self.read_range(0, self.size)

    def read_range(self, offset: int, length: int) -> bytes:
        """Plaintext bytes [offset, offset+length), shorter where the stream ends. Reads only the chunks concerned."""
        if offset < 0 or length < 0:
            raise ValueError("offset and length are not negative")
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        first, last = offset // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        joined = b"".join(self._chunk(index) for index in range(first, last + 1))
        return joined[offset - first * CHUNK_BYTES : end - first * CHUNK_BYTES]

    def _find_last(self) -> int:
        """Number of the last chunk, from the length; a length that no writer produces is broken."""
        body = self._file.seek(0, os.SEEK_END) - START
        last = max(0, body - 1) // (CHUNK_BYTES + TAG_BYTES)
        tail = body - last * (CHUNK_BYTES + TAG_BYTES)
        if tail < TAG_BYTES or (tail == TAG_BYTES and last > 0):  # only an empty stream ends with an empty chunk
            raise SealBroken
        return last

    def _chunk(self, index: int) -> bytes:
        if self._cached[0] == index:
            return self._cached[1]
        sealed = self._read_at(START + index * (CHUNK_BYTES + TAG_BYTES), CHUNK_BYTES + TAG_BYTES)
        try:
            text = self._cipher.decrypt(_nonce(self._prefix, index, index == self._last), sealed, self._aad)
        except InvalidTag:
            raise SealBroken from None
        self._cached = (index, text)
        return text

    def _read_at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return bytes(self._file.read(length))
