"""`account.*`: mailboxes and accounts, made and suspended by the administrator."""

import ssl
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.address import Address, MailboxKind
from core.clock import from_epoch_ms
from core.errors import BadInput, NotFound, Refused
from crypto.keyring import Keyring
from crypto.passwords import hash_password
from crypto.verdict import Refusal
from crypto.weak_passwords import LEAST, weakness
from directory import mailboxes
from directory.activity import note_use
from directory.delegates import add_delegate, delegates_of, remove_delegate
from directory.publication_rows import unpublish_mailbox
from mail import encryption
from mail.accounts import (
    CLOSED,
    NewAccount,
    account_by_subject,
    accounts_of,
    create_account,
    create_accounts,
    granted_login,
    set_state,
    set_subject,
)
from mail.folders import create_default_folders
from mail.tables import accounts
from ops.control import Progress
from ops.trust_files import CertificateCheck
from ops.wiring import App

BATCH = 200


def add(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """One mailbox with its folders and account: `password` for a person, `certificate` (SHA-256) for a software.

    Raises Refused when the address is taken, BadInput, NotAnAddress.
    """
    address = Address.parse(arguments["address"])
    if address.is_patient:
        raise Refused("a patient's mailbox is made from a qualified identity, not here")
    certificate = arguments.get("certificate")
    if arguments.get("subject") and arguments["kind"] != MailboxKind.PER:
        raise BadInput("a mailbox of an organisation is granted to people: pli account grant")
    if (arguments["role"] == "software") != bool(certificate):
        raise BadInput("a software has a certificate, a person has a password")
    hashed = None if certificate else chosen(app.settings.production, arguments["password"], address.text)
    app.db.run(_add, app.keyring, address, arguments, hashed, app.clock.now())
    return {"state": "open"}


def bulk(app: App, arguments: dict[str, Any], progress: Progress) -> dict[str, int]:
    """`count` mailboxes `address` with {n} from 0, all with one password: for load tests, never in production."""
    if app.settings.production:
        raise Refused("bulk accounts are for load tests, not for production")
    if "{n}" not in arguments["address"]:
        raise BadInput("the address needs {n}, which is replaced by a number")
    count, hashed = int(arguments["count"]), _hashed(arguments["password"])
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        many = [Address.parse(arguments["address"].replace("{n}", str(n))) for n in numbers]
        app.db.run(_add_many, app.keyring, many, hashed, app.clock.now())
        progress("accounts", numbers.stop, count)
    return {"created": count}


def list_all(app: App, _arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """How many accounts of each role and state."""
    return app.db.read(_counts)


def suspend(app: App, arguments: dict[str, Any], _progress: Progress) -> None:
    """Raises NotFound."""
    app.db.run(mailboxes.suspend, _mailbox_id(app, arguments["address"]))


def reopen(app: App, arguments: dict[str, Any], _progress: Progress) -> None:
    """Raises NotFound."""
    app.db.run(_reopen, _mailbox_id(app, arguments["address"]), app.clock.now())


def close(app: App, arguments: dict[str, Any], _progress: Progress) -> None:
    """Closed and unpublished. Raises NotFound."""
    app.db.run(_close, _mailbox_id(app, arguments["address"]), app.clock.now())


def delegate(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """Name a person who acts for this mailbox, or end that. Raises NotFound, Refused."""
    mailbox, person = _mailbox_id(app, arguments["address"]), _mailbox_id(app, arguments["person"])
    if arguments.get("off"):
        app.db.run(remove_delegate, mailbox, person)
        return {"state": "ended"}
    app.db.run(add_delegate, app.keyring, mailbox, person, app.clock.now())
    return {"state": "named"}


def delegates(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, str]]:
    """Who acts for this mailbox, and since when. Raises NotFound."""
    return app.db.read(_delegates, app.keyring, _mailbox_id(app, arguments["address"]))


def certificate(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """Publish or withdraw the certificate to which mail for a mailbox is encrypted. Raises BadInput, NotFound."""
    address = Address.parse(arguments["address"])
    mailbox_id = _mailbox_id(app, arguments["address"])
    if not arguments["pem"]:
        app.db.run(encryption.withdraw, mailbox_id)
        return {"state": "withdrawn"}
    try:
        der = ssl.PEM_cert_to_DER_cert(arguments["pem"].strip())
        CertificateCheck(app.settings)(der, address.text, app.clock.now())
    except ValueError:
        raise BadInput("the certificate is not one in PEM") from None
    except Refusal as refusal:
        raise BadInput(f"mail cannot be encrypted to this certificate: {refusal.reason.value}") from None
    app.db.run(encryption.publish, app.keyring, mailbox_id, der)
    return {"state": "published"}


def grant(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """The person with this national identifier opens this mailbox with access tokens. Of their own mailbox the
    account is theirs already; at an organisation's mailbox each person has an account, so that the trail tells who.

    Raises NotFound, Refused (granted already).
    """
    subject = arguments["subject"].strip()
    if not subject:
        raise BadInput("a national identifier is needed")
    mailbox_id = _mailbox_id(app, arguments["address"])
    app.db.run(_grant, app.keyring, mailbox_id, subject, arguments["role"])
    return {"state": "granted"}


def revoke(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """The person's access tokens open this mailbox no longer. Raises NotFound."""
    app.db.run(_revoke, app.keyring, Address.parse(arguments["address"]), arguments["subject"].strip())
    return {"state": "revoked"}


COMMANDS = {
    "account.add": add,
    "account.certificate": certificate,
    "account.grant": grant,
    "account.revoke": revoke,
    "account.bulk": bulk,
    "account.list": list_all,
    "account.suspend": suspend,
    "account.reopen": reopen,
    "account.close": close,
    "account.delegate": delegate,
    "account.delegates": delegates,
}


def chosen(production: bool, password: str, *known: str) -> str:
    """Its hash. In production one that anybody guesses is refused; invented people may have invented ones.

    Raises BadInput.
    """
    if production and (weak := weakness(password, known)):
        raise BadInput(f"this password is refused ({weak.value}): at least {LEAST} characters, a few words of your own")
    return _hashed(password)


def _hashed(password: str) -> str:
    try:
        return hash_password(password)
    except ValueError as error:
        raise BadInput(str(error)) from None


def _close(session: Session, mailbox_id: int, now: datetime) -> None:
    mailboxes.close(session, mailbox_id)
    unpublish_mailbox(session, mailbox_id, now)


def _reopen(session: Session, mailbox_id: int, now: datetime) -> None:
    """In use from now on: else the next night would close it again."""
    mailboxes.reopen(session, mailbox_id)
    note_use(session, mailbox_id, now)


def _delegates(session: Session, keyring: Keyring, mailbox_id: int) -> list[dict[str, str]]:
    return [
        {"person": mailboxes.address_of(session, keyring, person).text, "since": from_epoch_ms(since).isoformat()}
        for person, since in delegates_of(session, mailbox_id)
    ]


def _mailbox_id(app: App, text: str) -> int:
    found = app.db.read(mailboxes.find_mailbox, app.keyring, Address.parse(text))
    if found is None:
        raise NotFound("no mailbox of ours has this address")
    return found.id


def _add(
    session: Session, keyring: Keyring, address: Address, arguments: dict[str, Any], hashed: str | None, now: datetime
) -> int:
    mailbox = mailboxes.create_mailbox(session, keyring, address, arguments["kind"], now)
    create_default_folders(session, mailbox.id, now)
    profile = {"name": arguments.get("name", "")}
    proofs = {"certificate_sha256": arguments.get("certificate"), "subject": arguments.get("subject") or None}
    new = NewAccount(address.text, arguments["role"], mailbox.id, hashed, **proofs, profile=profile)
    return create_account(session, keyring, new)


def _grant(session: Session, keyring: Keyring, mailbox_id: int, subject: str, role: str) -> None:
    if mailboxes.get_mailbox(session, mailbox_id).kind == MailboxKind.PER:
        set_subject(session, keyring, accounts_of(session, keyring, mailbox_id)[0].id, subject)
    else:
        create_account(session, keyring, NewAccount(granted_login(subject), role, mailbox_id, subject=subject))


def _revoke(session: Session, keyring: Keyring, address: Address, subject: str) -> None:
    found = account_by_subject(session, keyring, subject, address.key)
    if found is None:
        raise NotFound("this person has no right to this mailbox")
    set_subject(session, keyring, found.id, None)
    if found.password_hash is None and found.certificate_sha256 is None:
        set_state(session, found.id, CLOSED)


def _add_many(session: Session, keyring: Keyring, many: list[Address], hashed: str, now: datetime) -> None:
    new = []
    for address in many:
        mailbox = mailboxes.create_mailbox(session, keyring, address, MailboxKind.PER, now)
        create_default_folders(session, mailbox.id, now)
        new.append(NewAccount(address.text, "physician", mailbox.id, hashed))
    create_accounts(session, keyring, new)


def _counts(session: Session) -> list[dict[str, Any]]:
    query = select(accounts.c.role, accounts.c.state, func.count()).group_by(accounts.c.role, accounts.c.state)
    return [{"role": role, "state": state, "accounts": n} for role, state, n in session.execute(query.order_by("role"))]
