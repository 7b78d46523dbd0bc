"""Fills a new instance: directory, mailboxes, accounts, seals, who may write to whom. One unit of work a player."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from core.address import Address
from crypto.passwords import hash_password
from directory.generate import generate
from directory.importer import import_mssante
from directory.mailboxes import Mailbox, create_mailbox, find_mailbox
from directory.patients import create_patient
from directory.trusted import load_trusted
from mail.accounts import NewAccount, accounts_of, create_account
from mail.conversations import record_dispensation
from mail.folders import create_default_folders
from mail.seals import keep_seal
from ops.commands.directory import import_files
from ops.control import Progress
from ops.demo.cast import (
    COLLEAGUES,
    NEIGHBOUR,
    PASSWORD,
    PATIENTS,
    PHARMACIES,
    PHARMACY,
    PIN,
    PROFESSIONALS,
    Player,
    address_of,
    players,
)
from ops.demo.papers import Papers
from ops.demo_files import medicines_folder
from ops.wiring import App
from portal.team import keep_pin
from record.medicines.import_bdpm import import_folder


def populate(app: App, papers: Papers, progress: Progress) -> None:
    """Everything that the scenario and outside tools need. Not to be run twice on one instance."""
    extraction = _directory(app, progress)
    with ThreadPoolExecutor(1, thread_name_prefix="annuaire") as beside:  # its work is done by processes of their own
        searchable = beside.submit(import_files, app, {"files": [str(extraction.absolute())]}, progress)
        hashed, everybody = hash_password(PASSWORD), players()
        for number, player in enumerate(everybody, 1):
            app.db.run(_enter, app, papers, player, hashed, app.clock.now())
            progress("comptes", number, len(everybody))
        app.db.run(_counter, app, hashed, app.clock.now())
        app.db.run(_ties, app, papers, app.clock.now())
        import_folder(app.db, medicines_folder(), app.clock.now(), progress)
        searchable.result()


def _directory(app: App, progress: Progress) -> Path:
    """What mail resolves; returns the extraction from which the annuaire is made."""
    made = generate(PROFESSIONALS, PHARMACIES)
    path = made.write(Path(app.settings.home) / "Extraction_Correspondance_MSSante_demo.txt")
    total = PROFESSIONALS + PHARMACIES
    import_mssante(app.db, path, sectors=made.sectors, progress=lambda done: progress("annuaire", done, total))
    return path


def _enter(session: Session, app: App, papers: Papers, player: Player, hashed: str, now: datetime) -> None:
    address = Address.parse(player.address)
    mailbox = create_mailbox(session, app.keyring, address, player.kind, now)
    create_default_folders(session, mailbox.id, now)
    name = player.person or player.name
    new = NewAccount(player.address, player.role, mailbox.id, hashed, profile={"name": name})
    create_account(session, app.keyring, new)
    if player.role != "patient":
        keep_seal(session, app.keyring, mailbox.id, papers.of(player.stem))
    for identity in PATIENTS:
        if address_of(identity) == player.address:
            create_patient(session, app.keyring, identity, mailbox.id, now)


def _counter(session: Session, app: App, hashed: str, now: datetime) -> None:
    """Who else works at the pharmacy; everybody there has a PIN for the quick switch."""
    pharmacy = _mailbox(session, app, PHARMACY)
    for each in COLLEAGUES:
        profile = {"name": each.person}
        create_account(session, app.keyring, NewAccount(each.login, each.role, pharmacy.id, hashed, profile=profile))
    pin = hash_password(PIN)
    for account in accounts_of(session, app.keyring, pharmacy.id):
        keep_pin(session, app.keyring, account.id, account.holder_id, pin, now)


def _ties(session: Session, app: App, papers: Papers, now: datetime) -> None:
    """The desk's seal, the neighbour's place on the list, and that the pharmacy has served the patients before."""
    desk, pharmacy = (_mailbox(session, app, address) for address in (app.settings.record.desk, PHARMACY))
    keep_seal(session, app.keyring, desk.id, papers.of("desk"))
    keep_seal(session, app.keyring, app.queue.mailbox_id, papers.of("postmaster"))
    for identity in PATIENTS:
        patient = find_mailbox(session, app.keyring, Address.parse(address_of(identity)))
        if patient:
            record_dispensation(session, patient.id, pharmacy.id, now)
    load_trusted(session, [(NEIGHBOUR, papers.of("neighbour").certificate.subject.rfc4514_string())])


def _mailbox(session: Session, app: App, address: str) -> Mailbox:
    found = find_mailbox(session, app.keyring, Address.parse(address))
    if found is None:
        raise LookupError("the desk and the pharmacy were made before")
    return found
