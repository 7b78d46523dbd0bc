"""`account.person.*`, `account.password`: who works at an organisation's mailbox, and a new password for a lost one."""

from typing import Any

from sqlalchemy.orm import Session

from core.address import Address, MailboxKind
from core.audit import Event
from core.errors import NotFound, Refused
from directory import mailboxes
from mail.accounts import (
    ACTIVE,
    CLOSED,
    Account,
    NewAccount,
    account_by_login,
    accounts_of,
    create_account,
    set_password,
    set_state,
)
from ops.commands.account import chosen
from ops.control import Progress
from ops.wiring import App
from portal.factors import forget

ACTOR = "operator"
ROLES = ("pharmacist", "physician")


def add(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """One more person at this mailbox, with a login and a password of their own; or one who comes back.

    Raises NotFound, BadInput, Refused (not an organisation's mailbox or a closed one, login taken or of somebody else
    who left, role without a counter).
    """
    if arguments["role"] not in ROLES:
        raise Refused(f"the role is one of {', '.join(ROLES)}")
    login = Address.parse(arguments["login"]).text
    hashed = chosen(app.settings.production, arguments["password"], login, arguments["name"])

    def work(session: Session) -> None:
        mailbox = _organisation(session, app, arguments["address"])
        if mailbox.state == mailboxes.CLOSED:
            raise Refused("this mailbox is closed: pli account reopen opens it again")
        new = NewAccount(login, arguments["role"], mailbox.id, hashed, profile={"name": arguments["name"]})
        known = account_by_login(session, app.keyring, login)
        if known and known.mailbox_id == mailbox.id and known.state == CLOSED:
            account_id = _returned(session, known, new)
        else:
            account_id = create_account(session, app.keyring, new)
        _note(session, app, "person.add", account_id, mailbox.holder_id)

    app.db.run(work)
    return {"state": "added"}


def list_all(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, str]]:
    """Everybody at this mailbox. Raises NotFound."""

    def work(session: Session) -> list[dict[str, str]]:
        mailbox = _mailbox(session, app, arguments["address"])
        return [_row(each) for each in accounts_of(session, app.keyring, mailbox.id)]

    return app.db.read(work)


def remove(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """This person opens the mailbox no longer; what they did keeps their name. Raises NotFound, Refused."""

    def work(session: Session) -> None:
        mailbox = _organisation(session, app, arguments["address"])
        people = accounts_of(session, app.keyring, mailbox.id)
        found = next((one for one in people if _is(one, arguments["login"]) and one.state != CLOSED), None)
        if found is None:
            raise NotFound("nobody at this mailbox has this login")
        if found.id == people[0].id:
            raise Refused("this account is the mailbox's own: pli account close ends the mailbox")
        set_state(session, found.id, CLOSED)
        _note(session, app, "person.remove", found.id, mailbox.holder_id)

    app.db.run(work)
    return {"state": "removed"}


def password(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """In place of the one that was lost; sessions with it end. `factors`: passkeys and codes are lost, too.

    Raises NotFound, BadInput, Refused (a software has a certificate).
    """

    def work(session: Session) -> Account:
        found = account_by_login(session, app.keyring, arguments["login"])
        if found is None or not found.may_log_in:
            raise NotFound("no active account has this login")
        if found.password_hash is None:
            raise Refused("this account has no password")
        return found

    who = app.db.read(work)
    hashed = chosen(app.settings.production, arguments["password"], arguments["login"], who.name_in_lists)

    def change(session: Session) -> None:
        set_password(session, who.id, hashed)
        if arguments["factors"]:
            forget(session, who.id)
        _note(session, app, "password.reset", who.id, who.holder_id)

    app.db.run(change)
    return {"state": "changed"}


COMMANDS = {
    "account.person.add": add,
    "account.person.list": list_all,
    "account.person.remove": remove,
    "account.password": password,
}


def _mailbox(session: Session, app: App, address: str) -> mailboxes.Mailbox:
    found = mailboxes.find_mailbox(session, app.keyring, Address.parse(address))
    if found is None:
        raise NotFound("no mailbox of ours has this address")
    return found


def _organisation(session: Session, app: App, address: str) -> mailboxes.Mailbox:
    found = _mailbox(session, app, address)
    if found.kind != MailboxKind.ORG:
        raise Refused("several people work at an organisation's mailbox only; for others see pli account delegate")
    return found


def _returned(session: Session, known: Account, new: NewAccount) -> int:
    if (known.profile.get("name"), known.role) != (new.profile["name"], new.role):
        raise Refused("this login was that of another name or role, which the trail keeps: give another login")
    set_state(session, known.id, ACTIVE)
    set_password(session, known.id, str(new.password_hash))
    return known.id


def _is(account: Account, login: str) -> bool:
    return str(account.profile.get("login", "")).casefold() == login.strip().casefold()


def _row(account: Account) -> dict[str, str]:
    name, login = str(account.profile.get("name") or ""), str(account.profile.get("login") or "")
    return {"login": login, "name": name, "role": account.role, "state": account.state}


def _note(session: Session, app: App, action: str, account_id: int, holder_id: int) -> None:
    app.trail.record(session, Event(ACTOR, action, "done", app.clock.now(), account_id, holder_id))
