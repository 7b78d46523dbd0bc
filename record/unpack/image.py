"""JPEG, PNG and TIFF: width and height read from the header bytes, and whether the file goes on to its end.

Nothing is decompressed, no pixel is looked at.
"""

import struct
from collections.abc import Iterator

from record.unpack.facts import JPEG, PNG, TIFF, Document, Problem, Unreadable
from record.unpack.limits import PIXELS, READABLE_SIDE, SIDE, TIFF_PAGES

Size = tuple[int, int]
# Start-of-frame markers; C4 (tables), C8 (reserved) and CC (arithmetic coding) are none. ITU T.81 table B.1.
_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_WIDTH, _HEIGHT = 256, 257  # TIFF 6.0 tags
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips, of tiles
_SHORT, _LONG = 3, 4
STRIPS = 10_000  # looked at; the rest of a taller picture is believed


def read_image(data: bytes, media_type: str) -> Document:
    """Raises Unreadable: BROKEN when no size is found, TOO_MANY_PIXELS, TOO_MANY_PAGES."""
    sizes = _READERS[media_type](data)
    for width, height in sizes:
        _check(width, height)
    width, height = sizes[0]
    small = (Problem.SMALL_IMAGE,) if max(width, height) < READABLE_SIDE else ()
    cut = (Problem.CUT_IMAGE,) if _CUT[media_type](data) else ()
    return Document("", media_type, data, pages=len(sizes), width=width, height=height, remarks=(*small, *cut))


def _check(width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise Unreadable(Problem.BROKEN)
    if width > SIDE or height > SIDE or width * height > PIXELS:
        raise Unreadable(Problem.TOO_MANY_PIXELS)


def _png(data: bytes) -> list[Size]:
    """IHDR is the first chunk. PNG §11.2.2."""
    if len(data) < 33 or data[12:16] != b"IHDR" or struct.unpack_from(">I", data, 8)[0] != 13:
        raise Unreadable(Problem.BROKEN)
    return [struct.unpack_from(">II", data, 16)]


def _png_is_cut(data: bytes) -> bool:
    """The last chunk is IEND, and stands at its place (`sniff` lets nothing stand behind it)."""
    return data[-8:-4] != b"IEND"


def _jpeg(data: bytes) -> list[Size]:
    frame = next((at for marker, at in _segments(data) if marker in _FRAMES), None)
    if frame is None:
        raise Unreadable(Problem.BROKEN)
    return [_frame(data, frame)]


def _jpeg_is_cut(data: bytes) -> bool:
    """No end of image behind the start of the scan: one before it is that of a thumbnail."""
    scan = next((at for marker, at in _segments(data) if marker == _SCAN), len(data))
    return _END_OF_IMAGE not in data[scan:]


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and place of each segment, up to the scan. ITU T.81 §B.2.2."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            yield marker, at
            if marker == _SCAN:
                return
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])


def _frame(data: bytes, at: int) -> Size:
    if at + 9 > len(data):
        raise Unreadable(Problem.BROKEN)
    height, width = struct.unpack_from(">HH", data, at + 5)
    return width, height


def _tiff(data: bytes) -> list[Size]:
    """One size a page; the chain of directories may not be long, nor bite its tail."""
    order = "<" if data[:2] == b"II" else ">"
    sizes: list[Size] = []
    seen: set[int] = set()
    try:
        at = struct.unpack_from(order + "I", data, 4)[0]
        while at:
            if at in seen or at < 8:
                raise Unreadable(Problem.BROKEN)
            if len(sizes) >= TIFF_PAGES:
                raise Unreadable(Problem.TOO_MANY_PAGES)
            seen.add(at)
            size, at = _directory(data, order, at)
            sizes.append(size)
    except struct.error:
        raise Unreadable(Problem.BROKEN) from None
    if not sizes:
        raise Unreadable(Problem.BROKEN)
    return sizes


def _directory(data: bytes, order: str, at: int) -> tuple[Size, int]:
    """Width and height of this directory, and where the next one is. TIFF 6.0 §2."""
    count = struct.unpack_from(order + "H", data, at)[0]
    found = {_WIDTH: 0, _HEIGHT: 0}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _number = struct.unpack_from(order + "HHI", data, entry)
        if tag in found and kind in (_SHORT, _LONG):
            found[tag] = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, entry + 8)[0]
    following = struct.unpack_from(order + "I", data, at + 2 + 12 * count)[0]
    return (found[_WIDTH], found[_HEIGHT]), following


def _tiff_is_cut(data: bytes) -> bool:
    """The first page's strips or tiles reach beyond the end. TIFF 6.0 §3, §15"""
    order = "<" if data[:2] == b"II" else ">"
    try:
        at = struct.unpack_from(order + "I", data, 4)[0]
        offsets, counts = _numbers(data, order, at, _OFFSETS), _numbers(data, order, at, _COUNTS)
    except struct.error:
        return True
    return any(offset + count > len(data) for offset, count in zip(offsets, counts, strict=False))


def _numbers(data: bytes, order: str, at: int, tags: tuple[int, ...]) -> tuple[int, ...]:
    """The values of the first of these tags, at most STRIPS of them. Raises struct.error."""
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from(order + "H", data, at)[0], 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
        if tag in tags and kind in (_SHORT, _LONG):
            size = 2 if kind == _SHORT else 4
            place = entry + 8 if count * size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
            return struct.unpack_from(f"{order}{min(count, STRIPS)}{'H' if kind == _SHORT else 'I'}", data, place)
    return ()


_READERS = {JPEG: _jpeg, PNG: _png, TIFF: _tiff}
_CUT = {JPEG: _jpeg_is_cut, PNG: _png_is_cut, TIFF: _tiff_is_cut}
