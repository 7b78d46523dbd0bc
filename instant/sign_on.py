"""Single sign-on from the pages: which account of the chat a mailbox's holder enters. Sync, for threads.

Whoever is signed in on the pages has shown who he is: entering verifies the account, as a login code does.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db
from core.errors import NotFound, Refused, Temporary
from crypto.keyring import Keyring
from directory.mailboxes import address_of
from instant import policy
from instant.accounts import ACTIVE, Account, account_of_mailbox, shown_name, verify
from instant.enrolment import Enrolment
from instant.gate import load_person


@dataclass(frozen=True, slots=True)
class Known:
    """Who enters: the local part of the Matrix id, and the name that the annuaire gives."""

    localpart: str
    name: str


class SignOn:
    """Says who a mailbox is in the chat, as accounts, mailboxes and the annuaire are at this moment."""

    def __init__(self, db: Db, keyring: Keyring, trail: Trail, clock: Clock, enrolment: Enrolment) -> None:
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._enrolment = enrolment

    def ready(self, mailbox_id: int) -> None:
        """The account exists, here and at the homeserver, and may enter.

        Raises NotFound and Refused (nobody of the chat, or not any more), Temporary (the homeserver is not told yet).
        """
        account = self._enrolment.enrol(self._db.read(address_of, self._keyring, mailbox_id))
        self._db.read(self._standing, account)
        if account.state != ACTIVE:
            self._enrolment.keep_in_step()
        if self._db.read(_account, mailbox_id).state != ACTIVE:
            raise Temporary("Votre compte n'est pas encore ouvert.", "account not told to the homeserver yet")

    def enter(self, mailbox_id: int) -> Known:
        """Verified, and traced. Raises NotFound, Refused."""
        return self._db.run(self._enter, mailbox_id)

    def _enter(self, session: Session, mailbox_id: int) -> Known:
        account = _account(session, mailbox_id)
        self._standing(session, account)
        verify(session, account.id)
        self._trail.record(session, Event("chat", "chat.login", "oidc", self._clock.now(), account.id))
        localpart = account.user_id.removeprefix("@").partition(":")[0]
        return Known(localpart, shown_name(session, self._keyring, account))

    def _standing(self, session: Session, account: Account) -> None:
        decision = policy.sign_in(load_person(session, account.user_id))
        if not decision.allowed:
            raise Refused(decision.sentence, f"chat sign-on of an account that is {decision.word}")


def _account(session: Session, mailbox_id: int) -> Account:
    found = account_of_mailbox(session, mailbox_id)
    if found is None:
        raise NotFound("compte introuvable", "no chat account of this mailbox")
    return found
