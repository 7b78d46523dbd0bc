"""A mailbox or a patient's record as one ZIP that any program opens. Each message and document is traced first."""

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import Clock, epoch_ms, from_epoch_ms
from core.db import Db
from core.errors import BadInput, NotFound, PliError, Refused
from core.freight import Freight
from core.ins import REAL_OIDS
from core.tables import audit
from crypto.committing import SealBroken
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from directory.patients import Identity, get_patient, identity_of
from mail.folders import list_folders
from mail.store import Store
from mail.tables import folder_messages
from record.access import ReadDocument, Reader, Records, Shown
from record.extracts import synthesis
from record.fhir.resources import document
from record.fhir.words import searchset
from record.interface import summary_of
from record.order_book import OrderBook
from record.pack.hl7 import Header, hl7
from record.pack.papers import paper, synthesis_paper
from record.pack.xdm import OWN_OID, Leaf, Sender, pack
from record.unpack.facts import CDA

BATCH, XDM_LEAVES = 100, 50
_UNSAFE = re.compile(r"[^\w .()\-]+")
_SUFFIX = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "text/plain": "txt", "text/xml": "xml"}


class Exporter:
    """Writes ZIP files; what cannot be opened is named in the table of contents, the rest is still written."""

    def __init__(
        self, db: Db, keyring: Keyring, trail: Trail, store: Store, records: Records, orders: OrderBook, clock: Clock
    ) -> None:
        self._db, self._keyring, self._trail, self._store = db, keyring, trail, store
        self._records, self._orders, self._clock = records, orders, clock

    def mailbox(self, mailbox_id: int, actor: str, target: Path) -> dict[str, int]:
        """Each folder's messages as .eml, byte for byte. Raises NotFound, OSError (also where the file is there)."""
        holder_id = self._db.read(get_mailbox, mailbox_id).holder_id
        with _new_zip(target) as archive:
            return self._mail(archive, mailbox_id, holder_id, actor)

    def patient(self, patient_id: int, reader: Reader, target: Path) -> dict[str, int]:
        """Identity, record, orders, mailbox and who read it. Raises NotFound, Refused, OSError."""
        patient = self._db.read(get_patient, patient_id)
        with _new_zip(target) as archive:
            documents = self._documents(archive, reader, patient_id)
            self._orders_of(archive, reader.actor, patient_id, patient.holder_id)
            mail = {}
            if patient.mailbox_id is not None:
                holder_id = self._db.read(get_mailbox, patient.mailbox_id).holder_id
                mail = self._mail(archive, patient.mailbox_id, holder_id, reader.actor)
            identity = self._db.read(identity_of, self._keyring, patient_id)
            plain = {"ins": identity.ins.matricule, "oid": identity.ins.oid} | {
                name: getattr(identity, name) for name in ("family", "given", "birth_date", "sex")
            }
            archive.writestr("identite.json", json.dumps(plain, ensure_ascii=False, indent=1))
            archive.writestr("acces.json", json.dumps(self._db.read(_accesses, patient.holder_id), indent=1))
        return {"documents": documents} | mail

    def _mail(self, archive: zipfile.ZipFile, mailbox_id: int, holder_id: int, actor: str) -> dict[str, int]:
        written, damaged = 0, 0
        for name, rows in self._folders(mailbox_id):
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                self._trace([(message_id, holder_id) for _, message_id in batch], actor, "mail.export")
                found = self._store.open_many([message_id for _, message_id in batch], holder_id, with_body=True)
                for uid, message_id in batch:
                    try:
                        raw = found[message_id].raw
                    except (KeyError, PliError, SealBroken, OSError):
                        damaged += 1
                        continue
                    archive.writestr(f"courrier/{_safe(name)}/{uid:08d}.eml", raw)
                    written += 1
        return {"messages": written, "damaged": damaged}

    def _folders(self, mailbox_id: int) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        for folder in self._db.read(list_folders, self._keyring, mailbox_id):
            yield folder.name, self._db.read(_messages_of, folder.id)

    def _documents(self, archive: zipfile.ZipFile, reader: Reader, patient_id: int) -> int:
        contents: list[dict[str, Any]] = []
        kept: list[tuple[Shown, bytes]] = []
        for shown in self._records.list(reader, patient_id):
            if shown.meta is None:
                continue
            read = self._records.read(reader, shown.row.id)
            name = f"{shown.row.id}.{_SUFFIX.get(read.meta.media_type, 'bin')}"
            archive.writestr(f"dossier/{name}", read.content)
            page = self._page(archive, shown.row.id, read)
            contents.append({"file": name, "page": page, "state": shown.row.state} | asdict(read.meta))
            kept.append((shown, read.content))
        archive.writestr("dossier/documents.json", json.dumps(contents, ensure_ascii=False, indent=1, default=str))
        self._summary(archive, reader, patient_id, tuple(kept))
        self._xdm(archive, patient_id, kept)
        return len(contents)

    def _page(self, archive: zipfile.ZipFile, document_id: int, read: ReadDocument) -> str:
        """A PDF/A-1b copy where there is a page to make; its name, or empty."""
        try:
            page = paper(read.meta, read.content, self._clock.now())
        except BadInput:  # a picture that no reader opens: the original is there
            return ""
        if page is None:
            return ""
        archive.writestr(f"dossier/{document_id}-page.pdf", page)
        return f"{document_id}-page.pdf"

    def _summary(
        self, archive: zipfile.ZipFile, reader: Reader, patient_id: int, kept: tuple[tuple[Shown, bytes], ...]
    ) -> None:
        """The synthesis as a page, the patient summary as FHIR (IPS), each document as FHIR."""
        now = self._clock.now()
        at = epoch_ms(now)
        services = (self._db, self._keyring, self._records, self._orders)
        whole = summary_of(*services, reader, patient_id, lambda: at, is_masked=False)
        listed = [document(shown, patient_id) for shown, _content in kept]
        archive.writestr("dossier/synthese.pdf", synthesis_paper(synthesis(kept), now))
        archive.writestr("dossier/resume-ips.json", json.dumps(whole, ensure_ascii=False, indent=1))
        found = searchset(listed, "urn:pli", "urn:pli:DocumentReference", len(listed))
        archive.writestr("dossier/documents-fhir.json", json.dumps(found, ensure_ascii=False, indent=1))

    def _xdm(self, archive: zipfile.ZipFile, patient_id: int, kept: list[tuple[Shown, bytes]]) -> None:
        """Clinical documents in IHE_XDM archives, fifty each, and one by one as HL7; one whose header does not say all
        stays a file alone."""
        identity = self._db.read(identity_of, self._keyring, patient_id)
        now = self._clock.now()
        sender = Sender("Export du dossier", "Pli", "", OWN_OID)
        leaves = [
            Leaf(content, paper(shown.meta, content, now) or b"")
            for shown, content in kept
            if shown.meta and shown.meta.media_type == CDA
        ]
        fitting = [leaf for leaf in leaves if _fits(leaf, identity, sender, now)]
        for start in range(0, len(fitting), XDM_LEAVES):
            parcel = pack(tuple(fitting[start : start + XDM_LEAVES]), identity, sender, now)
            archive.writestr(f"dossier/xdm-{start // XDM_LEAVES + 1}.zip", parcel.attached[0].content)
        for number, leaf in enumerate(fitting, 1):
            processing = "P" if identity.ins.oid in REAL_OIDS else "T"
            header = Header(("Pli", "EXPORT"), ("", ""), str(number), now, processing)
            with suppress(BadInput, Refused):  # a mix of marks that HL7 forbids: the file itself is there
                archive.writestr(f"dossier/message-{number}.hl7", hl7((leaf,), identity, header))

    def _orders_of(self, archive: zipfile.ZipFile, actor: str, patient_id: int, holder_id: int) -> None:
        rows = self._db.read(self._orders.of_patient, patient_id)
        self._trace([(row.id, holder_id) for row in rows], actor, "order.export")
        found = []
        for order_id in (row.id for row in rows):  # an order may have changed since: row and detail of one moment
            row, detail = self._db.read(self._orders.opened, order_id)
            found.append({"number": row.number, "state": row.state.value, "lines": [asdict(li) for li in detail.lines]})
        archive.writestr("commandes.json", json.dumps(found, ensure_ascii=False, indent=1, default=str))

    def _trace(self, refs: list[tuple[int, int]], actor: str, action: str) -> None:
        now = self._clock.now()
        events = [Event(actor, action, "allowed", now, ref, holder_id) for ref, holder_id in refs]
        if events:
            self._db.load(Freight({audit: [self._trail.row(event) for event in events]}))


