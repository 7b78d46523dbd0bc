"""What is kept can be copied, put back, handed over and forgotten: backup, restore, export, erasure, new keys."""

import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.address import Address
from core.db import Db
from core.errors import NotFound, Refused
from core.ids import new_id
from core.settings import Settings
from core.tables import audit, metadata
from crypto.committing import SealBroken, new_key
from crypto.keyring import FileKeyring, KeyringBroken, SoftKeyring
from directory.holders import destroy_holder, holder_aad, holder_key
from directory.mailboxes import address_of, find_mailbox
from directory.patients import create_patient, find_patient, get_patient
from directory.tables import holders
from mail.accounts import account_by_login
from mail.blobs import Blobs
from mail.removal import Removal
from mail.store import Store
from mail.tables import folder_messages, message_keys, messages
from ops import rotation
from ops.backup.make import make_backup
from ops.backup.manifest import BadBackup, Manifest
from ops.backup.restore import look, put_back
from ops.demo_files import demo_patient
from ops.erasure import LEDGER, Eraser, noted
from ops.export import Exporter
from ops.migrate import head
from ops.verify_data import verify
from record.access import Reader, Records
from record.order_book import OrderBook
from record.unpack import unpack
from tests.support.full_cda import full_cda
from tests.support.kept import Kept, asked, filing, keep, open_kept, ordered, prescribed, written

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def kept(database_url: str, home: Path) -> Iterator[Kept]:  # noqa: F811
    home.mkdir()
    found = open_kept(database_url, home)
    keep(found, written("petit"), found.pharmacy)
    keep(found, written("grand", 400_000), found.pharmacy, found.patient)
    asked(found, ordered(found, prescribed(found)))
    yield found
    found.db.close()


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def clean(kept: Kept) -> bool:
    report = verify(kept.db, kept.keyring, kept.trail, kept.blobs.root)
    assert report.clean, report.problems
    return True


class TestErasure:
    @pytest.fixture
    def erased(self, kept: Kept, home: Path) -> Kept:
        eraser = Eraser(kept.db, kept.trail, kept.blobs, kept.clock, home / LEDGER)
        eraser.erase(kept.patient_id, "operator")
        return kept

    def test_nothing_opens_any_more_and_all_is_still_whole(self, erased: Kept):
        patient = erased.db.read(get_patient, erased.patient_id)
        for holder_id in (patient.holder_id, erased.patient.mailbox.holder_id):
            with pytest.raises(NotFound):
                erased.db.read(holder_key, erased.keyring, holder_id)
        with pytest.raises(NotFound):
            erased.db.read(address_of, erased.keyring, erased.patient.mailbox.id)
        who = demo_patient()
        assert erased.db.read(find_patient, erased.keyring, who.ins) is None
        assert erased.db.read(account_by_login, erased.keyring, f"{who.ins.matricule}@patient.mssante.fr") is None
        assert clean(erased)

    def test_what_the_pharmacy_received_stays_the_pharmacys(self, erased: Kept):
        ids = erased.db.read(lambda s: list(s.execute(select(messages.c.id)).scalars()))
        store = Store(erased.db, erased.keyring, erased.blobs)
        assert len(store.open_many(ids, erased.pharmacy.mailbox.holder_id)) == len(ids) == 3

    def test_what_only_the_patient_held_goes_with_its_file(self, kept: Kept, home: Path):
        alone = keep(kept, written("seul", 400_000), kept.patient)
        Eraser(kept.db, kept.trail, kept.blobs, kept.clock, home / LEDGER).erase(kept.patient_id, "operator")
        Removal(kept.db, kept.clock, kept.blobs.discard)(alone)
        query = select(func.count()).select_from(messages).where(messages.c.id == alone)
        assert kept.db.read(lambda s: s.execute(query).scalar_one()) == 0
        assert len([file for file in kept.blobs.root.glob("??/*") if file.is_file()]) == 1  # the pharmacy's
        assert clean(kept)

    def test_no_copy_and_no_key_is_left(self, erased: Kept):
        holder_id = erased.patient.mailbox.holder_id
        query = select(func.count()).select_from(message_keys).where(message_keys.c.holder_id == holder_id)
        assert erased.db.read(lambda s: s.execute(query).scalar_one()) == 0
        inbox = select(func.count()).select_from(folder_messages)
        inbox = inbox.where(folder_messages.c.folder_id == erased.patient.inbox_id)
        assert erased.db.read(lambda s: s.execute(inbox).scalar_one()) == 0

    def test_the_person_may_come_back_as_somebody_new(self, erased: Kept):
        made = erased.db.run(create_patient, erased.keyring, demo_patient(), None, erased.clock.now())
        assert made.id != erased.patient_id
        assert erased.db.read(find_mailbox, erased.keyring, _address()) is None

    def test_it_is_in_the_trail_and_twice_is_harmless(self, erased: Kept, home: Path):
        Eraser(erased.db, erased.trail, erased.blobs, erased.clock, home / LEDGER).erase(erased.patient_id, "operator")
        query = select(audit.c.actor).where(audit.c.action == "patient.erase")
        assert erased.db.read(lambda s: list(s.execute(query).scalars())) == ["operator"] * 2
        assert len(noted(home / LEDGER)) == 2


