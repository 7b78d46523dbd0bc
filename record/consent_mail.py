"""Consent by mail: the service asks the patient a question, the patient answers OUI or NON."""

import re

import structlog
from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from directory.mailboxes import Mailbox, address_of, find_mailbox
from directory.patients import find_patient, get_patient
from directory.resolve import find_entry
from mail.blobs import Blobs
from mail.bounds import MimeBounds
from mail.content import text_of
from mail.mime import header_block
from mail.part import leaves
from record import consent, software
from record.consent import Answered, Consent
from record.identity import fold
from record.judgement import SIGNATURE_BROKEN, SIGNATURE_OPEN
from record.letters import Letter, Letters
from record.post import Submitter

READ_KIND = "consent.read"
TEXT_OCTETS = 100_000
_LINES = 40
_CODE = re.compile(r"(?<![0-9A-Z])D-([0-9A-Z]{1,13})(?![0-9A-Z])")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_QUOTE_HEAD = re.compile(
    r"^(?:le\b.{0,200}\b(?:a écrit|écrivait)|de\s?:|from\s?:|on\b.{0,200}\bwrote|-{3,}|_{3,})", re.IGNORECASE
)
_YES, _NO = frozenset({"oui"}), frozenset({"non"})
log = structlog.get_logger()

_QUESTIONS = {
    consent.FILING: (
        "Un professionnel vous a envoyé un document de santé.\n"
        "Acceptez-vous que les documents reçus par cette messagerie soient classés dans votre dossier ?"
    ),
    consent.SOFTWARE: "Le logiciel {grantee} demande à lire les documents de votre dossier. L'acceptez-vous ?",
    consent.ACCESS: "{grantee} demande à consulter les documents de votre dossier. L'acceptez-vous ?",
}
_HOW = (
    "Répondez à ce message en écrivant OUI ou NON sur la première ligne.\n"
    "Sans réponse de votre part, rien n'est classé ni montré. Vous pourrez changer d'avis à tout moment."
)
_UNCLEAR = "Nous n'avons pas compris votre réponse."


class AskConsent:
    """The handler of `consent.ask`; its ref is a consent. `desk_id` is the mailbox of the service, « Dossier »."""

    def __init__(self, db: Db, keyring: Keyring, submitter: Submitter, desk_id: int) -> None:
        self._db, self._keyring, self._submitter, self._desk_id = db, keyring, submitter, desk_id

    def __call__(self, consent_id: int) -> None:
        """Asks once, however often it runs. Raises Temporary to be tried again."""
        try:
            asked, to, grantee = self._db.read(self._known, consent_id)
        except NotFound:
            log.info("consent.nobody_to_ask", consent_id=consent_id)
            return
        if to is None or asked.state != consent.ASKED:
            return
        text = question_text(asked, grantee)
        sent = self._submitter.submit(self._desk_id, (to,), question_subject(asked), text, "", f"consent:{consent_id}")
        self._db.run(consent.asked_by, consent_id, sent)

    def _known(self, session: Session, consent_id: int) -> tuple[Consent, Address | None, str]:
        found = consent.get(session, consent_id)
        mailbox_id = get_patient(session, found.patient_id).mailbox_id
        to = address_of(session, self._keyring, mailbox_id) if mailbox_id else None
        return found, to, self._grantee(session, found)

    def _grantee(self, session: Session, found: Consent) -> str:
        """Its public name; a program with the name of whoever it reads for."""
        if not found.grantee_id:
            return ""
        program = software.get(session, found.grantee_id) if found.purpose == consent.SOFTWARE else None
        mailbox_id = program.mailbox_id if program else found.grantee_id
        entry = find_entry(session, address_of(session, self._keyring, mailbox_id))
        label = entry.label if entry else ""
        return " de ".join(part for part in (f"« {program.name} »", label) if part) if program else label


