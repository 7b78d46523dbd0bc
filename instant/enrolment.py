"""Keeps the homeserver's accounts in step with ours: made, renamed, locked, closed for good. For threads."""

from datetime import timedelta
from functools import partial
from threading import Lock

import structlog
from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db, signal
from core.errors import PliError, Refused
from crypto.keyring import Keyring
from instant import codes
from instant.accounts import (
    ACTIVE,
    CLOSED,
    SUSPENDED,
    Account,
    all_accounts,
    changed,
    enrol,
    get_account,
    note_state,
    shown_name,
)
from instant.admin import Admin

TOPIC = "chat"
log = structlog.get_logger()


class Enrolment:
    """Who is in, told to the homeserver; harmless twice."""

    def __init__(self, db: Db, keyring: Keyring, trail: Trail, clock: Clock, admin: Admin, server: str) -> None:
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._admin, self._server = admin, server
        self._telling = Lock()  # of two that make the same account at once, the homeserver refuses one

    def enrol(self, address: Address) -> Account:
        """The account of this address; the homeserver learns of it soon. Raises NotFound, Refused."""
        return self._db.run(self._enrol, address)

    def code(self, address: Address, valid: timedelta, *, uses: int = 1) -> tuple[Account, str]:
        """A login code for the account of this address, which is made where there is none. Raises as `enrol`."""
        account = self.enrol(address)
        if account.state in (SUSPENDED, CLOSED):
            raise Refused("ce compte est suspendu ou fermé", "code for an account that may not log in")
        issue = partial(codes.issue, uses=uses)
        return account, self._db.run(issue, self._keyring, account.id, self._clock.now(), valid)

    def keep_in_step(self) -> int:
        """Tell the homeserver what has changed; returns how many accounts. Raises ChatDown."""
        with self._telling:
            return sum(self._told(account, state) for account, state in self._db.read(changed))

    def _told(self, account: Account, state: str) -> bool:
        try:
            self._tell(account, state)
        except PliError as error:
            log.warning("chat.account_not_told", account=account.id, cause=error.cause)
            return False
        self._db.run(self._note, account, state)
        return True

    def accounts(self) -> list[Account]:
        """All of them."""
        return self._db.read(all_accounts)

    def _tell(self, account: Account, state: str) -> None:
        if state == CLOSED:
            self._admin.deactivate(account.user_id)
        elif state == SUSPENDED:
            self._admin.lock(account.user_id, locked=True)
        else:
            self._admin.provision(account.user_id, self._db.read(shown_name, self._keyring, account))

    def _enrol(self, session: Session, address: Address) -> Account:
        account = enrol(session, self._keyring, address, self._server, self._clock.now())
        signal(session, TOPIC, account.id)
        return get_account(session, account.id)

    def _note(self, session: Session, account: Account, state: str) -> None:
        note_state(session, account.id, state)
        self._trail.record(session, Event("chat", "chat.account", state, self._clock.now(), account.id))
        if state != ACTIVE:
            signal(session, TOPIC, account.id)
