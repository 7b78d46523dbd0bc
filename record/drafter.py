"""From a stored message to the draft of its order: the documents that may be used, opened again and read."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from crypto.verdict import Reason
from directory.patients import Identity, identity_of
from record.candidates import open_pieces
from record.documents import (
    AWAITING,
    DUPLICATE,
    FILED,
    REFUSED,
    DocumentRow,
    document_key,
    get_row,
    open_meta,
    rows_of,
)
from record.drafting import Usable, draft_detail
from record.filing import FilingRules
from record.identity import compare
from record.letters import Letter, Letters
from record.order_detail import Detail
from record.reading.read import Reader
from record.tables import documents

OK = Reason.OK.value


@dataclass(frozen=True, slots=True, repr=False)
class Drafted:
    """What an order is made of."""

    letter: Letter
    patient_id: int
    detail: Detail


class Drafter:
    """Slow outside transactions, as slow as its reader."""

    def __init__(self, db: Db, keyring: Keyring, letters: Letters, rules: FilingRules, reader: Reader) -> None:
        self._db, self._keyring, self._letters, self._rules, self._reader = db, keyring, letters, rules, reader

    def draft(self, message_id: int, *, pictures: bool) -> Drafted | None:
        """None when nothing of the message may be a prescription. Raises NotFound when it is gone, Temporary."""
        rows = self._db.read(_usable_rows, message_id)
        if not rows or rows[0].patient_id is None:
            return None
        letter = self._letters.open(message_id)
        identity = self._db.read(identity_of, self._keyring, rows[0].patient_id)
        everything = self._db.read(rows_of, documents.c.message_id == message_id)
        usable, signed = self._usable(letter, rows, identity), _by_professional(letter)
        detail = draft_detail(
            usable, everything, letter.verdict, self._reader, identity.ins, signed=signed, pictures=pictures
        )
        return Drafted(letter, rows[0].patient_id, detail) if detail else None

    def _usable(self, letter: Letter, rows: tuple[DocumentRow, ...], identity: Identity) -> tuple[Usable, ...]:
        by_part = {row.part: row for row in rows}
        found = []
        for piece in open_pieces(letter, self._rules.taken):
            for document in piece.unpacked.documents:
                row = by_part.get(f"{piece.part}/{document.part}" if document.part else piece.part)
                if row:
                    finding = compare(document, identity, self._rules.oids)
                    found.append(Usable(row, document, finding, self._db.read(_is_signed_pdf, self._keyring, row)))
        return tuple(found)


def _is_signed_pdf(session: Session, keyring: Keyring, row: DocumentRow) -> bool:
    """As it was found when the document was filed; of a repeat, the document that has the content."""
    kept = get_row(session, row.same_as) if row.same_as else row
    try:
        return (
            kept is not None and open_meta(session, document_key(session, keyring, kept), kept.id).pdf_signature == OK
        )
    except NotFound:
        return False


def _by_professional(letter: Letter) -> bool:
    return letter.verdict == "pass" and letter.sender is not None and not letter.sender.is_patient


def _usable_rows(session: Session, message_id: int) -> tuple[DocumentRow, ...]:
    """What is filed, waits or is known already, or was kept out by the patient's own wish."""
    found = rows_of(session, documents.c.message_id == message_id)
    usable = {FILED, AWAITING, DUPLICATE}
    return tuple(row for row in found if row.state in usable or (row.state, row.reason) == (REFUSED, "consent"))