def _address() -> Address:
    return Address.parse(f"{demo_patient().ins.matricule}@patient.mssante.fr")


class TestBackup:
    @pytest.fixture
    def backup(self, kept: Kept, home: Path, tmp_path: Path) -> Path:
        make_backup(kept.db, mac(kept), kept.clock, home, home / "checkpoints", tmp_path / "backup", head())
        return tmp_path / "backup"

    def test_the_restored_copy_equals_the_original(
        self, kept: Kept, home: Path, backup: Path, tmp_path: Path, request: pytest.FixtureRequest
    ):
        before = verify(kept.db, kept.keyring, kept.trail, kept.blobs.root)
        there = restored(kept, home, backup, tmp_path, request)
        after = verify(there.db, there.keyring, there.trail, there.blobs.root)
        assert (after.checked, after.problems) == (before.checked, ())
        assert cells(there.db) == cells(kept.db)
        there.db.close()

    def test_what_was_erased_after_the_backup_stays_erased(
        self, kept: Kept, home: Path, backup: Path, tmp_path: Path, request: pytest.FixtureRequest
    ):
        eraser = Eraser(kept.db, kept.trail, kept.blobs, kept.clock, home / LEDGER)
        eraser.erase(kept.patient_id, "operator")
        there = restored(kept, home, backup, tmp_path, request)
        holder_id = kept.patient.mailbox.holder_id
        assert there.db.read(holder_key, there.keyring, holder_id)  # the old copy still has it
        ledger = tmp_path / "there" / LEDGER
        assert Eraser(there.db, there.trail, there.blobs, kept.clock, ledger).again() == 2
        with pytest.raises(NotFound):
            there.db.read(holder_key, there.keyring, holder_id)
        assert clean(there)
        there.db.close()

    def test_a_backup_beside_writers_is_of_one_moment(
        self, kept: Kept, home: Path, tmp_path: Path, request: pytest.FixtureRequest
    ):
        over = threading.Event()

        def write() -> None:
            while not over.is_set():
                keep(kept, written("pendant", 150_000), kept.pharmacy)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            make_backup(kept.db, mac(kept), kept.clock, home, home / "checkpoints", tmp_path / "busy", head())
        finally:
            over.set()
            writer.join()
        there = restored(kept, home, tmp_path / "busy", tmp_path, request)
        assert clean(there)
        there.db.close()

    def test_it_goes_into_an_empty_folder_only(self, kept: Kept, home: Path, backup: Path):
        with pytest.raises(Refused):
            make_backup(kept.db, mac(kept), kept.clock, home, home / "checkpoints", backup, head())

    @pytest.mark.parametrize("harm", ["byte", "missing", "manifest", "keyring", "not empty", "no backup", "escape"])
    def test_the_dry_run_says_what_is_wrong(self, kept: Kept, home: Path, backup: Path, tmp_path: Path, harm: str):
        settings, ring = Settings.load(tmp_path / "there"), home / "keyring.json"
        assert look(backup, ring, settings).messages == 3
        file = next(path for path in backup.rglob("*") if path.is_file() and path.suffix in (".db", ".dump"))
        if harm == "byte":
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 1
            file.write_bytes(data)
        elif harm == "missing":
            file.unlink()
        elif harm in ("manifest", "escape"):
            found = json.loads((backup / "manifest.json").read_text())
            found |= {"messages": 4} if harm == "manifest" else {"files": {"../home/keyring.json": [1, "x"]}}
            (backup / "manifest.json").write_text(json.dumps(found))
        elif harm == "keyring":
            FileKeyring.create(tmp_path / "other.json")
            ring = tmp_path / "other.json"
        elif harm == "not empty":
            (tmp_path / "there").mkdir()
            (tmp_path / "there" / "something").touch()
        else:
            backup = tmp_path
        with pytest.raises((BadBackup, Refused)):
            look(backup, ring, settings)
        assert not (tmp_path / "there" / "keyring.json").exists()

    def test_the_keyring_is_not_in_it(self, kept: Kept, home: Path, backup: Path):
        secret = (home / "keyring.json").read_bytes()
        assert not any(secret[:200] in path.read_bytes() for path in backup.rglob("*") if path.is_file())
        assert Manifest.read(backup).octets > 0


