"""Walks in a CDA tree: paths of local names in the namespace of HL7 v3, absent nodes as empty text."""

from functools import lru_cache

from record.unpack.limits import FIELD_CHARACTERS
from record.unpack.xml import Element

NS = "urn:hl7-org:v3"
ROOT = f"{{{NS}}}ClinicalDocument"


def find(node: Element | None, path: str) -> Element | None:
    """The first node under this path."""
    return None if node is None else node.find(_path(path))


def find_all(node: Element | None, path: str) -> list[Element]:
    return [] if node is None else node.findall(_path(path))


def attribute(node: Element | None, name: str) -> str:
    return "" if node is None else (node.get(name) or "").strip()[:FIELD_CHARACTERS]


def text(node: Element | None) -> str:
    """All text inside, its white space made single."""
    return "" if node is None else " ".join("".join(node.itertext()).split())[:FIELD_CHARACTERS]


def id_text(node: Element | None) -> str:
    """`root^extension`, or the root alone."""
    parts = (attribute(node, "root"), attribute(node, "extension"))
    return "^".join(part for part in parts if part)


@lru_cache(maxsize=256)  # the paths are words of ours, some dozens
def _path(path: str) -> str:
    return "/".join(f"{{{NS}}}{step}" for step in path.split("/"))
