"""Header protection (RFC 9788): the header fields travel once more inside what is signed or encrypted.

A signature alone leaves subject, date and recipients to whoever carries the mail. What we write repeats them inside;
what we read is compared: where outer and inner field disagree, the mail was altered on its way.
"""

from __future__ import annotations

import re
from collections import Counter

from crypto.rawmime import Header, read_header, split_header
from crypto.verdict import Reason, Refusal

# RFC 9788 §1.1: what mail programs show; none of them may be added from outside. (Sender: `crypto.binding`.)
SHOWN = frozenset({"from", "to", "cc", "subject", "date", "reply-to", "followup-to"})
_CONTENT_TYPE = re.compile(rb"^content-type:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE)
_HP = re.compile(rb";\s*hp\s*=\s*\"?(clear|cipher)\"?\s*(?:;|$)", re.IGNORECASE)
_STRUCTURAL = re.compile(r"content-|mime-version$|hp-outer$")
_BLANKS = re.compile(rb"[ \t\r\n]+")


def protect(headers: bytes, part: bytes, *, hidden: bytes | None = None) -> bytes:
    """The MIME entity `part` with the fields of `headers` in front and `hp` at its type (RFC 9788 §5.2.1).

    `headers`: CRLF lines without MIME fields. `hidden`: the block that will stand outside of an encrypted message;
    its fields are listed as HP-Outer, so that a reader knows what travelled in clear (§2.2).
    """
    block, body = split_header(part)
    mark = b"clear" if hidden is None else b"cipher"
    fields = headers.removesuffix(b"\r\n").removesuffix(b"\r\n") + b"\r\n"
    outer = b"" if hidden is None else _as_outer(hidden)
    return fields + outer + _marked(block, mark) + b"\r\n\r\n" + body


def is_protected(content: bytes) -> bool:
    """Whether this payload says that it carries its header fields."""
    return _hp(read_header(split_header(content)[0])) is not None


def protected_fields(content: bytes) -> tuple[tuple[str, bytes], ...]:
    """The fields inside a payload, unfolded, without those of MIME; nothing where it carries none."""
    header = read_header(split_header(content)[0])
    if _hp(header) is None:
        return ()
    return tuple((name, value) for name, value in header.fields if not _STRUCTURAL.match(name))


def check_protected(outer: Header, content: bytes) -> None:
    """Raises Refusal unless every protected field stands outside too, with the same words, and no shown one more.

    A payload without protection is as good as any mail of before RFC 9788. What was encrypted may differ outside: that
    is its purpose (§5.2.2).
    """
    header = read_header(split_header(content)[0])
    if _hp(header) != b"clear":
        return
    inside = Counter((name, _plain(value)) for name, value in header.fields if not _STRUCTURAL.match(name))
    names = {name for name, _ in inside} | SHOWN
    outside = Counter((name, _plain(value)) for name, value in outer.fields if name in names)
    if inside != outside:
        raise Refusal(Reason.HEADER_CHANGED)


def _hp(header: Header) -> bytes | None:
    """RFC 9788 §2.1: the parameter of the payload's only Content-Type."""
    given = header.all("content-type")
    found = _HP.search(given[0]) if len(given) == 1 else None
    return found[1].lower() if found else None


def _plain(value: bytes) -> bytes:
    """Relays may fold anew: runs of blanks count as one."""
    return _BLANKS.sub(b" ", value).strip()


def _marked(block: bytes, mark: bytes) -> bytes:
    parameter = b';\r\n hp="' + mark + b'"'
    found = _CONTENT_TYPE.search(block)
    if found is None:
        return b"Content-Type: text/plain; charset=us-ascii" + parameter + (b"\r\n" + block if block else b"")
    return block[: found.end()].rstrip(b"; \t") + parameter + block[found.end() :]


def _as_outer(headers: bytes) -> bytes:
    """RFC 9788 §2.2: one HP-Outer field for each field that stands outside."""
    lines = headers.removesuffix(b"\r\n").removesuffix(b"\r\n").split(b"\r\n")
    return b"".join((line if line[:1] in (b" ", b"\t") else b"HP-Outer: " + line) + b"\r\n" for line in lines)
