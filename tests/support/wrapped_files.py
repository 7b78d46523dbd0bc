"""DICOM headers and FHIR resources for tests, by hand."""

import base64
import hashlib
import struct
from typing import Any

from core.ins import Ins

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
CT, KOS = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.59"
LONG = ("OB", "SQ", "UN", "UT")


def element(tag: int, kind: str, value: bytes | str, syntax: str = EXPLICIT) -> bytes:
    data = value.encode("latin-1") if isinstance(value, str) else value
    data += (b"\0" if kind in ("UI", "OB") else b" ") * (len(data) % 2)
    order = ">" if syntax == BIG else "<"
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + struct.pack("<I", len(data)) + data
    if kind in LONG:
        return head + kind.encode() + b"\0\0" + struct.pack(order + "I", len(data)) + data
    return head + kind.encode() + struct.pack(order + "H", len(data)) + data


def item(*elements: bytes) -> bytes:
    inside = b"".join(elements)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside


def open_sequence(tag: int, *elements: bytes) -> bytes:
    """A sequence and an item of undefined length, each ended by its delimiter."""
    start = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
    start += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return start + b"".join(elements) + ends


def dicom(
    ins: Ins | None = None,
    *,
    syntax: str = EXPLICIT,
    sop: str = CT,
    more: bytes = b"",
    preamble: bytes = b"\0" * 128,
    name: str = "DUPRE-L'HOTE^Maelys",
) -> bytes:
    """A header, then pixels that nobody should look at."""
    meta = element(0x0002_0002, "UI", sop) + element(0x0002_0010, "UI", syntax)
    meta = element(0x0002_0000, "UL", struct.pack("<I", len(meta))) + meta
    parts = [(0x0008_0016, "UI", sop), (0x0008_0018, "UI", "2.25.5"), (0x0008_0020, "DA", "20260601")]
    parts += [(0x0008_0060, "CS", "CT"), (0x0008_1030, "LO", "Scanner du thorax"), (0x0010_0010, "PN", name)]
    parts += [(0x0010_0020, "LO", ins.matricule), (0x0010_0021, "LO", ins.oid)] if ins else []
    parts += [(0x0010_0030, "DA", "19790328"), (0x0010_0040, "CS", "F"), (0x0020_000D, "UI", "2.25.6")]
    body = b"".join(element(*part, syntax) for part in parts)
    return preamble + b"DICM" + meta + body + more + element(0x7FE0_0010, "OB", b"\xff" * 64, syntax)


def reference(ins: Ins, data: bytes | None = None, url: str = "", **changes: Any) -> dict[str, Any]:
    """A DocumentReference with its content inside, or elsewhere."""
    attachment: dict[str, Any] = {"contentType": "application/xml", "title": "Courrier"}
    if data is not None and not url:
        attachment["data"] = base64.b64encode(data).decode()
    if data is not None:
        attachment |= {"size": len(data), "hash": base64.b64encode(hashlib.sha1(data).digest()).decode()}
    attachment |= {"url": url} if url else {}
    subject = {"reference": f"Patient?identifier=urn:oid:{ins.oid}|{ins.matricule}"}
    return {
        "resourceType": "DocumentReference",
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.25.9"},
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11488-4"}]},
        "subject": subject,
        "content": [{"attachment": attachment}],
    } | changes


def bundle(*entries: tuple[str, dict[str, Any]], kind: str = "transaction") -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries],
    }


def binary(data: bytes) -> dict[str, Any]:
    return {"resourceType": "Binary", "contentType": "application/xml", "data": base64.b64encode(data).decode()}
