"""Reads of a FHIR resource that expect nothing of it: an absent or wrong-typed value is an empty one."""

from typing import Any

from record.unpack.limits import CDA_CLAIMS, FIELD_CHARACTERS

Node = dict[str, Any]


def node(parent: Node, name: str) -> Node:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def nodes(parent: Node, name: str) -> list[Node]:
    """A list of objects; a single object counts as a list of one."""
    found = parent.get(name)
    listed = found if isinstance(found, list) else [found]
    return [item for item in listed if isinstance(item, dict)]


def text(parent: Node, name: str, most: int | None = FIELD_CHARACTERS) -> str:
    """A string, at most so many characters of it; lone surrogates, which UTF-8 cannot write, become `?`."""
    found = parent.get(name)
    if not isinstance(found, str):
        return ""
    return found.strip()[:most].encode("utf-8", "replace").decode()


def texts(parent: Node, name: str) -> tuple[str, ...]:
    """A list of strings, the empty ones left out."""
    found = parent.get(name)
    listed = found if isinstance(found, list) else [found]
    return tuple(value for item in listed[:CDA_CLAIMS] if (value := text({"": item}, "")))


def whole_number(parent: Node, name: str) -> int | None:
    found = parent.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def codes(concept: Node) -> tuple[str, ...]:
    """The codes of a CodeableConcept, or of a bare Coding."""
    codings = nodes(concept, "coding") or [concept]
    return tuple(code for coding in codings[:CDA_CLAIMS] if (code := text(coding, "code")))
