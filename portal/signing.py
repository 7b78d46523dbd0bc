"""Who signs for a patient: their own browser's key, certified here; or, without one, the seal of their mailbox."""

from typing import Protocol

from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Event
from core.clock import Clock
from core.db import Db
from core.errors import BadInput, NotFound, Refused
from crypto.authority import Authority
from crypto.certify import Certified, NotTheirKey, certify
from crypto.keyring import Keyring
from crypto.verdict import Reason, Verdict
from directory.mailboxes import address_of
from directory.patients import identity_of, patient_of_mailbox
from mail.judge import Judge
from mail.seals import keep_seal, open_seal
from portal.session import Visitor


class Trailing(Protocol):
    """Where what happened is written."""

    def record(self, session: Session, event: Event) -> int: ...


class Signing:
    """`authority` is the operator's own for patients; None where another one certifies them."""

    def __init__(
        self, db: Db, keyring: Keyring, clock: Clock, trail: Trailing, authority: Authority | None, judge: Judge
    ) -> None:
        self._db, self._keyring, self._clock, self._trail = db, keyring, clock, trail
        self._authority, self._judge = authority, judge

    @property
    def in_browsers(self) -> bool:
        """Whether a browser's key can be certified here."""
        return self._authority is not None

    def ensure_seal(self, mailbox_id: int) -> None:
        """The mailbox has a seal when this returns. Raises Refused where nobody can make one."""
        try:
            self._db.read(open_seal, self._keyring, mailbox_id)
        except NotFound:
            self._make_seal(mailbox_id)

    def certify(self, visitor: Visitor, spki: bytes, proof: bytes) -> Certified:
        """A certificate for this browser's key; `proof` signs the token of this session's forms. Raises BadInput,
        Refused."""
        if self._authority is None:
            raise Refused("Ce service ne certifie pas les clés des navigateurs.", "no authority for patients")
        address, name = self._db.read(self._subject, visitor.mailbox_id)
        now = self._clock.now()
        try:
            made = certify(self._authority, spki, proof, visitor.form_token.encode(), address.text, name, now)
        except NotTheirKey:
            raise BadInput("La clé de ce navigateur n'est pas acceptée.", "browser key refused") from None
        event = Event(visitor.actor, "key.certify", "allowed", now, holder_id=visitor.holder_id)
        self._db.run(self._trail.record, event)
        return made

    def holds(self, raw: bytes, sender: Address) -> bool:
        """Whether the signature of a whole message is good, and by this address."""
        verdict: Verdict = self._judge(raw, sender.text, self._clock.now())
        return verdict.reason is Reason.OK

    def _make_seal(self, mailbox_id: int) -> None:
        if self._authority is None:
            raise Refused("Votre boîte n'a pas encore de clé de signature.", "mailbox without a seal")
        address, name = self._db.read(self._subject, mailbox_id)
        made = self._authority.issue_smime(address.text, name, now=self._clock.now())
        self._db.run(keep_seal, self._keyring, mailbox_id, made)

    def _subject(self, session: Session, mailbox_id: int) -> tuple[Address, str]:
        patient = patient_of_mailbox(session, mailbox_id)
        if patient is None:
            raise NotFound("Cette boîte n'est pas celle d'un patient.", "mailbox of no patient")
        who = identity_of(session, self._keyring, patient.id)
        return address_of(session, self._keyring, mailbox_id), f"{who.given} {who.family}"
