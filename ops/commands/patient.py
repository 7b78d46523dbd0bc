"""`patient.*`: what the operator does for one patient."""

import base64
import binascii
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.address import Address
from core.errors import BadInput
from crypto.keyring import Keyring
from directory.insi import read_answer
from directory.mailboxes import create_mailbox
from directory.patients import Identity, create_patient
from mail.accounts import NewAccount, create_account
from mail.folders import create_default_folders
from ops.commands.account import chosen
from ops.control import Progress
from ops.people import patient
from ops.wiring import App


def erase(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, bool]:
    """Destroy the patient's keys, for good. Raises NotFound."""
    app.eraser.erase(patient(app, arguments["login"]).id, "operator")
    return {"erased": True}


def add(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """A patient's mailbox from an INSi answer: under their own INS, a minor's too.

    Raises BadInput, Refused (not qualified, other environment, known already).
    """
    domain = arguments.get("domain") or min(app.settings.identity.patient_domains)
    try:
        identity = read_answer(base64.b64decode(arguments["answer"], validate=True), app.settings.production)
        known = (identity.ins.matricule, identity.family, identity.given, identity.birth_date)
        hashed = chosen(app.settings.production, arguments["password"], *known)
    except (ValueError, binascii.Error) as error:
        raise BadInput(str(error)) from None
    if identity.ins.oid != app.settings.ins_oid:
        raise BadInput("cet INS n'est pas sous l'OID de cette instance (identity.ins_oid)", "another OID")
    address = Address(identity.ins.matricule, domain)
    app.db.run(_add, app.keyring, identity, address, hashed, app.clock.now())
    return {"address": address.text}


def _add(session: Session, keyring: Keyring, identity: Identity, address: Address, hashed: str, now: datetime) -> None:
    mailbox = create_mailbox(session, keyring, address, "PAT", now)
    create_default_folders(session, mailbox.id, now)
    profile = {"name": f"{identity.given} {identity.family}"}
    create_account(session, keyring, NewAccount(address.text, "patient", mailbox.id, hashed, profile=profile))
    create_patient(session, keyring, identity, mailbox.id, now)


COMMANDS = {"patient.add": add, "patient.erase": erase}
