"""Replacement (RPLC) and removal: which earlier document is meant, and whether this author may. ANS errors 900 and 901.

An author may replace or remove what they, or somebody of the same organisation, wrote (DOMAIN.md §5).
"""

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.errors import NotFound
from crypto.keyring import Keyring
from record.documents import (
    FILED,
    SUPERSEDED,
    DocumentMeta,
    DocumentRow,
    document_key,
    open_meta,
    own_id_blind,
    rows_of,
)
from record.tables import documents

OLD_VERSION, OTHER_AUTHOR = "replaces_old_version", "replaces_other_author"  # 900, 901


@dataclass(frozen=True, slots=True)
class Replaced:
    """`rows`: what goes; `reason`: why a person has to look first."""

    rows: tuple[DocumentRow, ...] = ()
    reason: str = ""


def replaced_by(session: Session, keyring: Keyring, patient_id: int, meta: DocumentMeta) -> Replaced:
    """Unit of work: what a document that names earlier ones replaces here. What was never filed here is no matter."""
    return _meant(session, keyring, patient_id, meta.replaces, meta)


def removed_by(session: Session, keyring: Keyring, patient_id: int, notice: DocumentMeta) -> Replaced:
    """The same for a notice of removal, which carries the id of what is to go."""
    return _meant(session, keyring, patient_id, (notice.document_id, *notice.replaces), notice)


def supersede(session: Session, rows: tuple[DocumentRow, ...], by: int) -> None:
    """The earlier versions stay readable and are no longer current."""
    chosen = update(documents).where(documents.c.id.in_([row.id for row in rows]))
    session.execute(chosen.values(state=SUPERSEDED, reason="replaced", superseded_by=by))


def promise(session: Session, rows: tuple[DocumentRow, ...], by: int) -> None:
    """The newer version waits for the patient's consent: until then these stay current."""
    session.execute(update(documents).where(documents.c.id.in_([row.id for row in rows])).values(superseded_by=by))


def keep_promises(session: Session, newer: list[int], granted: bool) -> None:
    """What waited for consent is filed, or dropped: the earlier versions follow."""
    chosen = update(documents).where(documents.c.superseded_by.in_(newer), documents.c.state == FILED)
    kept = {"state": SUPERSEDED, "reason": "replaced"} if granted else {"superseded_by": None}
    session.execute(chosen.values(kept))


def _meant(session: Session, keyring: Keyring, patient_id: int, ids: tuple[str, ...], meta: DocumentMeta) -> Replaced:
    blinds = [own_id_blind(keyring, patient_id, each) for each in ids if each]
    if not blinds:
        return Replaced()
    kept = documents.c.state.in_((FILED, SUPERSEDED))
    found = rows_of(session, documents.c.patient_id == patient_id, documents.c.id_blind.in_(blinds), kept)
    if not all(_may_replace(session, keyring, row, meta) for row in found):
        return Replaced(reason=OTHER_AUTHOR)
    if any(row.state == SUPERSEDED for row in found):
        return Replaced(reason=OLD_VERSION)
    return Replaced(found)


def _may_replace(session: Session, keyring: Keyring, row: DocumentRow, meta: DocumentMeta) -> bool:
    try:
        earlier = open_meta(session, document_key(session, keyring, row), row.id)
    except NotFound:
        return False
    same_person = set(earlier.author_ids) & set(meta.author_ids)
    return bool(same_person or set(earlier.organisations) & set(meta.organisations))
