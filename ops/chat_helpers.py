"""Answers to the chat's commands, from the rooms of the house that the bridge does not know."""

from collections.abc import Callable, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.db import Db
from core.errors import BadInput, NotFound, Refused
from core.ins import Ins, NotAnIns
from crypto.keyring import Keyring
from directory.annuaire import Annuaire
from directory.edition.card import Card
from directory.extracts.entry import Entry
from directory.mailboxes import address_of
from directory.patients import Patient, find_patient
from directory.tables import entries
from instant.accounts import name_of
from instant.services import Asker, Submitter
from mail.compose import Attachment
from record.access import Reader, Records

MOST_FOUND = 8
STATES = {
    "filed": "classé",
    "awaiting_consent": "en attente de l'accord du patient",
    "to_reconcile": "à vérifier par une personne",
    "duplicate": "déjà au dossier",
    "refused": "refusé",
}


class ChatHelpers:
    """For threads."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        records: Records,
        submitter: Submitter,
        file_message: Callable[[int], None],
        annuaire: Annuaire,
        oid: str,
    ) -> None:
        self._annuaire = annuaire
        self._db, self._keyring, self._records, self._oid = db, keyring, records, oid
        self._submitter, self._file_message = submitter, file_message

    def find_colleagues(self, words: str) -> str:
        """As the pages search: without accents, misspelt; then those of this house that no edition holds yet."""
        wanted = words.split()[:5]
        if not wanted:
            raise BadInput("dites un nom, une ville : !annuaire KÉROUANTON", "empty search")
        cards = [found.card for found in self._annuaire.search(words, limit=MOST_FOUND + 1)]
        known = {box.address for card in cards for box in card.boxes}
        ours = [entry for entry in self._db.read(_search, wanted) if entry.address not in known]
        lines = [_line(card) for card in cards] + [f"{name_of(entry)} – {entry.address}" for entry in ours]
        more = ["… précisez la recherche"] if len(lines) > MOST_FOUND else []
        return "\n".join([*lines[:MOST_FOUND], *more]) or "Personne à ce nom dans l'annuaire."

    def show_patient(self, asker: Asker, words: str) -> str:
        """The patient's documents, where the patient gave this mailbox access. Traced by the record."""
        patient = self._patient(words)
        shown = self._records.list(Reader(asker.account_id, asker.mailbox_id), patient.id)
        lines = [f"{STATES.get(one.row.state, one.row.state)} – {one.meta.name if one.meta else ''}" for one in shown]
        return "\n".join(lines) or "Le dossier ne contient aucun document."

    def file_mail(self, asker: Asker, message_id: int, part: str) -> str:  # noqa: ARG002
        """The record's own way: identity, consent, trace. Harmless for what is filed already."""
        self._file_message(message_id)
        shown = self._records.of_message(Reader(asker.account_id, asker.mailbox_id), message_id)
        states = [STATES.get(one.row.state, one.row.state) for one in shown]
        if not states:
            return "Rien à classer : ce courriel ne nomme aucun patient suivi ici."
        return "Pièces jointes : " + ", ".join(dict.fromkeys(states)) + "."

    def file_for(self, asker: Asker, words: str, attachment: Attachment, key: str) -> str:
        """A signed mail to the patient's own address: it is filed as any professional's document, after consent."""
        patient = self._patient(words)
        if patient.mailbox_id is None:
            raise NotFound("ce patient n'a pas de messagerie ici", "patient without mailbox")
        to = self._db.read(address_of, self._keyring, patient.mailbox_id)
        text = "Bonjour,\n\nveuillez trouver ci-joint un document pour votre dossier.\n"
        self._submitter.submit(asker.mailbox_id, (to,), "Document pour votre dossier", text, "", key, (attachment,))
        return "Envoyé au patient, signé ; il sera classé après son accord."

    def _patient(self, words: str) -> Patient:
        try:
            ins = Ins.parse(words.replace(" ", ""), self._oid)
        except NotAnIns:
            raise BadInput("donnez le matricule INS du patient : 15 caractères", "not an INS") from None
        found = self._db.read(find_patient, self._keyring, ins)
        if found is None:
            raise Refused("vous n'avez pas accès à ce dossier", "no such patient")  # the same words as without access
        return found


def _line(card: Card) -> str:
    """`Dr Hélène KÉROUANTON · Médecin · PARIS – adresse`, as `name_of` has it."""
    place = card.places[0].city if card.places else ""
    who = f"{card.title.capitalize()} {card.name}".strip()
    shown = " · ".join(part for part in (who, card.specialty or card.profession, place) if part)
    boxes = ", ".join(box.address for box in card.boxes[:2] if not box.red_list)
    return f"{shown} – {boxes or 'sans messagerie sécurisée'}"


def _search(session: Session, words: Sequence[str]) -> list[Entry]:
    columns = (entries.c.family, entries.c.given, entries.c.structure_name, entries.c.city, entries.c.profession)
    query = select(entries).where(entries.c.red_list.is_(False))
    for word in words:
        like = f"%{word.replace('%', '').replace('_', '')}%"
        query = query.where(or_(*(column.ilike(like) for column in columns)))
    rows = session.execute(query.order_by(entries.c.family, entries.c.given).limit(MOST_FOUND + 1)).mappings()
    return [Entry(**row) for row in rows]
