"""A document and what stands beside it, put together: and where the two differ, that is told."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from record.unpack.facts import Document, Entry, Problem

Opener = Callable[[bytes, str, str], tuple[Document, ...]]  # bytes, declared type, name; raises Unreadable


def wrap(opened: tuple[Document, ...], entry: Entry, part: str, name: str, content: bytes) -> Iterator[Document]:
    """`opened` is what came out of one file: the document, and what it carries inside. `content` are its bytes."""
    differing = tuple(_differences(opened[0], entry, content))
    deletion = (Problem.DELETION,) if entry.action == "D" else ()
    for document in opened:
        own_title = document.title if document.cda else ""
        yield replace(
            document,
            part=f"{part}/{document.part}" if document.part else part,
            name=name if not document.part else "",
            title=own_title or entry.title or document.title,
            entries=(*document.entries, entry),
            remarks=document.remarks + (differing if document is opened[0] else ()) + deletion,
        )


def _differences(document: Document, entry: Entry, content: bytes) -> Iterator[Problem]:
    if entry.sha1 and entry.sha1 != hashlib.sha1(content, usedforsecurity=False).hexdigest():
        yield Problem.HASH_DIFFERS
    if entry.size is not None and entry.size != len(content):
        yield Problem.SIZE_DIFFERS
    if _another_patient(document, entry):
        yield Problem.PATIENT_DIFFERS


def _another_patient(document: Document, entry: Entry) -> bool:
    """Numbers by their first 13 characters; birth date and sex where both tell them."""
    told = [facts for facts in (document.cda, *document.entries) if facts]
    outside = {claim.text[:13].upper() for claim in entry.ins}
    inside = {claim.text[:13].upper() for facts in told for claim in facts.ins}
    if len(outside) > 1 or (outside and inside and outside != inside):
        return True
    return any(_differ(facts.traits.birth_date[:8], entry.traits.birth_date[:8]) for facts in told) or any(
        _differ(facts.traits.sex, entry.traits.sex) for facts in told
    )


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)