def _fits(leaf: Leaf, identity: Identity, sender: Sender, now: datetime) -> bool:
    """Whether the document says all that a submission requires."""
    try:
        pack((leaf,), identity, sender, now)
    except (BadInput, Refused):
        return False
    return True


def _new_zip(target: Path) -> zipfile.ZipFile:
    """Never over a file that is there; readable by its owner only."""
    if target.suffix != ".zip":
        raise NotFound("the export goes into a new file whose name ends in .zip")
    target.touch(mode=0o600, exist_ok=False)
    return zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1)


def _safe(name: str) -> str:
    """A folder's name as a path that no system stumbles over."""
    return "/".join(_UNSAFE.sub("_", part).strip(". ")[:80] or "_" for part in name.split("/"))


def _messages_of(session: Session, folder_id: int) -> list[tuple[int, int]]:
    columns = (folder_messages.c.uid, folder_messages.c.message_id)
    query = select(*columns).where(folder_messages.c.folder_id == folder_id).order_by(folder_messages.c.uid)
    return [(row.uid, row.message_id) for row in session.execute(query)]


def _accesses(session: Session, holder_id: int) -> list[dict[str, str]]:
    query = select(audit).where(audit.c.holder_id == holder_id).order_by(audit.c.seq)
    return [
        {
            "at": from_epoch_ms(entry["at"]).isoformat(timespec="seconds"),
            **{name: str(entry[name]) for name in ("actor", "action", "outcome", "detail")},
        }
        for entry in session.execute(query).mappings()
    ]
