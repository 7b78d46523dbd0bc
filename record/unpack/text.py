"""Plain text: decoded, line ends made one, bounded."""

from record.unpack.facts import TEXT, Document, Problem, Unreadable
from record.unpack.limits import TEXT_CHARACTERS
from record.unpack.sniff import decode_text


def read_text(data: bytes) -> Document:
    """Raises Unreadable: UNKNOWN_TYPE when it is no text, TOO_LARGE beyond the bound."""
    text = decode_text(data)
    if text is None:
        raise Unreadable(Problem.UNKNOWN_TYPE)
    if len(text) > TEXT_CHARACTERS:
        raise Unreadable(Problem.TOO_LARGE)
    return Document("", TEXT, data, text=text.replace("\r\n", "\n").replace("\r", "\n"), pages=1)
