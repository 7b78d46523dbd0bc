"""HL7 v2 that carries clinical documents, written strictly: MDM T02, T04, T10 and ORU R01, one CDA an OBX of type ED.

IG-CDA (DOMAIN.md §9): OBX-11 says whether a document is new, replaces or is to be removed; the codes of MetaDMPMSS that
follow say who may not see it and to whom it goes; addresses stand in PRT-15.4, `FIN` in NTE-4 of DESTMSSANTEPAT. The
visibility matrix is checked before a word is written. `record.unpack.hl7` reads it again.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.errors import BadInput, Refused
from directory.patients import Identity
from record.pack.codes import LOINC
from record.pack.facts import PERSONS, STRUCTURES, Author, DocumentFacts, facts_of
from record.pack.xdm import Leaf
from record.unpack.limits import ENTRIES
from record.visibility import Mask, mask_of

META = "MetaDMPMSS"
MDM, ORU = "MDM", "ORU"
_NEW, _REPLACES, _REMOVED = "F", "C", "D"
_EVENTS = {_NEW: "T02", _REPLACES: "T10", _REMOVED: "T04"}
_MARKS = (
    ("MASQUE_PS", "Masqué aux professionnels de Santé", Mask.PROFESSIONALS),
    ("INVISIBLE_PATIENT", "Document Non Visible par le patient", Mask.PATIENT),
    ("INVISIBLE_REP_LEGAUX", "Non visible par les représentants Légaux du patient", Mask.REPRESENTATIVES),
)
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}


@dataclass(frozen=True, slots=True, repr=False)
class Route:
    """Where it goes. Addresses are those of MSSanté; `patient` is the patient's own, empty where they get nothing.
    `words` and `patient_words` become the bodies of the mails; `no_answer` closes the patient's side."""

    professionals: tuple[str, ...] = ()
    patient: str = ""
    reply_to: str = ""
    words: str = ""
    patient_words: str = ""
    no_answer: bool = False
    to_dmp: bool = False
    receipts: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """MSH: who sends to whom, the message's own number, whether it is a test (`T`) or real (`P`)."""

    sender: tuple[str, str]  # application, facility
    receiver: tuple[str, str]
    number: str
    at: datetime
    processing: str = "P"
    patient_class: str = "O"
    kind: str = MDM
    marks: tuple[str, ...] = field(default=("FRA", "UNICODE UTF-8"))


def hl7(leaves: tuple[Leaf, ...], patient: Identity, header: Header, route: Route = Route()) -> bytes:
    """One message, UTF-8, segments ended by CR, without the frame of MLLP.

    Raises BadInput: no document, too many, new and replacing ones mixed, different visibility, a header that does not
    say all. Refused: a document of another patient, or sent to somebody from whom it is hidden.
    """
    if not 0 < len(leaves) <= ENTRIES // 2 or header.kind not in (MDM, ORU):
        raise BadInput("il faut au moins un document, et pas plus de cinquante", "number of documents")
    facts = [facts_of(leaf.cda, leaf.class_code) for leaf in leaves]
    for one in facts:
        if (one.subject.ins.number.upper(), one.subject.ins.oid) != (patient.ins.canonical, patient.ins.oid):
            raise Refused("un document ne porte pas l'INS de ce patient", "document names another patient")
    action, mask = _one_action(leaves, facts), _one_mask(leaves, facts)
    _check_route(mask, route)
    segments = [*_head(header, patient, facts[0], action), *_results(leaves, facts, action, mask, route)]
    return "".join(f"{segment}\r" for segment in segments).encode()


def _one_action(leaves: tuple[Leaf, ...], facts: list[DocumentFacts]) -> str:
    found = {
        _REMOVED if leaf.remove else _REPLACES if one.replaces else _NEW
        for leaf, one in zip(leaves, facts, strict=True)
    }
    if len(found) > 1:
        raise BadInput("un message porte des documents nouveaux, ou remplacés, ou retirés", "mixed actions")
    return found.pop()


def _one_mask(leaves: tuple[Leaf, ...], facts: list[DocumentFacts]) -> Mask:
    """MetaDMPMSS speaks of the message as a whole. Raises BadInput, also for what nobody could see."""
    found = {
        mask_of([code.code for code in (*one.confidentiality, *leaf.visibility)])
        for leaf, one in zip(leaves, facts, strict=True)
    }
    if len(found) > 1:
        raise BadInput("ces documents n'ont pas la même visibilité : un message chacun", "mixed visibility")
    return found.pop()


def _check_route(mask: Mask, route: Route) -> None:
    """IG-CDA's matrix: nothing masked leaves for professionals, nothing invisible for the patient."""
    if (mask & Mask.PROFESSIONALS and route.professionals) or (mask & Mask.PATIENT and route.patient):
        raise Refused("ce document est caché à l'un des destinataires", "masked for a recipient")
    for address in (*route.professionals, route.patient, route.reply_to):
        if not address.isprintable() or any(mark in address for mark in " ^~|\\"):
            raise BadInput("adresse mal formée", "address with HL7 separators")


