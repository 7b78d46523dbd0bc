"""Who a command speaks for: an account named by its login."""

from sqlalchemy.orm import Session

from core.errors import NotFound, Refused
from directory.patients import Patient, patient_of_mailbox
from mail.accounts import Account, account_by_login
from ops.wiring import App
from record.access import Reader
from record.order_facts import Actor
from record.orders import Role


def account(app: App, login: str) -> Account:
    """Raises NotFound; the login is not repeated."""
    found = app.db.read(account_by_login, app.keyring, login)
    if found is None or not found.may_log_in:
        raise NotFound("no active account has this login")
    return found


def reader(app: App, login: str) -> Reader:
    """Who reads the record, for the trail. Raises NotFound."""
    found = account(app, login)
    return Reader(found.id, found.mailbox_id)


def actor(app: App, login: str) -> Actor:
    """Who moves an order. Raises NotFound, Refused for a role that has no part in orders."""
    found = account(app, login)
    if found.role not in {Role.PATIENT.value, Role.PHARMACIST.value}:
        raise Refused("only pharmacists and patients move orders")
    return Actor(Role(found.role), found.id, found.mailbox_id)


def patient(app: App, login: str) -> Patient:
    """The patient of this login. Raises NotFound."""
    found = app.db.read(_patient, account(app, login).mailbox_id)
    if found is None:
        raise NotFound("this login is no patient's")
    return found


def _patient(session: Session, mailbox_id: int) -> Patient | None:
    return patient_of_mailbox(session, mailbox_id)
