"""ENVELOPE, BODY, BODYSTRUCTURE and every section, compared with Debian's Dovecot message by message.

Each difference is named here with its reason; one that is new fails, and so does one that is gone.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mail.imap.fetch_items import BodyItem
from mail.imap.respond import body_name
from mail.part import Part, find, numbered
from mail.part import Path as PartPath
from mail.sections import FIELDS, FIELDS_NOT, HEADER, MIME, TEXT, Section, extract_from
from mail.structure import describe
from tests.support import golden
from tests.support.dovecot import Dovecot, Reader, Value

pytestmark = pytest.mark.slow

TRAILING = "RFC 2046 §5.1.1: the line end before a delimiter belongs to it, also behind an inner closing delimiter"
PREFIX = "Dovecot takes a longer line that begins with the boundary for it; we take whole lines only"
CHILDLESS = "a multipart without parts: Dovecot shows an empty text, we show its content"
BLANK = "an empty part keeps its blank line in the header, where Dovecot gives it to the delimiter"

DIFFERENCES = {
    ("empty-parts", "BODY[1.MIME]"): BLANK,
    ("empty-parts", "BODY[2.MIME]"): BLANK,
    ("encoded-message", "BODY[1.HEADER]"): "Dovecot opens a message that is in base64",
    ("folded", "ENVELOPE"): "unfolding removes the line end alone (RFC 5322 §2.2.3); Dovecot turns a tab into a space",
    ("forwarded", "BODY"): TRAILING,
    ("forwarded", "BODYSTRUCTURE"): TRAILING,
    ("forwarded", "BODY[2]"): TRAILING,
    ("forwarded", "BODY[2.TEXT]"): TRAILING,
    (
        "header-only",
        "BODY[HEADER.FIELDS.NOT (FROM SUBJECT)]",
    ): "RFC 3501 §6.4.5: chosen fields end with a blank line",
    ("headers-twice", "ENVELOPE"): "of fields that may come once we take the first everywhere, Dovecot the last",
    ("lookalikes", "BODY"): PREFIX,
    ("lookalikes", "BODYSTRUCTURE"): PREFIX,
    ("lookalikes", "BODY[1]"): PREFIX,
    ("lookalikes", "BODY[1.MIME]"): PREFIX,
    ("lookalikes", "BODY[2]"): PREFIX,
    **{
        (name, item): CHILDLESS
        for name in ("no-boundary", "no-parts")
        for item in ("BODY", "BODYSTRUCTURE", "BODY[1]", "BODY[1.MIME]")
    },
    ("odd-addresses", "ENVELOPE"): "white space round the dots of an address (RFC 5322 §4.4) is broken to Dovecot",
    ("parameters", "BODY"): "Dovecot drops a parameter whose value is empty",
    ("parameters", "BODYSTRUCTURE"): "Dovecot drops a parameter whose value is empty",
    ("related", "BODY[1]"): TRAILING,
    ("similar-boundaries", "BODY[1]"): TRAILING,
}


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with TemporaryDirectory(prefix="pli-dovecot-") as home:
        yield Dovecot(Path(home), [golden.raw(name) for name in golden.names()])


def sections(tree: Part) -> list[Section]:
    fields = (b"FROM", b"SUBJECT")
    found = [
        Section(),
        Section((), HEADER),
        Section((), TEXT),
        Section((), FIELDS, fields),
        Section((), FIELDS_NOT, fields),
    ]
    for path, _ in numbered(tree):
        found += [Section(path), Section(path, MIME), Section(path, HEADER), Section(path, TEXT)]
    return found


def absent(tree: Part, path: PartPath) -> bool:
    """HEADER and TEXT of a part that is no message: we say NIL, Dovecot says empty; the standard says nothing."""
    part = find(tree, path)
    return bool(path) and part is not None and part.message is None


@pytest.mark.parametrize("name", golden.names())
def test_agreement(dovecot: Dovecot, name: str) -> None:
    raw = golden.raw(name)
    described = describe(raw)
    ours: dict[str, Value] = {
        "ENVELOPE": Reader(described.envelope).value(),
        "BODY": Reader(described.body).value(),
        "BODYSTRUCTURE": Reader(described.bodystructure).value(),
    }
    asked = ["ENVELOPE", "BODY", "BODYSTRUCTURE"]
    for section in sections(described.tree):
        item = body_name(BodyItem(section)).decode()
        value = extract_from(raw, described.tree, section)
        ours[item] = b"" if value is None and absent(described.tree, section.path) else value
        asked.append(item.replace("BODY[", "BODY.PEEK["))
    theirs = dovecot.fetch(golden.names().index(name) + 1, asked)
    differ = {item for item in ours if plain(ours[item]) != plain(theirs[item])}
    assert differ == {item for message, item in DIFFERENCES if message == name}


def plain(value: Value) -> object:
    """Without regard to case, in which media types and dispositions may be written."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.lower() if value is not None else None


def test_every_difference_belongs_to_a_message() -> None:
    assert {message for message, _ in DIFFERENCES} <= set(golden.names())