def mac(kept: Kept):
    return lambda data: kept.keyring.mac("backup", data)


def restored(kept: Kept, home: Path, backup: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Kept:
    """The backup put back elsewhere, on the same kind of database."""
    there = tmp_path / "there"
    manifest = Manifest.read(backup)
    if manifest.database == "sqlite":
        url = f"sqlite:///{(there / 'pli.db').absolute()}"
    else:
        url = request.getfixturevalue("postgres").create_database()
    settings = Settings.load(there, database={"url": url})
    put_back(backup, home / "keyring.json", settings)
    keyring = FileKeyring.open(there / "keyring.json")
    return replace(kept, db=Db.open(url), keyring=keyring, blobs=Blobs(there / "blobs"))


def cells(db: Db) -> dict[str, list[tuple[object, ...]]]:
    """Every cell of every table."""

    def work(session: Session) -> dict[str, list[tuple[object, ...]]]:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }

    return db.read(work)


class TestExport:
    @pytest.fixture
    def exporter(self, kept: Kept) -> Exporter:
        store = Store(kept.db, kept.keyring, kept.blobs)
        records = Records(kept.db, kept.keyring, kept.trail, kept.blobs, kept.clock)
        orders = OrderBook(kept.keyring, kept.trail)
        return Exporter(kept.db, kept.keyring, kept.trail, store, records, orders, kept.clock)

    def test_a_mailbox_byte_for_byte_and_traced(self, kept: Kept, exporter: Exporter, tmp_path: Path):
        raw = written("à exporter", 120_000)
        keep(kept, raw, kept.pharmacy)
        done = exporter.mailbox(kept.pharmacy.mailbox.id, "operator", tmp_path / "boite.zip")
        assert done == {"messages": 4, "damaged": 0}
        with zipfile.ZipFile(tmp_path / "boite.zip") as archive:
            names = archive.namelist()
            assert raw in [archive.read(name) for name in names]
            assert all(name.startswith("courrier/INBOX/") for name in names)
        assert (tmp_path / "boite.zip").stat().st_mode & 0o077 == 0
        assert traced(kept, "mail.export") == 4

    def test_a_patient_whole(self, kept: Kept, exporter: Exporter, tmp_path: Path):
        reader = Reader(kept.patient.account_id, kept.patient.mailbox.id)
        done = exporter.patient(kept.patient_id, reader, tmp_path / "moi.zip")
        assert done == {"documents": 2, "messages": 2, "damaged": 0}
        with zipfile.ZipFile(tmp_path / "moi.zip") as archive:
            assert json.loads(archive.read("identite.json"))["ins"] == demo_patient().ins.matricule
            assert any(archive.read(name).startswith(b"%PDF") for name in archive.namelist())
            assert json.loads(archive.read("commandes.json"))[0]["lines"]
            assert any(row["action"] == "document.read" for row in json.loads(archive.read("acces.json")))
            assert archive.read("dossier/synthese.pdf").startswith(b"%PDF-1.4")
            assert json.loads(archive.read("dossier/resume-ips.json"))["type"] == "document"
            assert json.loads(archive.read("dossier/documents-fhir.json"))["total"] == 2

    def test_a_clinical_document_as_archive_and_as_message(self, kept: Kept, exporter: Exporter, tmp_path: Path):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "a@demo.mssante.test", "b@demo.mssante.test", "Document"
        mail.set_content("Bonjour")
        mail.add_attachment(full_cda(demo_patient()), maintype="text", subtype="xml", filename="doc.xml")
        filing(kept)(keep(kept, mail.as_bytes(policy=SMTP), kept.patient, sender=kept.patient))
        reader = Reader(kept.patient.account_id, kept.patient.mailbox.id)
        exporter.patient(kept.patient_id, reader, tmp_path / "moi.zip")
        with zipfile.ZipFile(tmp_path / "moi.zip") as archive:
            for name in ("dossier/xdm-1.zip", "dossier/message-1.hl7"):
                found = unpack(archive.read(name), "", "")
                assert full_cda(demo_patient()) in [document.data for document in found.documents], name
            assert b"|MDM^T02^MDM_T02|1|T|2.6|" in archive.read("dossier/message-1.hl7")

    def test_never_over_a_file(self, kept: Kept, exporter: Exporter, tmp_path: Path):
        (tmp_path / "x.zip").write_text("mine")
        with pytest.raises(FileExistsError):
            exporter.mailbox(kept.pharmacy.mailbox.id, "operator", tmp_path / "x.zip")
        assert (tmp_path / "x.zip").read_text() == "mine"

    def test_a_damaged_message_does_not_end_it(self, kept: Kept, exporter: Exporter, tmp_path: Path):
        shutil.rmtree(kept.blobs.root)
        done = exporter.mailbox(kept.pharmacy.mailbox.id, "operator", tmp_path / "rest.zip")
        assert done == {"messages": 2, "damaged": 1}


