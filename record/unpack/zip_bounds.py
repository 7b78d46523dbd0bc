"""A zip archive, its directory walked and checked by us before a byte of it is expanded; then one file at a time.

The standard library is not asked: its Python 3.11.7 takes overlapping entries. What two readers could read in two ways
(another name in the local header, a second directory, bytes in front) is refused. APPNOTE.TXT 6.3.10 §4.3, §4.4.
"""

import re
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from record.unpack.facts import Problem, Unreadable
from record.unpack.limits import (
    ARCHIVE_BYTES,
    ARCHIVE_FILES,
    ARCHIVE_NAME_BYTES,
    ARCHIVE_RATIO,
    ARCHIVE_TOTAL,
    RATIO_FREE_BYTES,
)

_END, _CENTRAL, _LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_END_SIZE, _CENTRAL_SIZE, _LOCAL_SIZE, _COMMENT = 22, 46, 30, 65_535
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # traditional or AES, strong, masked directory
_UTF8, _SIZES_FOLLOW, _PATCH = 0x0800, 0x0008, 0x0020
_VERSION = 63  # of the format, §4.4.3
_UNICODE_PATH = 0x7075  # Info-ZIP's other name for the entry, §4.6.9
_WIDE, _WIDE16 = 0xFFFF_FFFF, 0xFFFF  # zip64: no mail is that large
_DRIVE = re.compile(r"\A[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, repr=False)
class Member:
    """One file of the archive. `name` is its path, checked: relative, with `/`, without `.` or `..`."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header_at: int


class _Directory(NamedTuple):
    at: int
    size: int
    entries: int


def members(data: bytes) -> tuple[Member, ...]:
    """The files, folders left out, in the directory's order; every bound holds when this returns.

    Raises Unreadable: TOO_LARGE, TOO_MANY_FILES, BROKEN, AMBIGUOUS, ENCRYPTED, TRAVERSAL, SYMLINK, OVERLAP, BOMB.
    """
    if len(data) > ARCHIVE_BYTES:
        raise Unreadable(Problem.TOO_LARGE)
    directory = _directory(data)
    try:
        found = tuple(_entries(data, directory))
        _check_spans(data, found, directory.at)
    except struct.error:
        raise Unreadable(Problem.BROKEN) from None
    _check_sizes(found)
    files = tuple(member for member in found if not member.raw_name.endswith(b"/"))
    if len({member.name.casefold() for member in files}) != len(files):
        raise Unreadable(Problem.AMBIGUOUS)
    return files


def expand(data: bytes, member: Member, most_bytes: int) -> bytes:
    """The content of one file. Raises Unreadable: TOO_LARGE beyond the bound, BROKEN when it is not what was said."""
    if member.size > most_bytes:
        raise Unreadable(Problem.TOO_LARGE)
    at = _content_at(data, member)
    packed = data[at : at + member.packed]
    content = packed if member.method == _STORED else _inflated(packed, member.size)
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise Unreadable(Problem.BROKEN)
    return content


def _inflated(packed: bytes, size: int) -> bytes:
    """At most one byte more than was promised is ever made."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(packed, size + 1)
    except zlib.error:
        raise Unreadable(Problem.BROKEN) from None
    if len(content) > size:
        raise Unreadable(Problem.BOMB)
    if not inflater.eof or inflater.unused_data:
        raise Unreadable(Problem.BROKEN)
    return content


def _directory(data: bytes) -> _Directory:
    """The one end record, at the very end, and the directory right before it: nothing in front, nothing between."""
    ends = list(_end_records(data))
    if not ends:
        raise Unreadable(Problem.BROKEN)
    if len(ends) > 1:
        raise Unreadable(Problem.AMBIGUOUS)
    disk, first_disk, here, count, size, at = struct.unpack_from("<HHHHII", data, ends[0] + 4)
    if (disk, first_disk) != (0, 0) or here != count or count == _WIDE16 or _WIDE in (size, at):
        raise Unreadable(Problem.AMBIGUOUS)
    if at + size != ends[0]:
        raise Unreadable(Problem.AMBIGUOUS)
    if count > ARCHIVE_FILES:
        raise Unreadable(Problem.TOO_MANY_FILES)
    return _Directory(at, size, count)


def _end_records(data: bytes) -> Iterator[int]:
    start = max(0, len(data) - _END_SIZE - _COMMENT)
    at = data.rfind(_END, start)
    while at >= 0:
        if at + _END_SIZE <= len(data):
            comment = int.from_bytes(data[at + 20 : at + 22], "little")
            if at + _END_SIZE + comment == len(data):
                yield at
        at = data.rfind(_END, start, at)


def _entries(data: bytes, directory: _Directory) -> Iterator[Member]:
    at, end = directory.at, directory.at + directory.size
    for _ in range(directory.entries):
        if data[at : at + 4] != _CENTRAL:
            raise Unreadable(Problem.BROKEN)
        member, at = _entry(data, at)
        if at > end:
            raise Unreadable(Problem.BROKEN)
        yield member
    if at != end:
        raise Unreadable(Problem.AMBIGUOUS)  # more entries than the end record counts, or a signature


def _entry(data: bytes, at: int) -> tuple[Member, int]:
    maker, needs, flags, method, _time, _date, crc, packed, size, name_size, extra_size, comment_size = (
        struct.unpack_from("<HHHHHHIIIHHH", data, at + 4)
    )
    disk, _internal, external, header_at = struct.unpack_from("<HHII", data, at + 34)
    name_at = at + _CENTRAL_SIZE
    raw_name = data[name_at : name_at + name_size]
    extra = data[name_at + name_size : name_at + name_size + extra_size]
    _check_form(needs, flags, method, disk)
    _check_said(method, packed, size, header_at)
    _check_kind(maker, external)
    member = Member(_name(raw_name, flags, extra), raw_name, flags, method, crc, packed, size, header_at)
    if raw_name.endswith(b"/") and size:
        raise Unreadable(Problem.AMBIGUOUS)
    return member, name_at + name_size + extra_size + comment_size


def _check_form(needs: int, flags: int, method: int, disk: int) -> None:
    if flags & _ENCRYPTED:
        raise Unreadable(Problem.ENCRYPTED)
    if method not in (_STORED, _DEFLATED) or flags & _PATCH or needs & 0xFF > _VERSION:
        raise Unreadable(Problem.TYPE_NOT_TAKEN)
    if disk:
        raise Unreadable(Problem.AMBIGUOUS)


def _check_said(method: int, packed: int, size: int, header_at: int) -> None:
    if _WIDE in (packed, size, header_at) or (method == _STORED and packed != size):
        raise Unreadable(Problem.AMBIGUOUS)


def _check_kind(maker: int, external: int) -> None:
    """The upper half holds a Unix mode, whatever system says that it made the archive. §4.4.15"""
    mode = external >> 16
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        raise Unreadable(Problem.SYMLINK)
    if maker >> 8 == 3 and kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Unreadable(Problem.AMBIGUOUS)


def _name(raw: bytes, flags: int, extra: bytes) -> str:
    """The path, as every reader reads it. Raises Unreadable."""
    if not raw or len(raw) > ARCHIVE_NAME_BYTES:
        raise Unreadable(Problem.AMBIGUOUS)
    try:
        text = raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise Unreadable(Problem.AMBIGUOUS) from None
    other = _other_name(extra)
    if other is not None and raw.isascii() and other != raw:
        raise Unreadable(Problem.AMBIGUOUS)
    if other is not None:
        check_path(other.decode("utf-8", "replace"))
    return check_path(text)


def check_path(text: str) -> str:
    """A relative path of an archive, `./` taken away. Raises Unreadable: TRAVERSAL, AMBIGUOUS."""
    if "\\" in text or text.startswith("/") or _DRIVE.match(text):
        raise Unreadable(Problem.TRAVERSAL)
    steps = [step for step in text.rstrip("/").split("/") if step != "."]
    if ".." in steps:
        raise Unreadable(Problem.TRAVERSAL)
    if _CONTROL.search(text) or "" in steps[:-1]:
        raise Unreadable(Problem.AMBIGUOUS)
    return "/".join(steps)


def _other_name(extra: bytes) -> bytes | None:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _UNICODE_PATH and size > 5:
            return extra[at + 9 : at + 4 + size]
        at += 4 + size
    return None


def _check_sizes(found: tuple[Member, ...]) -> None:
    if sum(member.size for member in found) > ARCHIVE_TOTAL:
        raise Unreadable(Problem.BOMB)
    if any(m.size > RATIO_FREE_BYTES and m.size > ARCHIVE_RATIO * m.packed for m in found):
        raise Unreadable(Problem.BOMB)


def _check_spans(data: bytes, found: tuple[Member, ...], directory_at: int) -> None:
    """Local headers agree with the directory; no two entries share a byte; nothing hides between them."""
    here = 0
    if min((member.header_at for member in found), default=0):
        raise Unreadable(Problem.AMBIGUOUS)  # bytes in front: a program that unpacks itself
    for member in sorted(found, key=lambda m: m.header_at):
        if member.header_at < here:
            raise Unreadable(Problem.OVERLAP)
        if _LOCAL in data[here : member.header_at]:
            raise Unreadable(Problem.AMBIGUOUS)
        here = _content_at(data, member) + member.packed
        if here > directory_at:
            raise Unreadable(Problem.OVERLAP)
    if _LOCAL in data[here:directory_at]:
        raise Unreadable(Problem.AMBIGUOUS)


def _content_at(data: bytes, member: Member) -> int:
    """Where its bytes begin. Raises Unreadable when the local header says something else than the directory."""
    at = member.header_at
    if data[at : at + 4] != _LOCAL:
        raise Unreadable(Problem.BROKEN)
    _needs, flags, method, _time, _date, crc, packed, size, name_size, extra_size = struct.unpack_from(
        "<HHHHHIIIHH", data, at + 4
    )
    if flags & _ENCRYPTED:
        raise Unreadable(Problem.ENCRYPTED)
    same = method == member.method and data[at + _LOCAL_SIZE : at + _LOCAL_SIZE + name_size] == member.raw_name
    told = flags & _SIZES_FOLLOW or _WIDE in (packed, size)
    if not same or not (told or (crc, packed, size) == (member.crc, member.packed, member.size)):
        raise Unreadable(Problem.AMBIGUOUS)
    return at + _LOCAL_SIZE + int(name_size) + int(extra_size)
