"""The public name behind an actor of the trail, and behind a mailbox: what people read in place of our numbers."""

from sqlalchemy.orm import Session

from core.errors import NotFound
from crypto.keyring import Keyring
from directory.mailboxes import address_of
from directory.resolve import find_entry
from mail.accounts import get_account
from record import software

_WORKERS = {"worker": "Pli, à la réception", "system": "Pli", "patient": "Vous, par messagerie"}


def actor_name(session: Session, keyring: Keyring, actor: str) -> str:
    """Who acted, as the annuaire and the account have it. Never raises."""
    kind, _colon, number = actor.rpartition(":")
    try:
        if kind == "software" and number.isdigit():
            return f"Le logiciel « {software.get(session, int(number)).name} »"
        if not actor.isdigit():
            return _WORKERS.get(actor, "L'exploitant")
        account = get_account(session, keyring, int(actor))
        name = str(account.profile.get("name") or "")
        house = mailbox_label(session, keyring, account.mailbox_id)
        return " – ".join(part for part in (name, "" if house.casefold() == name.casefold() else house) if part)
    except NotFound:
        return "Un compte fermé"


def mailbox_label(session: Session, keyring: Keyring, mailbox_id: int) -> str:
    """The annuaire's name for it; empty where it has none."""
    try:
        entry = find_entry(session, address_of(session, keyring, mailbox_id))
    except NotFound:
        return ""
    return entry.label if entry else ""
