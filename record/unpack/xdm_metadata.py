"""METADATA.XML of a submission set: ebRIM 3.0 read by local names, repaired where the field is known to break it.

IHE ITI TF-3 §4.2. Scheme UUIDs are those of DOMAIN.md §7; an unknown scheme is passed over.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.ins import OIDS
from record.unpack.facts import NO_TRAITS, Entry, InsClaim, Problem, Traits, Unreadable
from record.unpack.limits import CDA_CLAIMS, ENTRIES, FIELD_CHARACTERS, METADATA_BYTES
from record.unpack.xml import Element, local_name, parse

TYPE_CODE = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983"
CONFIDENTIALITY = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"
ENTRY_PATIENT = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
ENTRY_ID = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
SET_PATIENT = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446"
REPLACES = "urn:ihe:iti:2007:AssociationType:RPLC"

_KNOWN = {  # prefixes that go missing when the set is cut out of a SOAP body
    b"rim": b"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0",
    b"lcm": b"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0",
    b"rs": b"urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0",
    b"query": b"urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0",
    b"xsi": b"http://www.w3.org/2001/XMLSchema-instance",
}
_USED = re.compile(rb"(?:<\s*/?|\s)([A-Za-z_][\w.-]{0,30}):[A-Za-z_]")
_ROOT_TAG = re.compile(rb"<[A-Za-z_][^<>]*?(?=/?>)")
_ACTION = re.compile(r"(?:\A|[^a-z])action\Z", re.IGNORECASE)
_PIECE = re.compile(r"([0-9]{1,3})\|(.*)", re.DOTALL)

Slots = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """One document as METADATA.XML announces it; `uri` is not checked yet."""

    uri: str
    entry: Entry


@dataclass(frozen=True, slots=True, repr=False)
class SubmissionSet:
    lines: tuple[Line, ...]
    repaired: bool


def read_metadata(data: bytes) -> SubmissionSet:
    """Raises Unreadable: TOO_LARGE, ENCODING, DOCTYPE, BROKEN, TOO_MANY_FILES."""
    root, repaired = _parse(data)
    nodes: dict[str, list[Element]] = defaultdict(list)
    for node in root.iter():
        nodes[local_name(node)].append(node)
    if len(nodes["ExtrinsicObject"]) > ENTRIES:
        raise Unreadable(Problem.TOO_MANY_FILES)
    package = _Package(nodes["RegistryPackage"], nodes["Association"])
    return SubmissionSet(tuple(package.line(node) for node in nodes["ExtrinsicObject"]), repaired)


def _parse(data: bytes) -> tuple[Element, bool]:
    """As it stands; else with the missing prefixes declared, and that is told."""
    try:
        return parse(data, METADATA_BYTES), False
    except Unreadable as refusal:
        if refusal.problem is not Problem.BROKEN:
            raise
    root = _ROOT_TAG.search(data)
    if root is None:
        raise Unreadable(Problem.BROKEN)
    missing = sorted(p for p in set(_USED.findall(data)) - {b"xml", b"xmlns"} if b"xmlns:%s=" % p not in root[0])
    added = b"".join(b' xmlns:%s="%s"' % (p, _KNOWN.get(p, b"urn:undeclared:" + p)) for p in missing[:20])
    if not added:
        raise Unreadable(Problem.BROKEN)
    return parse(data[: root.end()] + added + data[root.end() :], METADATA_BYTES), True


class _Package:
    """What the set says for all its documents."""

    def __init__(self, packages: list[Element], associations: list[Element]) -> None:
        self._patients = tuple(
            claim for node in packages[:CDA_CLAIMS] for claim in _ins(_identifiers(node, SET_PATIENT))
        )
        self._action = next((found for node in packages[:CDA_CLAIMS] if (found := _action(_slots(node)))), "")
        self._replaced: dict[str, list[str]] = defaultdict(list)
        for node in associations[:ENTRIES]:
            if (node.get("associationType") or "").endswith("RPLC"):
                self._replaced[node.get("sourceObject") or ""].append(
                    (node.get("targetObject") or "")[:FIELD_CHARACTERS]
                )

    def line(self, node: Element) -> Line:
        slots = _slots(node)
        own = _ins((*_identifiers(node, ENTRY_PATIENT), *slots.get("sourcePatientId", ())))
        entry = Entry(
            form="xdm",
            document_id=next(iter(_identifiers(node, ENTRY_ID)), ""),
            type_code=next(iter(_classified(node, TYPE_CODE)), ""),
            title=_title(node),
            media_type=(node.get("mimeType") or "").strip()[:FIELD_CHARACTERS],
            size=_number(slots),
            sha1=next(iter(slots.get("hash", ())), "").lower(),
            ins=tuple(dict.fromkeys(own + self._patients)),
            traits=_traits(slots.get("sourcePatientInfo", ())),
            confidentiality=_classified(node, CONFIDENTIALITY),
            replaces=tuple(self._replaced.get(node.get("id") or "", ())),
            action=_action(slots) or self._action,
        )
        return Line(_uri(slots), entry)


def _slots(node: Element) -> Slots:
    """Slot name → its values, of this node alone: those of a classification inside are another's."""
    found: dict[str, tuple[str, ...]] = {}
    for slot in node:
        if local_name(slot) == "Slot":
            values = (value for value in slot.iter() if local_name(value) == "Value")
            found[slot.get("name") or ""] = tuple((value.text or "").strip()[:2048] for value in values)[:CDA_CLAIMS]
    return found