def traced(kept: Kept, action: str) -> int:
    query = select(func.count()).select_from(audit).where(audit.c.action == action)
    return kept.db.read(lambda s: s.execute(query).scalar_one())


class TestRotation:
    def filled(self, db: Db, keyring: SoftKeyring, count: int) -> dict[int, bytes]:
        keys = {new_id(): new_key() for _ in range(count)}
        rows = [
            {"id": n, "kind": "patient", "wrapped_key": keyring.wrap_holder(key, holder_aad(n)), "created_at": 0}
            for n, key in keys.items()
        ]
        db.run(lambda session: session.execute(insert(holders), rows) and None)
        return keys

    def test_everything_opens_before_during_and_after(self, db: Db):
        keyring = SoftKeyring.fresh()
        keys = self.filled(db, keyring, 2500)
        gone, *others = keys
        seen: list[int] = []

        def progress(_what: str, done: int, _total: int) -> None:
            if not seen:
                db.run(destroy_holder, gone)  # an erasure meanwhile is not undone
            seen.append(done)
            number = others[done % len(others)]
            assert db.read(holder_key, keyring, number) == keys[number]

        assert db.read(rotation.needed) == {1: 2500}
        assert rotation.rotate(db, keyring, progress) == {"current": 2, "rewrapped": 2500}
        assert seen == [1000, 2000, 2500]
        assert db.read(rotation.needed) == {2: 2499}
        assert rotation.forget_unused(db, keyring) == 1 and keyring.numbers() == {2}
        for number in others[::100]:
            assert db.read(holder_key, keyring, number) == keys[number]
        with pytest.raises(NotFound):
            db.read(holder_key, keyring, gone)
        assert rotation.wrap_anew(db, keyring, silent) == 0

    def test_an_older_key_that_is_needed_is_kept(self, db: Db):
        keyring = SoftKeyring.fresh()
        self.filled(db, keyring, 3)
        keyring.rotate()
        assert rotation.forget_unused(db, keyring) == 0 and keyring.numbers() == {1, 2}

    def test_an_erasure_between_reading_and_writing_stays(self, db: Db):
        keyring = SoftKeyring.fresh()
        number = next(iter(self.filled(db, keyring, 1)))
        keyring.rotate()
        rows = db.read(rotation._after, 0)  # noqa: SLF001
        db.run(destroy_holder, number)
        db.run(rotation._write, rotation._rewrapped(keyring, rows))  # noqa: SLF001
        with pytest.raises(NotFound):
            db.read(holder_key, keyring, number)


def test_another_process_wraps_under_the_new_key(tmp_path: Path):
    one = FileKeyring.create(tmp_path / "keyring.json")
    other = FileKeyring.open(tmp_path / "keyring.json")
    one.rotate()
    assert other.kek_of(other.wrap_holder(new_key())) == 2


def test_a_locked_file(tmp_path: Path):
    path = tmp_path / "keyring.json"
    ring = FileKeyring.create(path)
    wrapped, plain = ring.wrap_holder(b"k" * 32), path.read_text()
    ring.protect("une phrase bien à nous")
    assert not any(line.strip() in path.read_text() for line in plain.splitlines() if len(line) > 40)
    for wrong in ("", "une autre phrase"):
        with pytest.raises(KeyringBroken):
            FileKeyring.open(path, wrong)
    found = FileKeyring.open(path, "une phrase bien à nous")
    assert found.unwrap_holder(wrapped) == b"k" * 32
    found.rotate()
    assert FileKeyring.open(path, "une phrase bien à nous").current == 2
    found.protect("")
    assert FileKeyring.open(path).unwrap_holder(wrapped) == b"k" * 32
    with pytest.raises(SealBroken):
        FileKeyring.open(path).unwrap_holder(wrapped[:-1])
