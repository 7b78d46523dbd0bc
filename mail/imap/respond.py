"""What the server writes: response lines as octets, CRLF included where the name says line. RFC 3501 §7."""

from collections.abc import Iterable, Sequence
from time import gmtime
from typing import Final

from mail.imap import utf7
from mail.imap.fetch_items import BodyItem
from mail.imap.grammar import MONTHS
from mail.imap.sequence import compact, compact_in_order
from mail.imap.strings import astring, nstring, quoted, string
from mail.sections import Section

CRLF: Final = b"\r\n"


def line(*words: bytes) -> bytes:
    """Words with a space between them, as one line."""
    return b" ".join(words) + CRLF


def tagged(tag: str, condition: str, text: str, code: str = "") -> bytes:
    """`<tag> OK [CODE] text`; "*" as tag for an untagged one. Line ends in `text` or `code` cannot pass."""
    words = f"{tag} {condition} [{code}] {text}" if code else f"{tag} {condition} {text}"
    return " ".join(words.split()).encode("ascii", "replace") + CRLF


def go_on(text: bytes = b"ready") -> bytes:
    """`+ text`: the client may send on. RFC 3501 §7.5."""
    return b"+ " + text + CRLF


def flags(names: Iterable[str]) -> bytes:
    """`(\\Seen keyword)`."""
    return b"(" + " ".join(names).encode("ascii") + b")"


def mailbox(name: str, *, utf8: bool = False) -> bytes:
    """A mailbox name in modified UTF-7, or as a UTF-8 string (RFC 6855 §3), quoted where it must be."""
    if utf8 and not name.isascii():
        return quoted(name.encode())
    return astring(name.encode() if utf8 else utf7.encode(name))


