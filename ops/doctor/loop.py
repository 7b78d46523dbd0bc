"""A mail from ourselves to ourselves: taken in, judged, sealed, stored, read again, removed."""

from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from time import perf_counter

from sqlalchemy.orm import Session

from core.address import Address, MailboxKind
from core.errors import PliError
from core.ids import token
from crypto.committing import SealBroken
from crypto.keyring import Keyring
from directory.mailboxes import Mailbox, create_mailbox, find_mailbox
from mail.auth import Identity
from mail.folder_rows import clear_folder
from mail.folders import create_default_folders, find_inbox
from mail.incoming import Door, Incoming, Peer
from ops.wiring import App
from portal.lights import Light

NAME, LABEL = "loop", "Courrier en boucle"
LOCAL = "sonde"


def loop(app: App) -> list[Light]:
    """Send, read, compare, remove."""
    began = perf_counter()
    try:
        box, address = app.db.run(_probe, app.keyring, app.settings.record.desk, app.clock.now())
        raw = _letter(address, app.clock.now())
        who = Identity(0, box.id, box.holder_id, address, "operator")
        mail = Incoming(Door.SUBMISSION, Peer("127.0.0.1", tls=True), app.clock.now(), who, sender=address)
        message_id = app.reception.accept_now(mail, [address], raw, None).message_id
        same = app.store.open_message(message_id, box.holder_id).raw == raw
        with suppress(PliError):
            app.db.run(_clear, box.id, app.clock.now())
    except (PliError, SealBroken, OSError) as error:
        todo = "Cherchez cette cause dans les journaux du serveur."
        return [Light(NAME, LABEL, "bad", f"Le message de contrôle n’est pas revenu ({type(error).__name__}).", todo)]
    if not same:
        return [Light(NAME, LABEL, "bad", "Le message de contrôle est revenu altéré.", "Lancez `pli verify-data`.")]
    return [Light(NAME, LABEL, "good", f"Revenu intact en {(perf_counter() - began) * 1000:.0f} ms.")]


def _probe(session: Session, keyring: Keyring, desk: str, now: datetime) -> tuple[Mailbox, Address]:
    address = Address.parse(f"{LOCAL}@{Address.parse(desk).domain}")
    found = find_mailbox(session, keyring, address)
    if found is None:
        found = create_mailbox(session, keyring, address, MailboxKind.SYS, now)
        create_default_folders(session, found.id, now)
    return found, address


def _letter(address: Address, now: datetime) -> bytes:
    lines = (
        f"From: {address.text}",
        f"To: {address.text}",
        "Subject: controle",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{token()}@{address.domain}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        token(),
        "",
    )
    return "\r\n".join(lines).encode()


def _clear(session: Session, mailbox_id: int, now: datetime) -> None:
    clear_folder(session, find_inbox(session, mailbox_id).id, now)
