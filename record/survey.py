"""What has to be known before the documents of some letters can be filed, in few looks at the database for all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.statements import chunks
from crypto.keyring import Keyring
from directory.patients import find_patients, opened_identities
from record.consent import FILING
from record.documents import content_blind
from record.subject import Laid, Meant, Subject, meant, numbers
from record.tables import KEPT, consents, documents


@dataclass(frozen=True, slots=True, repr=False)
class Survey:
    """`several`: more than one patient could be meant. `there`: parts that have rows already; `filing`: the consent's
    state, empty when nobody asked; `same`: those of the letter's contents that the record holds."""

    subject: Subject | None
    several: bool = False
    there: frozenset[str] = frozenset()
    filing: str = ""
    same: frozenset[bytes] = frozenset()


_THERE = select(documents.c.message_id, documents.c.part).where(
    documents.c.message_id.in_(bindparam("sought", expanding=True))
)
_CONSENT = select(consents.c.patient_id, consents.c.state).where(
    consents.c.patient_id.in_(bindparam("sought", expanding=True)),
    consents.c.purpose == FILING,
    consents.c.grantee_id == 0,
)
_SAME = select(documents.c.content_blind).where(
    documents.c.patient_id.in_(bindparam("patients", expanding=True)),
    documents.c.content_blind.in_(bindparam("sought", expanding=True)),
    KEPT,
)


def survey(session: Session, keyring: Keyring, laid: Sequence[Laid]) -> list[Survey]:
    """Unit of work that only reads; what it saw may have changed when the rows are written. One for each, in order."""
    known = find_patients(session, keyring, {ins for each in laid for ins in numbers(each)})
    chosen = [meant(each, known) for each in laid]
    subjects = _subjects(session, keyring, chosen)
    blinds = [_blinds(keyring, *pair) for pair in zip(subjects, laid, strict=True)]
    patients = list({subject.patient.id for subject in subjects if subject})
    there, filing = _there(session, laid), _filing(session, patients)
    same = _same(session, patients, frozenset().union(*blinds))
    return [
        Survey(
            subject,
            who.several,
            there[each.letter.message_id],
            filing.get(subject.patient.id, "") if subject else "",
            same & mine,
        )
        for each, who, subject, mine in zip(laid, chosen, subjects, blinds, strict=True)
    ]


def _subjects(session: Session, keyring: Keyring, chosen: Sequence[Meant]) -> list[Subject | None]:
    """None also where the patient's key was destroyed: nothing is filed for the forgotten."""
    opened = opened_identities(session, keyring, {who.patient.id for who in chosen if who.patient})
    return [
        Subject(who.patient, *opened[who.patient.id], who.own) if who.patient and who.patient.id in opened else None
        for who in chosen
    ]


def _blinds(keyring: Keyring, subject: Subject | None, laid: Laid) -> frozenset[bytes]:
    if subject is None:
        return frozenset()
    found = (document for piece in laid.pieces for document in piece.unpacked.documents)
    return frozenset(content_blind(keyring, subject.patient.id, document.data) for document in found)


def _there(session: Session, laid: Sequence[Laid]) -> dict[int, frozenset[str]]:
    parts: dict[int, set[str]] = defaultdict(set)
    for some in chunks([each.letter.message_id for each in laid]):
        for message_id, part in session.execute(_THERE, {"sought": some}):
            parts[message_id].add(part)
    return {each.letter.message_id: frozenset(parts[each.letter.message_id]) for each in laid}


def _filing(session: Session, patients: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunks(patients):
        for patient_id, state in session.execute(_CONSENT, {"sought": some}):
            found[patient_id] = state
    return found


def _same(session: Session, patients: list[int], blinds: frozenset[bytes]) -> frozenset[bytes]:
    found: set[bytes] = set()
    for some in chunks(list(blinds)):
        rows = session.execute(_SAME, {"patients": patients, "sought": some}).scalars()
        found |= {bytes(each) for each in rows}
    return frozenset(found)
