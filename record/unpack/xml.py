"""XML read with no DTD, no entity, no network, bounds on the bytes first; lxml's words never leave this file."""

import re

from lxml import etree

from record.unpack.facts import Problem, Unreadable
from record.unpack.limits import ATTACHMENT_BYTES, CDA_TAGS

Element = etree._Element
_DECLARED = re.compile(rb"\A<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_ENCODINGS = frozenset({b"utf-8", b"utf8", b"us-ascii", b"iso-8859-1", b"iso-8859-15", b"windows-1252"})
_FORBIDDEN = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


def check_bytes(data: bytes, most_bytes: int = ATTACHMENT_BYTES) -> None:
    """The bounds on raw bytes, before any parser. Raises Unreadable: TOO_LARGE, ENCODING, DOCTYPE."""
    if len(data) > most_bytes or data.count(b"<") > CDA_TAGS:
        raise Unreadable(Problem.TOO_LARGE)
    if b"\x00" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(Problem.ENCODING)  # UTF-16 and 32 would hide a DOCTYPE from the next check
    declared = _DECLARED.match(data.lstrip(b"\xef\xbb\xbf\t\r\n "))
    if declared and declared[1].lower() not in _ENCODINGS:
        raise Unreadable(Problem.ENCODING)
    if _FORBIDDEN.search(data):
        raise Unreadable(Problem.DOCTYPE)


def parse(data: bytes, most_bytes: int = ATTACHMENT_BYTES) -> Element:
    """The root. Raises Unreadable: those of `check_bytes`, BROKEN."""
    check_bytes(data, most_bytes)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data.strip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Unreadable(Problem.BROKEN) from None  # lxml's text may repeat the document


def local_name(node: Element) -> str:
    """The tag without its namespace."""
    return str(node.tag).rpartition("}")[2]
