"""The passwords of a person's mail programs, one for each device, as the person keeps them (`mail.app_passwords`)."""

from datetime import datetime

from sqlalchemy.orm import Session

from core.audit import Event
from mail import app_passwords
from mail.accounts import get_account
from mail.app_passwords import Device
from portal.services import Services
from portal.session import Visitor


class MailPrograms:
    """One's own only; what is made and taken back stands in the trail."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, visitor: Visitor) -> tuple[Device, ...]:
        """Oldest first, without their passwords."""
        return self._services.db.read(self._of, visitor)

    def add(self, visitor: Visitor, label: str) -> str:
        """A password for the device of this name, to be shown once. Raises BadInput, Refused."""
        return self._services.db.run(self._add, visitor, label)

    def revoke(self, visitor: Visitor, device: int) -> None:
        """It opens nothing from the next login on. Raises NotFound."""
        self._services.db.run(self._revoke, visitor, device)

    def _of(self, session: Session, visitor: Visitor) -> tuple[Device, ...]:
        account = get_account(session, self._services.keyring, visitor.account_id)
        return app_passwords.devices_of(session, self._services.keyring, account)

    def _add(self, session: Session, visitor: Visitor, label: str) -> str:
        account = get_account(session, self._services.keyring, visitor.account_id)
        number, password = app_passwords.add(session, self._services.keyring, account, label, self._now)
        self._trace(session, visitor, "device.add", number)
        return password

    def _revoke(self, session: Session, visitor: Visitor, device: int) -> None:
        app_passwords.revoke(session, visitor.account_id, device)
        self._trace(session, visitor, "device.revoke", device)

    def _trace(self, session: Session, visitor: Visitor, action: str, device: int) -> None:
        event = Event(visitor.actor, action, "done", self._now, device, visitor.holder_id)
        self._services.trail.record(session, event)

    @property
    def _now(self) -> datetime:
        return self._services.clock.now()