class ReadConsent:
    """The handler of `consent.read`; its ref is a message, any message: those not for the desk are passed over."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        trail: Trail,
        clock: Clock,
        letters: Letters,
        blobs: Blobs,
        submitter: Submitter,
        desk_id: int,
    ) -> None:
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._letters, self._blobs, self._submitter, self._desk_id = letters, blobs, submitter, desk_id

    def __call__(self, message_id: int) -> None:
        """Harmless twice. Raises Temporary to be tried again."""
        try:
            letter = self._letters.open(message_id)
        except NotFound:
            return
        asked = self._db.read(self._question, letter)
        if (
            asked is None
            or letter.verdict in SIGNATURE_BROKEN
            or letter.verdict == SIGNATURE_OPEN
            or _by_machine(letter)
        ):
            return
        said = reading(own_words(letter))
        if said is None:
            self._ask_again(letter, asked)
            return
        done = self._db.run(self._answer, asked.id, said)
        for document_id in done.files:
            self._blobs.discard(document_id)
        log.info("consent.answered", consent_id=asked.id, filed=done.filed, dropped=done.dropped)

    def _question(self, session: Session, letter: Letter) -> Consent | None:
        """Which question of this patient the letter answers: the one it names, else the only one that is open."""
        desks = [find_mailbox(session, self._keyring, address) for address in letter.recipients]
        ins = letter.sender.ins if letter.sender else None
        patient = find_patient(session, self._keyring, ins) if ins else None
        if patient is None or not any(_is_desk(desk, self._desk_id) for desk in desks):
            return None
        named = code_of(letter.subject)
        if named is not None:
            return next((one for one in consent.all_of(session, patient.id) if one.id == named), None)
        waiting = consent.open_questions(session, patient.id)
        return waiting[0] if len(waiting) == 1 else None

    def _answer(self, session: Session, consent_id: int, granted: bool) -> Answered:
        return consent.answer(session, self._trail, consent_id, granted, "patient", self._clock.now())

    def _ask_again(self, letter: Letter, asked: Consent) -> None:
        if letter.sender is None:
            return
        text = f"Bonjour,\n\n{_UNCLEAR}\n{_HOW}\n"
        key = f"consent-unclear:{letter.message_id}"
        subject = question_subject(asked)
        self._submitter.submit(self._desk_id, (letter.sender,), subject, text, letter.rfc_message_id, key)


def question_subject(asked: Consent) -> str:
    """Nothing about health; the code tells which question an answer is for."""
    return f"Votre dossier : votre accord est demandé (réf. D-{code(asked.id)})"


def question_text(asked: Consent, grantee: str) -> str:
    question = _QUESTIONS[asked.purpose].format(grantee=grantee or "Un professionnel")
    return f"Bonjour,\n\n{question}\n\n{_HOW}\n"


def reading(words: str) -> bool | None:
    """OUI, NON, or None when the first word is neither."""
    first = fold(words).split()[:1]
    if not first:
        return None
    return True if first[0] in _YES else False if first[0] in _NO else None


def own_words(letter: Letter) -> str:
    """The first line of the patient's own: no quotation, nothing under the line that introduces one."""
    for _path, part in leaves(letter.tree):
        if part.media == "text/plain" and not (part.disposition and part.disposition.kind == b"attachment"):
            try:
                return _first_line(text_of(letter.raw, part, TEXT_OCTETS))
            except MimeBounds:
                return ""
    return ""


def code(consent_id: int) -> str:
    """The id in base 36, upper-case."""
    digits = ""
    while consent_id:
        consent_id, digit = divmod(consent_id, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def code_of(subject: str) -> int | None:
    """The id that a subject names, if any."""
    found = _CODE.search(subject.upper())
    return int(found[1], 36) if found else None


def _first_line(text: str) -> str:
    for line in text.splitlines()[:_LINES]:
        bare = line.strip()
        if bare.startswith((">", "|")):
            continue
        if _QUOTE_HEAD.match(bare):
            return ""
        if bare:
            return bare
    return ""


def _is_desk(mailbox: Mailbox | None, desk_id: int) -> bool:
    return mailbox is not None and mailbox.id == desk_id


def _by_machine(letter: Letter) -> bool:
    """An automatic answer is nobody's will, and would answer ours for ever. RFC 3834 §5."""
    word = header_block(letter.raw, letter.tree).first(b"auto-submitted")
    return word is not None and word.strip().lower() != b"no"
