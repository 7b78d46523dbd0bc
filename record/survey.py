"""What has to be known before a letter's documents can be filed, in one look at the database."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from crypto.keyring import Keyring
from record.candidates import Piece, Subject, find_subject
from record.consent import FILING
from record.documents import AWAITING, FILED, content_blind
from record.letters import Letter
from record.tables import consents, documents


@dataclass(frozen=True, slots=True, repr=False)
class Survey:
    """`there`: parts that have rows already; `filing`: the consent's state, empty when nobody asked; `same`: those of
    the letter's contents that the record holds."""

    subject: Subject | None
    several: bool
    there: frozenset[str] = frozenset()
    filing: str = ""
    same: frozenset[bytes] = frozenset()


_THERE = select(documents.c.part).where(documents.c.message_id == bindparam("message"))
_CONSENT = select(consents.c.state).where(
    consents.c.patient_id == bindparam("patient"), consents.c.purpose == FILING, consents.c.grantee_id == 0
)
_SAME = select(documents.c.content_blind).where(
    documents.c.patient_id == bindparam("patient"),
    documents.c.content_blind.in_(bindparam("blinds", expanding=True)),
    documents.c.state.in_((FILED, AWAITING)),
)


def survey(session: Session, keyring: Keyring, letter: Letter, pieces: tuple[Piece, ...]) -> Survey:
    """Unit of work that only reads; what it saw may have changed when the rows are written."""
    subject, several = find_subject(session, keyring, letter, pieces)
    if subject is None:
        return Survey(None, several)
    patient = {"patient": subject.patient.id}
    there = frozenset(session.execute(_THERE, {"message": letter.message_id}).scalars())
    filing = session.execute(_CONSENT, patient).scalar_one_or_none() or ""
    blinds = list(_blinds(keyring, subject, pieces))
    same = frozenset(session.execute(_SAME, patient | {"blinds": blinds}).scalars()) if blinds else frozenset()
    return Survey(subject, several, there, filing, frozenset(bytes(each) for each in same))


def _blinds(keyring: Keyring, subject: Subject, pieces: tuple[Piece, ...]) -> Iterable[bytes]:
    found = (document for piece in pieces for document in piece.unpacked.documents)
    return (content_blind(keyring, subject.patient.id, document.data) for document in found)
