"""CDA R2: the header's facts and the document inside, read with no DTD, no entity, no network, and bounds set first.

Tolerant of what real files hold (nullFlavor anywhere, several ids, no BR name); strict on what could harm.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from core.ins import OIDS
from record.unpack.cda_tree import ROOT, attribute, find, find_all, id_text, text
from record.unpack.facts import CDA, Author, CdaFacts, Document, InsClaim, Problem, Traits, Unreadable
from record.unpack.limits import CDA_CLAIMS
from record.unpack.xml import Element, parse


def read_cda(data: bytes) -> tuple[Document, bytes | None]:
    """The document with its facts, and the bytes that it carries inside (B64), if any.

    Raises Unreadable: DOCTYPE, ENCODING, TOO_LARGE, BROKEN, NOT_CDA, OUTSIDE_BODY.
    """
    root = parse(data)
    if root.tag != ROOT:
        raise Unreadable(Problem.NOT_CDA)  # among them the self-presenting form, a style sheet around the document
    facts = _facts(root)
    document = Document("", CDA, data, title=facts.title, text=_narrative(root), pages=1, cda=facts)
    return document, _body(root)


def _facts(root: Element) -> CdaFacts:
    role = find(root, "recordTarget/patientRole")
    code = find(root, "code")
    return CdaFacts(
        document_id=id_text(find(root, "id")),
        type_code=attribute(code, "code"),
        type_system=attribute(code, "codeSystem"),
        title=text(find(root, "title")),
        effective_time=attribute(find(root, "effectiveTime"), "value"),
        language=attribute(find(root, "languageCode"), "code"),
        confidentiality=attribute(find(root, "confidentialityCode"), "code"),
        ins=tuple(_claims(role)),
        traits=_traits(role),
        authors=tuple(_author(node) for node in find_all(root, "author/assignedAuthor")[:CDA_CLAIMS]),
        service_start=attribute(find(root, "documentationOf/serviceEvent/effectiveTime/low"), "value"),
        replaces=tuple(_replaced(root)),
    )


def _claims(role: Element | None) -> Iterator[InsClaim]:
    """All ids that stand under an OID of the INS; local numbers are left aside."""
    for node in find_all(role, "id")[:CDA_CLAIMS]:
        if attribute(node, "root") in OIDS:
            yield InsClaim(attribute(node, "extension"), attribute(node, "root"))


def _traits(role: Element | None) -> Traits:
    """Names by their qualifier: BR is the name at birth, whatever else is another name."""
    families = [(node.get("qualifier"), text(node)) for node in find_all(role, "patient/name/family")[:CDA_CLAIMS]]
    givens = [(node.get("qualifier"), text(node)) for node in find_all(role, "patient/name/given")[:CDA_CLAIMS]]
    return Traits(
        birth_family=next((name for qualifier, name in families if qualifier == "BR" and name), ""),
        other_families=tuple(name for qualifier, name in families if qualifier != "BR" and name),
        birth_given=next((name for qualifier, name in givens if qualifier == "BR" and name), ""),
        other_given=tuple(name for qualifier, name in givens if qualifier != "BR" and name),
        birth_date=attribute(find(role, "patient/birthTime"), "value"),
        sex=attribute(find(role, "patient/administrativeGenderCode"), "code"),
    )


def _author(node: Element) -> Author:
    ids = tuple(
        (attribute(found, "extension"), attribute(found, "root")) for found in find_all(node, "id")[:CDA_CLAIMS]
    )
    family, given = find(node, "assignedPerson/name/family"), find(node, "assignedPerson/name/given")
    return Author(ids, text(family), text(given), text(find(node, "representedOrganization/name")))


def _replaced(root: Element) -> Iterator[str]:
    for related in find_all(root, "relatedDocument")[:CDA_CLAIMS]:
        if related.get("typeCode") == "RPLC":
            yield id_text(find(related, "parentDocument/id"))


def _narrative(root: Element) -> str:
    """The text of a structured body's sections, for the reader and for drafting lines."""
    sections = find_all(root, "component/structuredBody/component/section")
    found = []
    for section in sections[:200]:
        for node in find_all(section, "text"):
            found.append("\n".join(piece.strip() for piece in node.itertext() if piece.strip()))
    return "\n".join(found)


def _body(root: Element) -> bytes | None:
    node = find(root, "component/nonXMLBody/text")
    if node is None:
        return None
    if find(node, "reference") is not None:
        raise Unreadable(Problem.OUTSIDE_BODY)
    if node.get("representation") != "B64":
        return (node.text or "").encode() or None
    try:
        return base64.b64decode(re.sub(r"\s+", "", node.text or ""), validate=True) or None
    except (binascii.Error, ValueError):
        raise Unreadable(Problem.BROKEN) from None
