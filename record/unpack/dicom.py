"""DICOM: the header only, by a reader of our own. Pictures are linked and opened at their source, never copied.

Ours and not pydicom: a dozen elements are wanted before the pixels, under bounds on count, depth and length, and a
library that reads all of DICOM is a large thing to hand hostile bytes to. PS3.5 §7, PS3.10 §7.1; KOS: PS3.3 §A.35.4.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from core.ins import OIDS
from record.unpack.facts import DICOM, Document, Entry, InsClaim, Problem, Traits, Unreadable
from record.unpack.limits import DICOM_DEPTH, DICOM_ELEMENTS, DICOM_LINKS, FIELD_CHARACTERS

MAGIC_AT, MAGIC = 128, b"DICM"
KOS = "1.2.840.10008.5.1.4.1.1.88.59"

_IMPLICIT, _BIG, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_UNDEFINED = 0xFFFF_FFFF
_LONG_FORMS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_SEQUENCES = frozenset({0x0010_0024, 0x0040_A375, 0x0008_1115, 0x0008_1199})  # known where types are not written
_PIXELS = 0x7FE0_0000
_SYNTAX, _CLASS, _CHARSET, _MODALITY, _DESCRIPTION = 0x0002_0010, 0x0008_0016, 0x0008_0005, 0x0008_0060, 0x0008_1030
_DATE, _INSTANCE, _STUDY = 0x0008_0020, 0x0008_0018, 0x0020_000D
_NAME, _ID, _ISSUER, _BORN, _SEX = 0x0010_0010, 0x0010_0020, 0x0010_0021, 0x0010_0030, 0x0010_0040
_UNIVERSAL_ID, _RETRIEVE_URL = 0x0040_0032, 0x0008_1190
_WANTED = frozenset(
    {_SYNTAX, _CLASS, _CHARSET, _MODALITY, _DESCRIPTION, _DATE, _INSTANCE, _STUDY, _NAME, _ID, _ISSUER, _BORN, _SEX}
    | {_UNIVERSAL_ID, _RETRIEVE_URL}
)
_CODECS = {"ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8", "ISO_IR 148": "iso8859-9", "ISO 2022 IR 100": "latin-1"}
_URL = re.compile(r"https?://[\x21-\x7e]+")


class _Element(NamedTuple):
    tag: int
    depth: int
    value: bytes


class _Form(NamedTuple):
    explicit: bool
    order: str


def read_dicom(data: bytes) -> Document:
    """The document, with what its header says; a picture carries NOT_COPIED, a KOS its links.

    Raises Unreadable: BROKEN, TOO_DEEP, TOO_LARGE, TYPE_NOT_TAKEN for the deflated form.
    """
    found = tuple(_elements(data))
    first: dict[int, bytes] = {}
    for element in found:
        if element.depth == 0:
            first.setdefault(element.tag, element.value)
    if _CLASS not in first:
        raise Unreadable(Problem.BROKEN)
    entry = _entry(first, found)
    text = " ".join(part for part in (_text(first, _MODALITY), entry.title, _text(first, _DATE)) if part)
    remarks = () if _text(first, _CLASS) == KOS else (Problem.NOT_COPIED,)
    return Document("", DICOM, data, title=entry.title, text=text, remarks=remarks, entries=(entry,))


def _entry(first: dict[int, bytes], found: tuple[_Element, ...]) -> Entry:
    codec = _CODECS.get(_text(first, _CHARSET).rpartition("\\")[2], "latin-1")
    number, issuers = _text(first, _ID), [_text(first, _ISSUER)]
    issuers += [_plain(element.value) for element in found if element.tag == _UNIVERSAL_ID]
    oid = next((issuer for issuer in issuers if issuer in OIDS), "")
    family, given = (*_text(first, _NAME, codec).split("=")[0].split("^"), "")[:2]
    urls = (_plain(element.value) for element in found if element.tag == _RETRIEVE_URL)
    study = _text(first, _STUDY)
    links = tuple(dict.fromkeys(url for url in urls if _URL.fullmatch(url)))[:DICOM_LINKS]
    return Entry(
        form="dicom",
        document_id=_text(first, _INSTANCE),
        title=_text(first, _DESCRIPTION, codec),
        ins=(InsClaim(number, oid),) if number and oid else (),
        traits=Traits("", (family,) if family else (), "", (given,) if given else (), _text(first, _BORN), _sex(first)),
        links=links or ((f"urn:oid:{study}",) if study else ()),
    )


def _sex(first: dict[int, bytes]) -> str:
    sex = _text(first, _SEX)
    return sex if sex in {"M", "F", "O"} else ""


def _text(first: dict[int, bytes], tag: int, codec: str = "ascii") -> str:
    return _plain(first.get(tag, b""), codec)


def _plain(value: bytes, codec: str = "ascii") -> str:
    return value.decode(codec, "replace").strip(" \x00\r\n\t")[:FIELD_CHARACTERS]


def _elements(data: bytes) -> Iterator[_Element]:
    """The wanted elements, up to the pixels. The meta group is always explicit and little. PS3.10 §7.1"""
    if data[MAGIC_AT : MAGIC_AT + 4] != MAGIC:
        raise Unreadable(Problem.BROKEN)
    start = MAGIC_AT + 4
    meta = _Walk(data, start, _Form(True, "<"), stop_after_group=2)
    yield from meta.elements()
    syntax = next((_plain(e.value) for e in meta.found if e.tag == _SYNTAX), "")
    if not syntax or syntax == _DEFLATED:
        raise Unreadable(Problem.TYPE_NOT_TAKEN if syntax else Problem.BROKEN)
    yield from _Walk(data, meta.at, _Form(syntax != _IMPLICIT, ">" if syntax == _BIG else "<")).elements()


class _Walk:
    """Elements one after the other; a sequence is entered, its items counted as depth, its end found by length."""

    def __init__(self, data: bytes, at: int, form: _Form, stop_after_group: int = 0) -> None:
        self._data, self.at, self._form, self._group = data, at, form, stop_after_group
        self._ends: list[int] = []  # of the sequences and items entered; _UNDEFINED where a delimiter ends it
        self._count = 0
        self.found: list[_Element] = []

    def elements(self) -> Iterator[_Element]:
        while self.at + 8 <= len(self._data):
            self._leave()
            start = self.at
            try:
                tag, length, is_sequence = self._head()
            except struct.error:
                raise Unreadable(Problem.BROKEN) from None
            if self._group and tag >> 16 > self._group:
                self.at = start
                return
            if tag >= _PIXELS and tag < _ITEM:
                return
            self._count += 1
            if self._count > DICOM_ELEMENTS:
                raise Unreadable(Problem.TOO_LARGE)
            if element := self._step(tag, length, is_sequence):
                self.found.append(element)
                yield element

    def _step(self, tag: int, length: int, is_sequence: bool) -> _Element | None:
        if tag in (_ITEM_END, _SEQUENCE_END):
            if self._ends and self._ends[-1] == _UNDEFINED:
                self._ends.pop()
            return None
        if tag == _ITEM or is_sequence or length == _UNDEFINED:
            self._enter(length)
            return None
        start, self.at = self.at, self.at + length
        if self.at > len(self._data):
            raise Unreadable(Problem.BROKEN)
        wanted = tag in _WANTED and length <= 4 * FIELD_CHARACTERS
        return _Element(tag, len(self._ends), self._data[start : self.at]) if wanted else None

    def _enter(self, length: int) -> None:
        if len(self._ends) >= 2 * DICOM_DEPTH:
            raise Unreadable(Problem.TOO_DEEP)
        end = _UNDEFINED if length == _UNDEFINED else self.at + length
        if end != _UNDEFINED and end > len(self._data):
            raise Unreadable(Problem.BROKEN)
        self._ends.append(end)

    def _leave(self) -> None:
        while self._ends and self._ends[-1] != _UNDEFINED and self.at >= self._ends[-1]:
            self._ends.pop()

    def _head(self) -> tuple[int, int, bool]:
        """Tag, length, whether it is a sequence by its type; `at` then stands on the value."""
        order = self._form.order
        group, number = struct.unpack_from(order + "HH", self._data, self.at)
        tag = group << 16 | number
        if group == 0xFFFE or not self._form.explicit:
            length = struct.unpack_from(order + "I", self._data, self.at + 4)[0]
            self.at += 8
            return tag, length, tag in _SEQUENCES
        kind = self._data[self.at + 4 : self.at + 6]
        if kind in _LONG_FORMS:
            length = struct.unpack_from(order + "I", self._data, self.at + 8)[0]
            self.at += 12
        else:
            length = struct.unpack_from(order + "H", self._data, self.at + 6)[0]
            self.at += 8
        return tag, length, kind == b"SQ"
