"""What SORT and THREAD compare: base subjects, dates, addresses, Message-IDs. Pure. RFC 5256 §2."""

import re
import unicodedata
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz

from mail.addresses import addresses
from mail.bounds import MimeBounds
from mail.headers import unfold
from mail.imap.search import normal
from mail.limits import IMAP_REFERENCES
from mail.sections import field_pattern
from mail.words import decode, decode_words

_BLOB = r"(?:\[[^\[\]]*+\]\s*+)"
_LEADER = re.compile(rf"(?>{_BLOB}*)(?:re|fwd?)\s*+(?>{_BLOB}?):\s*+", re.IGNORECASE)  # CPython #106052
_LEADING_BLOB = re.compile(_BLOB)
_TRAILER = re.compile(r"(?>(?:\(fwd\)|\s)+)\Z", re.IGNORECASE)
_FWD = re.compile(r"\[fwd:(.*)\]\Z", re.IGNORECASE | re.DOTALL)
_ID = re.compile(rb"<([^<>\s]{1,995})>")
_ROUNDS = 32  # of leaders and trailers taken off one subject
_LONGEST = 1000  # characters of a subject that are compared


@dataclass(frozen=True, slots=True)
class Subject:
    """What is left of a subject, and whether something said that it is an answer or forwarded."""

    base: str
    answers: bool


def base_subject(subject: str) -> Subject:
    """RFC 5256 §2.1."""
    text = normal(subject[:_LONGEST])
    answers = False
    for _ in range(_ROUNDS):
        before = text
        text, cut = _TRAILER.sub("", text), text
        answers = answers or "(fwd)" in cut[len(text) :]
        if found := _LEADER.match(text):
            text, answers = text[found.end() :], True
        elif (blob := _LEADING_BLOB.match(text)) and text[blob.end() :]:
            text = text[blob.end() :]
        elif found := _FWD.match(text):
            text, answers = found[1].strip(), True
        if text == before:
            break
    return Subject(text, answers)


def collated(text: str) -> str:
    """A `normal` text in the order of i;unicode-casemap (RFC 5051 §2): capitals without their accents, then those."""
    return unicodedata.normalize("NFKD", text.upper())


class Fields:
    """The header of one message, as far as it is compared."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def first(self, name: bytes) -> bytes:
        """The first value of a field, unfolded; empty when there is none."""
        found = field_pattern(frozenset((name,))).search(self._header)
        return unfold(found[0][found[0].index(b":") + 1 :]) if found else b""

    def subject(self) -> Subject:
        """Its subject."""
        return base_subject(decode_words(self.first(b"subject")))

    def sent(self, internal_at: int) -> int:
        """When it was sent, in seconds since 1970 in UTC; when it came, where the Date field cannot be read."""
        try:
            moment = parsedate_tz(self.first(b"date")[:100].decode("latin-1"))
            return mktime_tz(moment) if moment else internal_at
        except (ValueError, OverflowError, IndexError):
            return internal_at

    def mailbox(self, name: bytes) -> str:
        """The local part of the first address of a field, or the group's name where a group comes first, as ENVELOPE
        has it (RFC 5256 §3); empty when there is none."""
        try:
            found = addresses(self.first(name)).items
        except MimeBounds:
            return ""
        return normal(decode(found[0].local or b"")) if found else ""

    def message_id(self) -> bytes:
        """Empty when there is none."""
        found = _ID.search(self.first(b"message-id"))
        return found[1] if found else b""

    def references(self) -> list[bytes]:
        """The ids that it answers, the last first asked: References, or else the first of In-Reply-To."""
        found = _ID.findall(self.first(b"references"))
        return found[-IMAP_REFERENCES:] if found else _ID.findall(self.first(b"in-reply-to"))[:1]
