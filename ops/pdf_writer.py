"""A tiny PDF writer for the demonstration: lines of text in Helvetica, or one JPEG to a page. Same input, same bytes.

Text is written in WinAnsi, which Python calls cp1252: French accents, `µ` and `€` are in it (ISO 32000-1 annex D).
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

A4 = (595, 842)  # points of 1/72 inch
_FONTS = {False: b"F1", True: b"F2"}
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
_ESCAPES = str.maketrans({"\\": r"\\", "(": r"\(", ")": r"\)"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, `x` and `y` in points from the lower left corner, `size` in points."""

    x: float
    y: float
    text: str
    size: float = 11
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A thin horizontal line, from `x` over `width` points."""

    x: float
    y: float
    width: float


def text_pdf(marks: Iterable[Line | Rule], title: str) -> bytes:
    """One A4 page with a text layer. Raises UnicodeEncodeError for a character outside WinAnsi."""
    content = b"\n".join(_drawn(mark) for mark in marks)
    resources = b"<< /Font << /F1 5 0 R /F2 6 0 R >> >>"
    return _file([*_page(A4, resources), _stream(b"", content), _FONT % b"Helvetica", _FONT % b"Helvetica-Bold"], title)


def jpeg_pdf(jpeg: bytes, width: int, height: int, title: str) -> bytes:
    """One page that shows the picture and holds no text; `width` and `height` in pixels, the JPEG goes in unchanged."""
    scale = min(A4[0] / width, A4[1] / height)
    size = (round(width * scale), round(height * scale))
    shown = b"q %d 0 0 %d 0 0 cm /Im1 Do Q" % size
    head = b"/Type /XObject /Subtype /Image /Width %d /Height %d" % (width, height)
    head += b" /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"
    resources = b"<< /XObject << /Im1 5 0 R >> >>"
    return _file([*_page(size, resources), _stream(b"", shown), _stream(head, jpeg)], title)


def jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a baseline or progressive JPEG. Raises ValueError when it has no frame header."""
    at = 2
    while at + 9 <= len(jpeg):
        marker, length = struct.unpack_from(">HH", jpeg, at)
        if marker in {0xFFC0, 0xFFC2}:
            height, width = struct.unpack_from(">HH", jpeg, at + 5)
            return width, height
        at += 2 + length
    raise ValueError("not a JPEG")


def _drawn(mark: Line | Rule) -> bytes:
    if isinstance(mark, Rule):
        return b"0.6 w %.1f %.1f m %.1f %.1f l S" % (mark.x, mark.y, mark.x + mark.width, mark.y)
    words = mark.text.translate(_ESCAPES).encode("cp1252")
    return b"BT /%s %.1f Tf %.1f %.1f Td (%s) Tj ET" % (_FONTS[mark.bold], mark.size, mark.x, mark.y, words)


def _page(size: tuple[int, int], resources: bytes) -> list[bytes]:
    """Objects 1 to 3; the content is number 4."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources %s /Contents 4 0 R >>" % (*size, resources)
    return [b"<< /Type /Catalog /Pages 2 0 R /Lang (fr-FR) >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page]


def _stream(head: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(data), data)


def _file(objects: Sequence[bytes], title: str) -> bytes:
    """Header, objects, cross-reference table, trailer (ISO 32000-1 §7.5)."""
    info = b"<< /Title <%s> >>" % (b"\xfe\xff" + title.encode("utf-16-be")).hex().encode()
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate([*objects, info], start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, count = len(out), len(offsets) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % count + b"".join(b"%010d 00000 n \n" % at for at in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, count - 1, start)
    return bytes(out)