def _identifiers(node: Element, scheme: str) -> tuple[str, ...]:
    return _children(node, "ExternalIdentifier", "identificationScheme", scheme, "value")


def _classified(node: Element, scheme: str) -> tuple[str, ...]:
    return _children(node, "Classification", "classificationScheme", scheme, "nodeRepresentation")


def _children(node: Element, tag: str, key: str, scheme: str, wanted: str) -> tuple[str, ...]:
    chosen = (child for child in node if local_name(child) == tag and (child.get(key) or "").lower() == scheme)
    values = ((child.get(wanted) or "").strip()[:FIELD_CHARACTERS] for child in chosen)
    return tuple(value for value in values if value)[:CDA_CLAIMS]


def _title(node: Element) -> str:
    names = (child for child in node if local_name(child) == "Name")
    values = (local.get("value") or "" for name in names for local in name)
    return next((" ".join(value.split())[:FIELD_CHARACTERS] for value in values if value.strip()), "")


def _uri(slots: Slots) -> str:
    """One value, or pieces `1|…` `2|…` of a long one. IHE ITI TF-3 §4.2.3.2.25"""
    values = slots.get("URI", ())
    pieces = [found for value in values if (found := _PIECE.fullmatch(value))]
    if pieces and len(pieces) == len(values):
        return "".join(piece[2] for piece in sorted(pieces, key=lambda piece: int(piece[1])))
    return values[0] if values else ""


def _number(slots: Slots) -> int | None:
    size = next(iter(slots.get("size", ())), "")
    return int(size) if size.isascii() and size.isdigit() and len(size) <= 12 else None


def _action(slots: Slots) -> str:
    values = (values[0] for name, values in slots.items() if _ACTION.search(name) and values)
    return next((value[:1].upper() for value in values if value[:1].upper() in {"C", "D"}), "")


def _ins(identifiers: Iterable[str]) -> tuple[InsClaim, ...]:
    """HL7 CX `<number>^^^&<oid>&ISO^…`; only what stands under an OID of the INS."""
    found = []
    for value in identifiers:
        parts = value.split("^")
        authority = parts[3].split("&") if len(parts) > 3 else []
        oid = next((part for part in authority if part in OIDS), "")
        if oid and parts[0]:
            found.append(InsClaim(parts[0].strip(), oid))
    return tuple(dict.fromkeys(found))


def _traits(lines: tuple[str, ...]) -> Traits:
    """`PID-5|NOM^Prénom^^^^^L`, `PID-7|19790328`, `PID-8|F`. IHE ITI TF-3 §4.2.3.2.23"""
    fields = dict(line.split("|", 1) for line in lines if "|" in line)
    if not fields:
        return NO_TRAITS
    names = [name.split("^") for name in fields.get("PID-5", "").split("~") if name]
    at_birth = next((name for name in names if len(name) > 6 and name[6] == "L"), None)
    shown = at_birth or (names[0] if names else [])
    family, given = (*(part.strip()[:FIELD_CHARACTERS] for part in shown[:2]), "", "")[:2]
    birth, sex = fields.get("PID-7", "").strip()[:FIELD_CHARACTERS], fields.get("PID-8", "").strip()[:1]
    if at_birth:
        return Traits(family, (), given, (), birth, sex)
    return Traits("", (family,) if family else (), "", (given,) if given else (), birth, sex)
