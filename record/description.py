"""One document in the words of `pli record unpack --json`. Absent values are null, dates are ISO 8601."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from record.identity import doubts, doubts_of
from record.unpack.facts import (
    CDA,
    DICOM,
    FHIR,
    JPEG,
    NO_TRAITS,
    OPAQUE,
    PDF,
    PNG,
    RTF,
    TEXT,
    TIFF,
    Document,
    InsClaim,
    Problem,
    Rejected,
    Traits,
)

_SUFFIXES = {PDF: ".pdf", JPEG: ".jpg", PNG: ".png", TIFF: ".tif", TEXT: ".txt", RTF: ".rtf", CDA: ".xml"}
_SUFFIXES |= {DICOM: ".dcm", FHIR: ".json", OPAQUE: ".bin"}
_DAY = re.compile(r"([0-9]{4})([0-9]{2})?([0-9]{2})?")

_Said = tuple[tuple[InsClaim, ...], Traits]


def describe_document(document: Document, name: str, everywhere: Iterable[Problem]) -> dict[str, Any]:
    """`everywhere`: what is to be known of the whole archive."""
    said = [(document.cda.ins, document.cda.traits)] if document.cda else []
    said += [(entry.ins, entry.traits) for entry in document.entries]
    return {
        "name": name or None,
        "media_type": document.media_type,
        "type_code": document.type_code or None,
        "title": document.title or name or None,
        "patient": _patient(said),
        "sha256": hashlib.sha256(document.data).hexdigest(),
        "problems": list(dict.fromkeys(word.value for word in (*everywhere, *document.remarks, *doubts(document)))),
    }


def describe_rejected(rejected: Rejected) -> dict[str, Any]:
    """A file that is not taken beside others that are; what stands beside it is told all the same."""
    entry = rejected.entry
    said = [(entry.ins, entry.traits)] if entry else []
    return {
        "name": rejected.name or None,
        "media_type": (entry.media_type if entry else "") or None,
        "type_code": (entry.type_code if entry else "") or None,
        "title": (entry.title if entry else "") or rejected.name or None,
        "patient": _patient(said),
        "sha256": hashlib.sha256(rejected.data).hexdigest() if rejected.data else None,
        "problems": [rejected.problem.value, *(reason.value for reason in doubts_of(said))],
    }


def carried_name(outer: str, document: Document) -> str:
    """A name for what came without one: that of the file around it, the ending by its type."""
    if not document.part:
        return outer
    stem = PurePosixPath(outer).stem or "document"
    number = "" if document.part.endswith("body") else f"-{document.part}"
    return f"{stem}{number}{_SUFFIXES[document.media_type]}"


def _patient(said: list[_Said]) -> dict[str, str | None]:
    """The header first, then what stands beside it: the first word on each point."""
    claim = next((claim for ins, _traits in said for claim in ins), None)
    traits = [found for _ins, found in said if found != NO_TRAITS]
    return {
        "ins": claim.text if claim else None,
        "oid": claim.oid if claim else None,
        "family": _first((found.birth_family, *found.other_families) for found in traits),
        "given": _first((found.birth_given, *found.other_given) for found in traits),
        "birth_date": _iso(_first((found.birth_date,) for found in traits)),
        "sex": _first((found.sex,) for found in traits),
    }


def _first(lists: Iterator[tuple[str, ...]]) -> str | None:
    return next((text for texts in lists for text in texts if text), None)


def _iso(written: str | None) -> str | None:
    """HL7 TS to ISO 8601, as exact as it is; whatever is no date stays as it was written."""
    found = _DAY.match(written or "")
    return "-".join(part for part in found.groups() if part) if found else written
