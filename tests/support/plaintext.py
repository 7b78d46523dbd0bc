"""Is a word somewhere in these bytes, in any encoding that software leaves behind?"""

import base64
import binascii
import quopri
import re
import zlib
from collections.abc import Iterable, Iterator
from urllib.parse import quote

HEX_RUN = re.compile(rb"[0-9a-fA-F]{16,}")
CHARSETS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
SHORTEST = 5  # a shorter word stands in random bytes by chance


def forms(word: str) -> set[bytes]:
    """The octets that would give the word away."""
    plain = {word, word.upper(), word.lower(), word.title()}
    found = {
        text.encode(charset, "ignore") for text in plain for charset in ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
    }
    for text in plain:
        octets = text.encode()
        found |= {quote(text).encode(), quopri.encodestring(octets).rstrip(b"=\n"), binascii.hexlify(octets)}
        found |= {binascii.hexlify(octets).upper(), octets[::-1]}
        found |= set(_base64(octets))
    return {form for form in found if len(form) >= SHORTEST}


def _base64(octets: bytes) -> Iterator[bytes]:
    """What is sure of the word's base64 at each of the three places where it can begin."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + octets)
        start, end = (0, 2, 3)[shift], len(encoded) - (0 if (shift + len(octets)) % 3 == 0 else 4)
        inside = encoded[start + (0 if shift == 0 else 1) : end]
        yield inside
        yield inside.replace(b"+", b"-").replace(b"/", b"_")


def found_in(blobs: Iterable[tuple[str, bytes]], words: Iterable[str]) -> list[tuple[str, str]]:
    """(place, word) of each word that some bytes hold, as they are, from hexadecimal or inflated."""
    wanted = {word: forms(word) for word in words if len(word) >= SHORTEST}
    hits = []
    for place, data in blobs:
        views = [data, *_decoded(data)]
        hits += [(place, word) for word, shapes in wanted.items() if any(s in view for view in views for s in shapes)]
    return hits


def _decoded(data: bytes) -> Iterator[bytes]:
    yield b"\n".join(binascii.unhexlify(run[: len(run) // 2 * 2]) for run in HEX_RUN.findall(data))
    for start in (m.start() for m in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data)):
        try:
            yield zlib.decompressobj().decompress(data[start : start + 100_000], 200_000)
        except zlib.error:
            continue