def _head(header: Header, patient: Identity, first: DocumentFacts, action: str) -> Iterator[str]:
    at = _time(header.at)
    event = f"{MDM}^{_EVENTS[action]}^MDM_T02" if header.kind == MDM else "ORU^R01^ORU_R01"
    ends = (*map(_text, header.sender), *map(_text, header.receiver))
    yield _segment(
        rf"MSH|^~\&|{'|'.join(ends)}|{at}||{event}", _text(header.number), header.processing, "2.6", *[""] * 4,
        *header.marks,
    )  # fmt: skip
    if header.kind == MDM:
        yield _segment("EVN", "", at)
    born = patient.birth_date.replace("-", "")
    name = f"{_text(patient.family)}^{_text(patient.given)}^^^^^L"
    ins = f"{patient.ins.matricule}^^^&{patient.ins.oid}&ISO^INS"
    yield _segment("PID", "1", "", ins, "", name, "", born, patient.sex)
    yield _segment("PV1", "1", header.patient_class)
    kind = f"{_text(first.type.code)}^{_text(first.type.name)}^{_system(first.type.system)}"
    if header.kind == ORU:
        yield _segment("OBR", "1", "", "", kind, "", "", at, *[""] * 17, "F")
        return
    older = _text(first.replaces[0]) if first.replaces else ""
    author = _person(first.authors[0])
    known = (_text(first.type.code), "TX", at, author, at, "", "", "", "", "", _text(first.unique_id), older)
    yield _segment("TXA", "1", *known, "", "", "", "LA", "", "AV")


def _results(
    leaves: tuple[Leaf, ...], facts: list[DocumentFacts], action: str, mask: Mask, route: Route
) -> Iterator[str]:
    count = 0
    for leaf, one in zip(leaves, facts, strict=True):
        count += 1
        kind = f"{_text(one.type.code)}^{_text(one.type.name)}^{_system(one.type.system)}"
        yield _observation(count, "ED", kind, f"^TEXT^XML^Base64^{base64.b64encode(leaf.cda).decode()}", action)
        if count == 1:
            yield from _people(one.authors[0], route)
    for code, name, is_set in _flags(mask, route):
        count += 1
        value = f"{'Y' if is_set else 'N'}^^expandedYes-NoIndicator"
        yield _observation(count, "CE", f"{code}^{_text(name)}^{META}", value, _NEW)
        if code == "DESTMSSANTEPAT" and route.patient and route.no_answer:
            yield _segment("NTE", "1", "", "", "FIN")
    for code, name, words in (
        ("CORPSMAIL_PS", "Corps du mail pour un PS", route.words),
        ("CORPSMAIL_PATIENT", "Corps du mail pour le patient", route.patient_words),
    ):
        if words:
            count += 1
            encoded = base64.b64encode(words.encode()).decode()
            yield _observation(count, "ED", f"{code}^{name}^{META}", f"^TEXT^^Base64^{encoded}", _NEW)


def _flags(mask: Mask, route: Route) -> Iterator[tuple[str, str, bool]]:
    for code, name, bit in _MARKS:
        yield code, name, bool(mask & bit)
    yield "CONNEXION_SECRETE", "Connexion Secrete", False
    yield "MODIF_CONF_CODE", "Modification Confidentiality Code", False
    yield "DESTDMP", "Destinataire DMP", route.to_dmp
    name = "Destinataire (Professionnel de Santé, organisation ou BAL applicative)"
    yield "DESTMSSANTEPS", name, bool(route.professionals)
    yield "DESTMSSANTEPAT", "Destinataire Patient", bool(route.patient)
    yield "ACK_RECEPTION", "Accusé de réception", route.receipts
    yield "ACK_LECTURE_MSS", "Accusé de lecture", route.receipts


def _people(author: Author, route: Route) -> Iterator[str]:
    """PRT-4: who sent it, who gets it, where answers go."""
    yield _participation("SB^Send by", _person(author), _house(author))
    to = (*route.professionals, *((route.patient,) if route.patient else ()))
    for address in to:
        yield _participation("RCT^Results Copies To", address=address)
    if route.reply_to:
        yield _participation("REPLY^Reply to", address=route.reply_to)


def _participation(role: str, person: str = "", house: str = "", address: str = "") -> str:
    where = f"^^X.400^{_text(address)}" if address else ""
    return _segment("PRT", "", "UC", "", f"{role}^participation", person, "", "", house, *[""] * 6, where)


def _person(author: Author) -> str:
    kind = "RPPS" if author.id.oid == PERSONS else "EI"
    return (
        f"{_text(author.id.number)}^{_text(author.family)}^{_text(author.given)}^^^^^^&{author.id.oid}&ISO^D^^^{kind}"
    )


def _house(author: Author) -> str:
    if not author.institution:
        return ""
    number = author.institution_id
    tail = f"^^^^^&{number.oid or STRUCTURES}&ISO^FINEG^^^{_text(number.number)}" if number else ""
    return f"{_text(author.institution)}{tail}"


def _observation(count: int, kind: str, what: str, value: str, status: str) -> str:
    return _segment("OBX", str(count), kind, what, "", value, *[""] * 5, status)


def _segment(name: str, *fields: str) -> str:
    """Empty fields at the end are left out."""
    return "|".join((name, *fields)).rstrip("|")


def _system(oid: str) -> str:
    return "LN" if oid == LOINC else _text(oid)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


def _text(text: str) -> str:
    """HL7's own marks escaped; what would end a segment is a blank."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(_ESCAPES.get(letter, letter) for letter in shown)
