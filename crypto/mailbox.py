"""The one address of a From or Sender field (RFC 5322 §3.4), read so strictly that no two readers can differ."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
import unicodedata
from dataclasses import dataclass, field

from crypto.verdict import Reason, Refusal

VALUE_OCTETS = 4096
COMMENT_DEPTH = 8
_ADDRESS = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]{1,64}@[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63}){0,20}")
_LOOKS_LIKE = re.compile(r"[^\s<>()\[\],;:\"']{1,64}@[^\s<>()\[\],;:\"']{1,255}")
_AROUND_AT = re.compile(r"\s*@\s*")
_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]{0,1000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(?==\?)")
_ATOMS = re.compile(r'[^"(<,;:>)\[\]\\]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass
class _Scan:
    """What one pass over the value found."""

    text: str
    at: int = 0
    bare: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    angle: str | None = None


def only_address(value: bytes) -> str:
    """The address, as written. Raises Refusal: unreadable, several addresses, or a name that shows another address."""
    text = _decode(value)
    scan = _Scan(text)
    while scan.at < len(text):
        _step(scan)
    plain = " ".join(scan.bare).strip()  # nothing inside of an address: some read on behind a comment, some do not
    address = plain if scan.angle is None else scan.angle.strip()
    if not _ADDRESS.fullmatch(address):
        raise Refusal(Reason.FROM_UNREADABLE)
    _check_display(address, " ".join(scan.shown) if scan.angle is None else f"{' '.join(scan.shown)} {plain}")
    return address


def same_address(one: str, other: str) -> bool:
    """RFC 5280 §7.5: local parts exactly, domains without regard to case."""
    (local, at, domain), (other_local, other_at, other_domain) = one.rpartition("@"), other.rpartition("@")
    if not (at and other_at and one.isascii() and other.isascii()):
        return False
    return local == other_local and domain.lower() == other_domain.lower()


def _decode(value: bytes) -> str:
    if len(value) > VALUE_OCTETS:
        raise Refusal(Reason.FROM_UNREADABLE)
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(Reason.FROM_UNREADABLE) from None
    if _CONTROL.search(text):
        raise Refusal(Reason.FROM_UNREADABLE)
    return text


def _step(scan: _Scan) -> None:
    char = scan.text[scan.at]
    if char == '"':
        _quoted(scan)
    elif char == "(":
        _comment(scan)
    elif char == "<":
        _angle(scan)
    elif char in ",;:>)[]\\":  # lists, groups, routes, literals: more than one plain address
        raise Refusal(Reason.FROM_UNREADABLE)
    else:
        _atom(scan)


def _atom(scan: _Scan) -> None:
    match = _ATOMS.match(scan.text, scan.at)
    if match is None or (scan.angle is not None and match[0].strip()):  # nothing follows <address>
        raise Refusal(Reason.FROM_UNREADABLE)
    scan.bare.append(match[0])
    scan.at = match.end()


def _quoted(scan: _Scan) -> None:
    match = _QUOTED.match(scan.text, scan.at)
    if match is None or scan.angle is not None:
        raise Refusal(Reason.FROM_UNREADABLE)
    scan.shown.append(re.sub(r"\\(.)", r"\1", match[1]))
    scan.at = match.end()


def _comment(scan: _Scan) -> None:
    depth, start = 0, scan.at
    while scan.at < len(scan.text):
        char = scan.text[scan.at]
        depth += {"(": 1, ")": -1}.get(char, 0)
        scan.at += 2 if char == "\\" else 1
        if depth == 0:
            scan.shown.append(scan.text[start + 1 : scan.at - 1])
            return
        if depth > COMMENT_DEPTH:
            break
    raise Refusal(Reason.FROM_UNREADABLE)


def _angle(scan: _Scan) -> None:
    end = scan.text.find(">", scan.at)
    if end < 0 or scan.angle is not None:
        raise Refusal(Reason.FROM_UNREADABLE)
    scan.angle = scan.text[scan.at + 1 : end]
    scan.at = end + 1


def _check_display(address: str, shown: str) -> None:
    """A display name is what people see: an address in it must be the true one."""
    plain = _AROUND_AT.sub("@", _visible(unicodedata.normalize("NFKC", decode_words(shown))))
    if any(not same_address(found.rstrip("."), address) for found in _LOOKS_LIKE.findall(plain)):
        raise Refusal(Reason.FROM_MISLEADING)


def _visible(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def decode_words(text: str) -> str:
    """RFC 2047 encoded words in bounded text; what does not decode stays as it is."""
    return _WORD.sub(_decode_word, _BETWEEN_WORDS.sub(r"\1", text))


def _decode_word(match: re.Match[str]) -> str:
    charset, encoding, payload = match[1].partition("*")[0], match[2].lower(), match[3]
    try:
        data = base64.b64decode(payload) if encoding == "b" else quopri.decodestring(payload.replace("_", " "))
        return data.decode(charset, "replace")
    except (LookupError, ValueError, binascii.Error):
        return match[0]
