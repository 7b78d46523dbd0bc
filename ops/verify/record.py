"""The patient record: every document's key, meta-data and content, and the blind index that knows it again."""

import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crypto.committing import SealBroken
from crypto.sealed import SealedReader, object_aad, unseal, unwrap_key
from directory.tables import holders, patients
from mail.blobs import SPREAD
from ops.verify.context import Context
from record.tables import documents

PIECE = 1024 * 1024


def check_documents(context: Context) -> None:
    """Documents that hold something; a row without a key was wiped and says so by its storage."""
    context.count("documents", documents.c.id)
    for rows in context.batches(_query(), documents.c.id):
        context.each(lambda row: _Check(context, row).run(), rows)
        context.findings.checked("documents", len(rows))


def _query() -> Any:
    return (
        select(
            *(documents.c.id, documents.c.patient_id, documents.c.content_blind, documents.c.storage),
            *(documents.c.sealed, documents.c.sealed_meta, documents.c.wrapped_key.label("object_key")),
            *(patients.c.holder_id, holders.c.wrapped_key),
        )
        .outerjoin(patients, patients.c.id == documents.c.patient_id)
        .outerjoin(holders, holders.c.id == patients.c.holder_id)
    )


class _Check:
    """One document."""

    def __init__(self, context: Context, row: Any) -> None:
        self._context = context
        self._row = row

    def run(self) -> None:
        if self._row.object_key is None:
            if self._row.storage != "none":
                self._wrong("it holds content and no key")
            return
        holder = self._context.holder(self._row.holder_id, self._row.wrapped_key)
        if holder is None:
            self._context.findings.checked("documents shredded")
            return
        try:
            key = unwrap_key(holder, self._row.object_key, object_aad("document-key", self._row.id, 1))
        except SealBroken:
            self._wrong("its wrapped key does not open")
            return
        self._content(key, self._meta(key))

    def _meta(self, key: bytes) -> dict[str, Any]:
        try:
            found = json.loads(unseal(key, self._row.sealed_meta or b"", object_aad("document-meta", self._row.id, 1)))
        except (SealBroken, ValueError):
            self._wrong("its sealed meta-data do not open")
            return {}
        return found if isinstance(found, dict) else {}

    def _content(self, key: bytes, meta: dict[str, Any]) -> None:
        if self._row.storage == "none":
            return
        try:
            size, digest = self._read(key)
        except SealBroken:
            self._wrong(f"its content ({self._row.storage}) does not open")
            return
        except OSError:
            self._missing()
            return
        if meta and (size, digest) != (meta.get("size"), meta.get("sha256")):
            self._wrong("its content has not the size or the SHA-256 that was written down when it was filed")
        blind = self._context.keyring.blind("document", f"{self._row.patient_id}|{digest}")
        if self._row.content_blind is not None and self._row.content_blind != blind:
            self._wrong("its blind index does not fit its content")

    def _read(self, key: bytes) -> tuple[int, str]:
        """Size and SHA-256. Raises SealBroken, OSError."""
        aad = object_aad("document", self._row.id, 1)
        if self._row.storage == "row":
            content = unseal(key, self._row.sealed or b"", aad)
            return len(content), hashlib.sha256(content).hexdigest()
        digest = hashlib.sha256()
        with (self._context.blobs / f"{self._row.id % SPREAD:02x}" / str(self._row.id)).open("rb") as file:
            reader = SealedReader(file, key, aad)
            for offset in range(0, reader.size, PIECE):
                digest.update(reader.read_range(offset, PIECE))
        return reader.size, digest.hexdigest()

    def _missing(self) -> None:
        """A file that cannot be read is damage, unless the document was wiped while we looked."""
        if self._context.db.read(_still_in_file, self._row.id):
            self._wrong("the file of its content is missing or unreadable")

    def _wrong(self, what: str) -> None:
        self._context.findings.problem(f"document {self._row.id}: {what}")


def _still_in_file(session: Session, document_id: int) -> bool:
    query = select(documents.c.id).where(documents.c.id == document_id, documents.c.storage == "file")
    return session.execute(query).first() is not None
