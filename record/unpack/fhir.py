"""FHIR R4 JSON: DocumentReference (ITI-105, ITI-67), submission bundle (ITI-65), FHIR document, Binary.

IHE MHD 4, PDSm 3.1, DOMAIN.md §9. Nothing is fetched: content that lies elsewhere is told, never followed.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from record.unpack.facts import FHIR, Document, Entry, Problem, Rejected, Unpacked, Unreadable
from record.unpack.fhir_patient import identifier_text, patient_of, reference_of
from record.unpack.fhir_tree import Node, codes, node, nodes, text, whole_number
from record.unpack.json_bounds import read_json
from record.unpack.limits import CDA_CLAIMS, ENTRIES, TEXT_CHARACTERS
from record.unpack.wrapping import Opener, wrap

_TAG = re.compile(r"<[^<>]*>")


def read_fhir(data: bytes, open_file: Opener, most_bytes: int) -> Unpacked:
    """The documents of one resource. Raises Unreadable: those of `read_json`, TOO_MANY_FILES, NO_DOCUMENT."""
    resource = read_json(data)
    if not isinstance(resource, dict):
        raise Unreadable(Problem.NO_DOCUMENT)
    bundle = _Bundle(resource)
    if bundle.composition:
        return Unpacked((_fhir_document(data, bundle),))
    return _Reader(bundle, open_file, most_bytes).read()


class _Bundle:
    """The resources of a bundle by all names under which the others may speak of them; or the one resource."""

    def __init__(self, resource: Node) -> None:
        kind = text(resource, "resourceType")
        entries = nodes(resource, "entry") if kind == "Bundle" else [{"resource": resource}]
        if len(entries) > ENTRIES * 4:
            raise Unreadable(Problem.TOO_MANY_FILES)
        self.resources: list[Node] = []
        self.named: dict[str, Node] = {}
        for entry in entries:
            if found := node(entry, "resource"):
                self.resources.append(found)
                for name in (text(entry, "fullUrl"), f"{text(found, 'resourceType')}/{text(found, 'id')}"):
                    self.named.setdefault(name, found)
        is_document = kind == "Bundle" and text(resource, "type") == "document"
        self.composition = next(iter(self.of("Composition")), {}) if is_document else {}

    def of(self, kind: str) -> list[Node]:
        return [found for found in self.resources if text(found, "resourceType") == kind]

    def resolve(self, reference: str, holder: Node) -> Node:
        """What a reference means inside this file: `#contained`, a full URL, `Kind/id`; empty when it is elsewhere."""
        if reference.startswith("#"):
            return next((c for c in nodes(holder, "contained") if text(c, "id") == reference[1:]), {})
        return self.named.get(reference, {}) if reference else {}


class _Reader:
    def __init__(self, bundle: _Bundle, open_file: Opener, most_bytes: int) -> None:
        self._bundle, self._open, self._most = bundle, open_file, most_bytes
        self._documents: list[Document] = []
        self._rejected: list[Rejected] = []

    def read(self) -> Unpacked:
        references = self._bundle.of("DocumentReference")
        if len(references) > ENTRIES:
            raise Unreadable(Problem.TOO_MANY_FILES)
        used = [self._take(reference, str(count)) for count, reference in enumerate(references, 1)]
        loose = [binary for binary in self._bundle.of("Binary") if all(binary is not other for other in used)]
        for count, binary in enumerate(loose, len(references) + 1):
            entry = Entry("fhir", media_type=text(binary, "contentType"))
            self._file(text(binary, "data", most=None), entry, str(count))
        if not self._documents and not self._rejected:
            raise Unreadable(Problem.NO_DOCUMENT)
        return self._unpacked()

    def _unpacked(self) -> Unpacked:
        remarks = tuple(dict.fromkeys(remark for document in self._documents for remark in document.remarks))
        if not self._documents:
            remarks = (self._rejected[0].problem, *remarks)
        return Unpacked(tuple(self._documents), remarks, tuple(self._rejected))

    def _take(self, reference: Node, part: str) -> Node:
        """One DocumentReference; returns the Binary that it used, or nothing."""
        content = next(iter(nodes(reference, "content")), {})
        attachment = node(content, "attachment")
        entry = _entry(self._bundle, reference, attachment)
        inline = text(attachment, "data", most=None)
        binary = {} if inline else self._bundle.resolve(text(attachment, "url"), reference)
        data = inline or text(binary, "data", most=None)
        if data:
            self._file(data, entry, part)
        else:
            self._rejected.append(Rejected(part, entry.title, Problem.OUTSIDE_BODY, entry))
        return binary

    def _file(self, encoded: str, entry: Entry, part: str) -> None:
        content = b""
        try:
            content = _decoded(encoded, self._most)
            opened = self._open(content, entry.media_type, "")
        except Unreadable as refusal:
            self._rejected.append(Rejected(part, entry.title, refusal.problem, entry, content))
            return
        self._documents += wrap(opened, entry, part, "", content)


def _decoded(encoded: str, most_bytes: int) -> bytes:
    if len(encoded) > most_bytes * 4 // 3 + 1_000:
        raise Unreadable(Problem.TOO_LARGE)
    try:
        return base64.b64decode(re.sub(r"\s+", "", encoded), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(Problem.BROKEN) from None


def _entry(bundle: _Bundle, reference: Node, attachment: Node) -> Entry:
    ins, traits = patient_of(reference, bundle.resolve)
    replaced = [link for link in nodes(reference, "relatesTo") if text(link, "code") == "replaces"]
    gone = text(reference, "status") == "entered-in-error"
    return Entry(
        form="fhir",
        document_id=identifier_text(node(reference, "masterIdentifier")),
        type_code=next(iter(codes(node(reference, "type"))), ""),
        title=text(attachment, "title") or text(reference, "description"),
        media_type=text(attachment, "contentType"),
        size=whole_number(attachment, "size"),
        sha1=_sha1(text(attachment, "hash")),
        ins=ins,
        traits=traits,
        confidentiality=tuple(code for label in nodes(reference, "securityLabel") for code in codes(label)),
        replaces=tuple(reference_of(node(link, "target")) for link in replaced[:CDA_CLAIMS]),
        action="D" if gone else "C" if replaced else "",
    )


def _sha1(encoded: str) -> str:
    """FHIR writes the octets in base64; whatever is no SHA-1 compares with nothing."""
    try:
        found = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return found.hex() if len(found) == 20 else ""


def _fhir_document(data: bytes, bundle: _Bundle) -> Document:
    """A bundle of type document is one document, kept whole; its narrative is its text."""
    composition = bundle.composition
    ins, traits = patient_of(composition, bundle.resolve)
    found = "\n".join(_narratives(nodes(composition, "section"), 0))[:TEXT_CHARACTERS]
    entry = Entry(
        form="fhir",
        type_code=next(iter(codes(node(composition, "type"))), ""),
        title=text(composition, "title"),
        ins=ins,
        traits=traits,
        confidentiality=tuple(filter(None, (text(composition, "confidentiality"),))),
    )
    return Document("", FHIR, data, title=entry.title, text=found, pages=1, entries=(entry,))


def _narratives(sections: list[Node], depth: int) -> Iterator[str]:
    for section in sections:
        yield text(section, "title")
        yield " ".join(_TAG.sub(" ", text(node(section, "text"), "div", most=TEXT_CHARACTERS)).split())
        if depth < 8:
            yield from _narratives(nodes(section, "section"), depth + 1)
