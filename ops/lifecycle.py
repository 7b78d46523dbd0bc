"""What the house does about mailboxes that nobody uses: the warning as a mail, and the nightly chore."""

from datetime import timedelta

import structlog

from core.clock import Clock
from core.db import Db
from core.errors import NotFound
from core.settings import Settings
from crypto.keyring import Keyring
from directory.activity import Patience, follow_use, warned_at
from directory.mailboxes import address_of
from mail.submit import Submitter

SUBJECT = "Votre messagerie sécurisée va être fermée"
TEXT = (
    "Votre boîte n'a pas été ouverte depuis longtemps.\n"
    "Sans connexion de votre part dans les {days} jours, elle sera fermée : plus aucun message n'y arrivera.\n"
    "Pour la garder, il suffit de vous connecter une fois, par votre logiciel de messagerie ou sur le site.\n"
)
log = structlog.get_logger()


class WarnInactive:
    """The handler of `mailbox.warn`; its ref is a mailbox. `desk_id`: the service's own mailbox, which writes."""

    def __init__(self, db: Db, keyring: Keyring, submitter: Submitter, desk_id: int, notice_days: int) -> None:
        self._db, self._keyring, self._submitter = db, keyring, submitter
        self._desk_id, self._days = desk_id, notice_days

    def __call__(self, mailbox_id: int) -> None:
        """Once for each warning, however often it runs; who has logged in meanwhile is left in peace."""
        moment = self._db.read(warned_at, mailbox_id)
        if moment is None:
            return
        try:
            to = self._db.read(address_of, self._keyring, mailbox_id)
        except NotFound:
            return
        text, key = TEXT.format(days=self._days), f"warn:{mailbox_id}:{moment}"
        self._submitter.submit(self._desk_id, (to,), SUBJECT, text, "", key)


def inactivity(settings: Settings, db: Db, clock: Clock) -> str:
    """The nightly chore: how many were warned and closed, in words."""
    days = settings.mail.inactive_days
    if not days:
        return "never"
    patience = Patience(timedelta(days=days), timedelta(days=settings.mail.inactive_notice_days))
    warned, closed = db.run(follow_use, patience, clock.now())
    return f"{warned} warned, {closed} closed"
