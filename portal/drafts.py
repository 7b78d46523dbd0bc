"""What a patient is about to send: kept sealed between the pages, seen by this patient alone, gone after a day."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.errors import NotFound
from core.ids import new_id
from portal.sealing import open_json, open_octets, seal_json, seal_octets
from portal.services import Services
from portal.session import Visitor
from portal.tables import web_draft_files, web_drafts

KEPT = timedelta(days=1)
_DRAFT, _FILE = "web-draft", "web-draft-file"


@dataclass(frozen=True, slots=True, repr=False)
class DraftFile:
    """One file: where its octets are, what it is, and what is wrong with it (in French; empty when nothing is)."""

    id: int
    media: str
    name: str
    size: int
    fault: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Parcel:
    """A draft. `headers_id` and `entity_id`: the composed mail, while a browser signs it."""

    id: int
    pharmacy_id: int
    files: tuple[DraftFile, ...] = ()
    note: str = ""
    wished: str = ""
    composed: tuple[int, ...] = field(default=())


class Drafts:
    """Kept for one patient at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self, visitor: Visitor, pharmacy_id: int, files: Sequence[tuple[DraftFile, bytes]]) -> int:
        """A new draft; returns its id. Older ones of anybody are forgotten when their day is over."""
        return self._services.db.run(self._start, visitor, pharmacy_id, files)

    def get(self, visitor: Visitor, draft_id: int) -> Parcel:
        """Raises NotFound, also for somebody else's."""
        return self._services.db.read(self._get, visitor, draft_id)

    def put(self, visitor: Visitor, parcel: Parcel) -> None:
        """Keep what changed in it."""
        self._services.db.run(self._put, visitor, parcel)

    def file(self, visitor: Visitor, draft_id: int, file_id: int) -> bytes:
        """The octets of one of its files. Raises NotFound."""
        return self._services.db.read(self._file, visitor, draft_id, file_id)

    def add_file(self, visitor: Visitor, draft_id: int, data: bytes) -> int:
        """Octets beside the files that the patient chose; returns their id."""
        return self._services.db.run(self._add_file, visitor, draft_id, data)

    def drop(self, visitor: Visitor, draft_id: int) -> None:
        """It was sent, or given up."""
        self._services.db.run(_forget, web_drafts.c.id == draft_id, web_drafts.c.mailbox_id == visitor.mailbox_id)

    def _start(
        self, session: Session, visitor: Visitor, pharmacy_id: int, files: Sequence[tuple[DraftFile, bytes]]
    ) -> int:
        now = self._services.clock.now()
        forget_old(session, now)
        parcel = Parcel(new_id(), pharmacy_id, tuple(file for file, _data in files))
        row = {"id": parcel.id, "mailbox_id": visitor.mailbox_id, "created_at": epoch_ms(now)}
        session.execute(insert(web_drafts), row | {"sealed": self._sealed(session, visitor, parcel)})
        for file, data in files:
            self._keep(session, visitor, parcel.id, file.id, data)
        return parcel.id

    def _get(self, session: Session, visitor: Visitor, draft_id: int) -> Parcel:
        mine = (web_drafts.c.id == draft_id) & (web_drafts.c.mailbox_id == visitor.mailbox_id)
        sealed = session.execute(select(web_drafts.c.sealed).where(mine)).scalar_one_or_none()
        if sealed is None:
            raise NotFound("Cet envoi n'existe plus : recommencez.", "no such draft of this patient")
        found = open_json(session, self._services.keyring, visitor.holder_id, sealed, _DRAFT, draft_id)
        files = tuple(DraftFile(**file) for file in found.pop("files"))
        return Parcel(**(found | {"files": files, "composed": tuple(found["composed"])}))

    def _put(self, session: Session, visitor: Visitor, parcel: Parcel) -> None:
        self._get(session, visitor, parcel.id)
        sealed = self._sealed(session, visitor, parcel)
        session.execute(update(web_drafts).where(web_drafts.c.id == parcel.id).values(sealed=sealed))

    def _sealed(self, session: Session, visitor: Visitor, parcel: Parcel) -> bytes:
        value: dict[str, Any] = asdict(parcel)
        return seal_json(session, self._services.keyring, visitor.holder_id, value, _DRAFT, parcel.id)

    def _file(self, session: Session, visitor: Visitor, draft_id: int, file_id: int) -> bytes:
        self._get(session, visitor, draft_id)
        query = select(web_draft_files.c.sealed).where(
            web_draft_files.c.id == file_id, web_draft_files.c.draft_id == draft_id
        )
        sealed = session.execute(query).scalar_one_or_none()
        if sealed is None:
            raise NotFound("Ce fichier n'existe plus.", "no such file of this draft")
        return open_octets(session, self._services.keyring, visitor.holder_id, sealed, _FILE, file_id)

    def _add_file(self, session: Session, visitor: Visitor, draft_id: int, data: bytes) -> int:
        self._get(session, visitor, draft_id)
        file_id = new_id()
        self._keep(session, visitor, draft_id, file_id, data)
        return file_id

    def _keep(self, session: Session, visitor: Visitor, draft_id: int, file_id: int, data: bytes) -> None:
        sealed = seal_octets(session, self._services.keyring, visitor.holder_id, data, _FILE, file_id)
        session.execute(insert(web_draft_files), {"id": file_id, "draft_id": draft_id, "sealed": sealed})


def forget_old(session: Session, now: datetime) -> None:
    """Drafts whose day is over."""
    _forget(session, web_drafts.c.created_at < epoch_ms(now - KEPT))


def _forget(session: Session, *which: Any) -> None:
    chosen = select(web_drafts.c.id).where(*which)
    session.execute(delete(web_draft_files).where(web_draft_files.c.draft_id.in_(chosen)))
    session.execute(delete(web_drafts).where(*which))
