"""The attachments of a message: which parts are files, under which number, with which bytes."""

from collections.abc import Iterator
from dataclasses import dataclass

from mail.bounds import MimeBounds
from mail.content import decode_part, filename
from mail.part import Part, numbered
from record.unpack.facts import Problem
from record.unpack.limits import PARTS

_SEALS = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_NOTICES = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"})
_LETTERS = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/calendar", "text/x-amp-html"})


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    """`part` is the number of RFC 9051 §6.4.5; `problem` says why the bytes were not taken out."""

    part: str
    declared: str
    name: str
    data: bytes = b""
    problem: Problem | None = None


def attachments(raw: bytes, tree: Part, most_bytes: int) -> tuple[Attachment, ...]:
    """The files of the message, at most PARTS of them; a message attached whole is a file that nobody opens."""
    found = []
    for path, part in _files(tree):
        found.append(_attachment(raw, path, part, most_bytes))
        if len(found) == PARTS:
            break
    return tuple(found)


def has_attachments(tree: Part) -> bool:
    """Whether there is anything to file."""
    return next(_files(tree), None) is not None


def _files(tree: Part) -> Iterator[tuple[str, Part]]:
    inside: tuple[int, ...] | None = None
    pictures = _embedded(tree)
    for path, part in numbered(tree):
        if inside and path[: len(inside)] == inside:
            continue
        if part.message is not None:
            inside = path
        if part.main != b"multipart" and _is_file(part) and path not in pictures:
            yield ".".join(map(str, path)), part


def _is_file(part: Part) -> bool:
    """An attachment by its disposition or name, or anything that is no text to read; never a signature or a notice."""
    if part.media in _SEALS or part.media in _NOTICES:
        return False
    return _attached(part) or filename(part) is not None or part.media not in _LETTERS


def _embedded(tree: Part) -> frozenset[tuple[int, ...]]:
    """Pictures that a page in multipart/related shows by their Content-ID: a logo is no document. RFC 2387."""
    related = {path for path, part in numbered(tree) if part.media == "multipart/related"}
    if tree.media == "multipart/related":
        related.add(())
    return frozenset(
        path
        for path, part in numbered(tree)
        if path[:-1] in related and path[-1] > 1 and part.id and part.main == b"image" and not _attached(part)
    )


def _attached(part: Part) -> bool:
    return part.disposition is not None and part.disposition.kind == b"attachment"


def _attachment(raw: bytes, path: str, part: Part, most_bytes: int) -> Attachment:
    name = filename(part) or ""
    if part.main == b"message":
        return Attachment(path, part.media, name, problem=Problem.TYPE_NOT_TAKEN)
    try:
        return Attachment(path, part.media, name, decode_part(raw, part, most_bytes))
    except MimeBounds:
        return Attachment(path, part.media, name, problem=Problem.TOO_LARGE)