def internal_date(moment_ms: int) -> bytes:
    """`" 1-Feb-1994 21:52:25 +0000"` of milliseconds since 1970, always in UTC. RFC 3501 §9 date-time."""
    year, month, day, hour, minute, second = gmtime(moment_ms // 1000)[:6]
    return f'"{day:2d}-{MONTHS[month - 1]}-{year:04d} {hour:02d}:{minute:02d}:{second:02d} +0000"'.encode("ascii")


def exists(count: int) -> bytes:
    """`* n EXISTS`."""
    return b"* %d EXISTS\r\n" % count


def expunged(number: int) -> bytes:
    """`* n EXPUNGE`."""
    return b"* %d EXPUNGE\r\n" % number


def vanished(uids: Iterable[int], *, earlier: bool = False) -> bytes:
    """`* VANISHED (EARLIER) 3:7`. RFC 7162 §3.2.10."""
    return b"* VANISHED " + (b"(EARLIER) " if earlier else b"") + compact(uids) + CRLF


def list_line(
    attributes: Iterable[str], name: str, *, lsub: bool = False, delimiter: str = "/", utf8: bool = False
) -> bytes:
    """`* LIST (\\HasNoChildren) "/" name`. RFC 3501 §7.2.2, RFC 6154 §2."""
    return line(
        b"* LSUB" if lsub else b"* LIST", flags(attributes), quoted(delimiter.encode("ascii")), mailbox(name, utf8=utf8)
    )


def status_line(name: str, values: Iterable[tuple[str, int | str]], *, utf8: bool = False) -> bytes:
    """`* STATUS name (MESSAGES 3 UNSEEN 1)`. RFC 3501 §7.2.4."""
    items = " ".join(f"{item} {value}" for item, value in values)
    return line(b"* STATUS", mailbox(name, utf8=utf8), b"(" + items.encode("ascii") + b")")


def search_line(numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """`* SEARCH 2 3 6`, with the highest MODSEQ when that was a key. RFC 3501 §7.2.5, RFC 7162 §3.1.5."""
    tail = b" (MODSEQ %d)" % modseq if modseq is not None and numbers else b""
    return b" ".join([b"* SEARCH", *map(b"%d".__mod__, numbers)]) + tail + CRLF


def esearch_line(
    tag: str,
    numbers: Sequence[int],
    returns: Sequence[str],
    *,
    uid: bool,
    modseq: int | None = None,
    in_order: bool = False,
) -> bytes:
    """`* ESEARCH (TAG "a") UID COUNT 2 ALL 1:2`: what was asked for, MIN, MAX and ALL only when there is one. RFC 4731
    §3.1. `numbers` ascend, or stand `in_order` of a SORT."""
    words = [b"* ESEARCH", b"(TAG %b)" % quoted(tag.encode("ascii"))] + ([b"UID"] if uid else [])
    if "COUNT" in returns:
        words.append(b"COUNT %d" % len(numbers))
    if numbers:
        shown = {
            "MIN": b"%d" % numbers[0],
            "MAX": b"%d" % numbers[-1],
            "ALL": compact_in_order(numbers) if in_order else compact(numbers),
        }
        words += [word.encode("ascii") + b" " + value for word, value in shown.items() if word in returns]
        words += [b"MODSEQ %d" % modseq] if modseq is not None else []
    return line(*words)


def copyuid(uidvalidity: int, sources: Sequence[int], targets: Sequence[int]) -> str:
    """The COPYUID code, number by number in one order. RFC 4315 §3."""
    return f"COPYUID {uidvalidity} {compact_in_order(sources).decode()} {compact_in_order(targets).decode()}"


def fetch_line(number: int, pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """`* n FETCH (NAME value …)`; values are written already."""
    return b"* %d FETCH (%b)\r\n" % (number, b" ".join(name + b" " + value for name, value in pairs))


def fetch_flags(number: int, names: Iterable[str] | None, uid: int | None = None, modseq: int | None = None) -> bytes:
    """The answer to STORE and the news of IDLE: `* n FETCH (UID u FLAGS (…) MODSEQ (m))`, each where it is given."""
    pairs = [] if uid is None else [(b"UID", b"%d" % uid)]
    if names is not None:
        pairs.append((b"FLAGS", flags(names)))
    if modseq is not None:
        pairs.append((b"MODSEQ", b"(%d)" % modseq))
    return fetch_line(number, pairs)


def literal_head(size: int) -> bytes:
    """What precedes `size` octets that are streamed."""
    return b"{%d}\r\n" % size


def body_name(item: BodyItem) -> bytes:
    """The name under which a body item is answered: `BODY[1.HEADER.FIELDS (From)]<0>`. RFC 3501 §7.4.2."""
    if item.name:
        return item.name
    origin = b"<%d>" % item.partial.offset if item.partial else b""
    return b"BODY[" + section_text(item.section) + b"]" + origin


def section_text(section: Section) -> bytes:
    """A section as it stands between the brackets."""
    words = [b".".join(b"%d" % number for number in section.path)] if section.path else []
    if section.kind:
        words.append(section.kind.encode("ascii"))
    fields = b" (" + b" ".join(astring(name) for name in section.fields) + b")" if section.filtered else b""
    return b".".join(words) + fields


def body_value(data: bytes | None) -> bytes:
    """The octets of a body item: a literal, or NIL when there is no such part."""
    return b"NIL" if data is None else literal_head(len(data)) + without_nul(data)


def without_nul(data: bytes) -> bytes:
    """A literal has no NUL (RFC 3501 §4.3.1), which only an appended message can hold: 0x80 stands in its place.
    BINARY gives it as it is."""
    return data.replace(b"\0", b"\x80") if b"\0" in data else data


def id_line(fields: Iterable[tuple[str, str]]) -> bytes:
    """`* ID ("name" "Pli")`. RFC 2971 §3.2."""
    words = [string(word.encode()) for pair in fields for word in pair]
    return line(b"* ID", b"(" + b" ".join(words) + b")" if words else nstring(None))
