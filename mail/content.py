"""The content of a part: its octets decoded, its text, its file name made safe."""

import binascii
import re
import unicodedata
from typing import Final

from mail.bounds import Bound, MimeBounds
from mail.headers import Raw
from mail.limits import DECODED_OCTETS, FILENAME_OCTETS
from mail.parameters import first, text
from mail.part import Part
from mail.words import base64_octets, decode

_LINE_SPACE = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_SEPARATORS = re.compile(r"[/\\]")
_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u2028\u2029]')
_SPACES = re.compile(r"\s+")
_DEVICES: Final = frozenset({"CON", "PRN", "AUX", "NUL"} | {f"{port}{n}" for port in ("COM", "LPT") for n in range(10)})


def decode_part(raw: Raw, part: Part, limit: int = DECODED_OCTETS) -> bytes:
    """The content with its transfer encoding undone (RFC 2045 §6); an unknown encoding leaves it as it is (§6.4).

    Tolerant: foreign octets in base64 are skipped, a torn end is dropped. Raises MimeBounds(DECODED) above `limit`.
    """
    size = part.size * 3 // 4 if part.encoding == b"base64" else part.size
    if size > limit + limit // 2:  # base64 has line ends, quoted-printable shrinks: the exact size is checked below
        raise MimeBounds(Bound.DECODED)
    data = _decoded(bytes(raw[part.body : part.end]), part.encoding)
    if len(data) > limit:
        raise MimeBounds(Bound.DECODED)
    return data


def _decoded(data: bytes, encoding: bytes) -> bytes:
    if encoding == b"base64":
        return base64_octets(data)
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(_LINE_SPACE.sub(b"", data))  # RFC 2045 §6.7 rule 3: white space at a line's end is lost
    return data


def text_of(raw: Raw, part: Part, limit: int = DECODED_OCTETS) -> str:
    """A text part as text, by its charset parameter; see `mail.words.decode` for what follows from a wrong one."""
    return decode(decode_part(raw, part, limit), first(part.params, b"charset"))


def filename(part: Part) -> str | None:
    """The file name a sender proposes, made safe for any disk; None when there is none left.

    Content-Disposition's filename wins over Content-Type's name (RFC 2183 §2.3), which is advice, never a path.
    """
    shown = part.disposition.params if part.disposition else ()
    proposed = text(shown, b"filename") or text(part.params, b"name")
    return safe_name(proposed) if proposed else None


def safe_name(proposed: str) -> str | None:
    """The last component in FILENAME_OCTETS, its ending kept; no controls, reserved characters or device names."""
    name = _SEPARATORS.split(unicodedata.normalize("NFC", proposed))[-1]
    name = "".join("" if unicodedata.category(char) in {"Cf", "Cs", "Co", "Cn"} else char for char in name[:4096])
    name = _SPACES.sub(" ", _UNSAFE.sub("_", name)).strip(". ")
    if not name.strip("_ ."):
        return None
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 16:
        stem, dot, ending = name, "", ""
    if stem.split(".")[0].strip().upper() in _DEVICES:
        stem = "_" + stem
    tail = (dot + ending).encode()
    return stem.encode()[: FILENAME_OCTETS - len(tail)].decode("utf-8", "ignore").rstrip(" ") + tail.decode()
