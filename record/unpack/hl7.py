"""HL7 v2 messages that carry clinical documents: MDM T02, T04, T10 and ORU R01, one CDA an OBX of type ED.

IG-CDA, DOMAIN.md §9: PID-3 names the patient, OBX-11 says whether the document is new, replaces or is to be removed,
and the codes of MetaDMPMSS that follow say who may not see it. The words of a mail (CORPSMAIL) are no documents.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.ins import OIDS
from record.unpack.facts import Document, Entry, InsClaim, Problem, Rejected, Traits, Unpacked, Unreadable
from record.unpack.limits import CDA_CLAIMS, ENTRIES, FIELD_CHARACTERS
from record.unpack.sniff import decode_text
from record.unpack.wrapping import Opener, wrap

SEGMENTS = 5_000
KINDS = frozenset({"MDM^T02", "MDM^T04", "MDM^T10", "ORU^R01"})
META = "MetaDMPMSS"
_BREAK = re.compile(r"\r\n|\r|\n")
_ESCAPE = re.compile(r"\\([FSTRE])\\")  # HL7 v2.5 §2.7
_ACTIONS = {"C": "C", "D": "D"}


@dataclass(frozen=True, slots=True)
class _Marks:
    """The message's own separators, MSH-1 and MSH-2: field, component, repetition, subcomponent."""

    field: str
    component: str
    repetition: str
    sub: str

    @classmethod
    def of(cls, head: str) -> "_Marks":
        marks = head[3:8]
        if len(marks) < 5 or len(set(marks)) != 5 or any(mark.isalnum() or mark.isspace() for mark in marks):
            raise Unreadable(Problem.BROKEN)
        return cls(marks[0], marks[1], marks[2], marks[4])


class _Segment:
    """One line: fields counted from 1, absent ones empty."""

    def __init__(self, line: str, marks: _Marks) -> None:
        self._fields, self._marks = line.split(marks.field), marks
        self.name = self._fields[0]

    def field(self, number: int) -> str:
        return self._fields[number] if number < len(self._fields) else ""

    def part(self, number: int, component: int) -> str:
        """A component of the first repetition, its escapes resolved."""
        return self._component(self.field(number).split(self._marks.repetition)[0], component)

    def repeats(self, number: int, *components: int) -> Iterator[tuple[str, ...]]:
        """These components of every repetition, at most CDA_CLAIMS of them."""
        for each in self.field(number).split(self._marks.repetition)[:CDA_CLAIMS]:
            yield tuple(self._component(each, component) for component in components)

    def sub(self, text: str, number: int) -> str:
        pieces = text.split(self._marks.sub)
        return pieces[number - 1] if number <= len(pieces) else ""

    def _component(self, text: str, number: int) -> str:
        pieces = text.split(self._marks.component)
        found = pieces[number - 1] if number <= len(pieces) else ""
        signs = {"F": self._marks.field, "S": self._marks.component, "T": self._marks.sub}
        signs |= {"R": self._marks.repetition, "E": "\\"}
        return _ESCAPE.sub(lambda escape: signs[escape[1]], found).strip()


def read_hl7(data: bytes, open_file: Opener, most_bytes: int) -> Unpacked:
    """The documents of one message. Raises Unreadable: BROKEN, ENCODING, TOO_MANY_FILES, NO_DOCUMENT."""
    segments = _segments(data)
    head = segments[0]
    if f"{head.part(8, 1)}^{head.part(8, 2)}" not in KINDS:  # MSH-9: MSH-1 is the separator itself
        raise Unreadable(Problem.NO_DOCUMENT)
    ins, traits = _patient(segments)
    carried = [each for each in segments if each.name == "OBX" and each.field(2) == "ED" and each.part(3, 3) != META]
    if len(carried) > ENTRIES:
        raise Unreadable(Problem.TOO_MANY_FILES)
    hidden = tuple(_hidden(segments))
    documents: list[Document] = []
    rejected: list[Rejected] = []
    for count, each in enumerate(carried, 1):
        entry = _entry(each, ins, traits, hidden)
        content = b""
        try:
            content = _decoded(each, most_bytes)
            documents += wrap(open_file(content, entry.media_type, ""), entry, str(count), "", content)
        except Unreadable as refusal:
            rejected.append(Rejected(str(count), entry.title, refusal.problem, entry, content))
    if not documents and not rejected:
        raise Unreadable(Problem.NO_DOCUMENT)
    remarks = tuple(dict.fromkeys(remark for document in documents for remark in document.remarks))
    return Unpacked(tuple(documents), remarks if documents else (rejected[0].problem,), tuple(rejected))


def _segments(data: bytes) -> list[_Segment]:
    text = decode_text(data.strip(b"\x0b\x1c\r\n"))  # MLLP's own frame may still be around it
    if text is None:
        raise Unreadable(Problem.ENCODING)
    marks = _Marks.of(text)
    lines = _BREAK.split(text, maxsplit=SEGMENTS)
    if len(lines) > SEGMENTS:
        raise Unreadable(Problem.TOO_MANY_FILES)
    return [_Segment(line, marks) for line in lines if line.strip()]


def _patient(segments: list[_Segment]) -> tuple[tuple[InsClaim, ...], Traits]:
    """PID-3 under an OID of the INS, PID-5 by its type (L: the name at birth), PID-7, PID-8."""
    pid = next((each for each in segments if each.name == "PID"), None)
    if pid is None:
        return (), Traits("", (), "", (), "", "")
    claims = tuple(
        InsClaim(number[:FIELD_CHARACTERS], oid)
        for number, authority in pid.repeats(3, 1, 4)
        if (oid := pid.sub(authority, 2)) in OIDS and number
    )
    names = [(f[:FIELD_CHARACTERS], g[:FIELD_CHARACTERS], kind) for f, g, kind in pid.repeats(5, 1, 2, 7)]
    birth = next(((family, given) for family, given, kind in names if kind == "L"), ("", ""))
    others = [(family, given) for family, given, kind in names if kind != "L"]
    return claims, Traits(
        birth[0],
        tuple(family for family, _given in others if family),
        birth[1],
        tuple(given for _family, given in others if given),
        pid.part(7, 1)[:FIELD_CHARACTERS],
        pid.part(8, 1)[:1],
    )


def _hidden(segments: list[_Segment]) -> Iterator[str]:
    for each in segments:
        if each.name == "OBX" and each.part(3, 3) == META and each.part(5, 1) == "Y":
            yield each.part(3, 1)[:FIELD_CHARACTERS]


def _entry(obx: _Segment, ins: tuple[InsClaim, ...], traits: Traits, hidden: tuple[str, ...]) -> Entry:
    is_xml = obx.part(5, 3).upper() == "XML"
    return Entry(
        form="hl7",
        type_code=obx.part(3, 1)[:FIELD_CHARACTERS],
        title=obx.part(3, 2)[:FIELD_CHARACTERS],
        media_type="text/xml" if is_xml else "",
        ins=ins,
        traits=traits,
        confidentiality=hidden,
        action=_ACTIONS.get(obx.part(11, 1), ""),
    )


def _decoded(obx: _Segment, most_bytes: int) -> bytes:
    """OBX-5.5 in base64; its white space is a habit of some senders."""
    encoded = obx.part(5, 5)
    if len(encoded) > most_bytes * 4 // 3 + 1_000:
        raise Unreadable(Problem.TOO_LARGE)
    if obx.part(5, 4).lower() != "base64":
        raise Unreadable(Problem.ENCODING)
    try:
        return base64.b64decode(re.sub(r"\s+", "", encoded), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(Problem.BROKEN) from None
