"""BER as LDAP uses it (RFC 4511 §5.1): definite lengths only, bounded in size, depth and number of elements.

Reading walks over the bytes and never recurses by itself; whoever reads says what it expects.
"""

from dataclasses import dataclass

MESSAGE_OCTETS = 64 * 1024
DEPTH = 24
INTEGER_OCTETS = 4

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31


class BadBer(ValueError):
    """These bytes are not what was expected. The text repeats nothing of them."""


@dataclass(slots=True)
class Cursor:
    """A place in the bytes of one constructed value."""

    data: bytes
    at: int
    end: int
    depth: int = 0

    @property
    def is_done(self) -> bool:
        return self.at >= self.end

    def peek(self) -> int:
        """The next tag. Raises BadBer at the end."""
        if self.is_done:
            raise BadBer("value missing")
        return self.data[self.at]

    def value(self, tag: int | None = None) -> bytes:
        """The content of the next element. Raises BadBer when it has another tag or leaves its parent."""
        start, end = self._element(tag)
        self.at = end
        return self.data[start:end]

    def inside(self, tag: int | None = None) -> "Cursor":
        """A cursor over the content of the next element, which is passed."""
        if self.depth >= DEPTH:
            raise BadBer("too deep")
        start, end = self._element(tag)
        self.at = end
        return Cursor(self.data, start, end, self.depth + 1)

    def integer(self, tag: int = INTEGER) -> int:
        content = self.value(tag)
        if not 1 <= len(content) <= INTEGER_OCTETS:
            raise BadBer("integer too long")
        return int.from_bytes(content, "big", signed=True)

    def boolean(self, tag: int = BOOLEAN) -> bool:
        content = self.value(tag)
        if len(content) != 1:
            raise BadBer("not a boolean")
        return content != b"\0"

    def _element(self, tag: int | None) -> tuple[int, int]:
        found = self.peek()
        if tag is not None and found != tag:
            raise BadBer("another tag was expected")
        if found & 0x1F == 0x1F:
            raise BadBer("tag of more than one octet")
        size, start = length_at(self.data, self.at + 1, self.end)
        if start + size > self.end:
            raise BadBer("element longer than its parent")
        return start, start + size


def length_at(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The length written at `at`, and where the content starts. Raises BadBer; at most four octets of length."""
    if at >= end:
        raise BadBer("length missing")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    octets = first & 0x7F
    if not 1 <= octets <= 4 or at + 1 + octets > end:
        raise BadBer("length not definite or too long")
    return int.from_bytes(data[at + 1 : at + 1 + octets], "big"), at + 1 + octets


def message_size(start: bytes) -> int | None:
    """Octets of the whole message that begins so; None when its length is not all there yet. Raises BadBer."""
    if not start:
        return None
    if start[0] != SEQUENCE:
        raise BadBer("not an LDAP message")
    if len(start) < 2 or (start[1] > 0x80 and len(start) < 2 + (start[1] & 0x7F)):
        return None
    size, content = length_at(start, 1, len(start))
    if size + content > MESSAGE_OCTETS:
        raise BadBer("message too long")
    return size + content


def element(tag: int, *parts: bytes) -> bytes:
    """One element of these contents."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def octets(text: str | bytes, tag: int = OCTETS) -> bytes:
    return element(tag, text.encode() if isinstance(text, str) else text)


def integer(value: int, tag: int = INTEGER) -> bytes:
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def boolean(value: bool) -> bytes:
    return element(BOOLEAN, b"\xff" if value else b"\0")
