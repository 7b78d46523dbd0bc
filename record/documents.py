"""Documents at rest: sealed with a key of their own, which the patient's holder key wraps. Large ones lie in a file."""

import hashlib
import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from crypto.keyring import Keyring
from crypto.sealed import (
    OBJECT_MAGIC,
    SealedReader,
    SealedWriter,
    Sealer,
    new_key,
    object_aad,
    unseal,
    unwrap_key,
    wrap_key,
)
from directory.holders import holder_key
from directory.patients import get_patient
from mail.blobs import Blobs, disk_error
from record.tables import documents

ROW_BYTES = 64 * 1024  # larger content lies in a file
TEXT_CHARACTERS = 200_000
FILED, AWAITING, RECONCILE, REFUSED, DUPLICATE = "filed", "awaiting_consent", "to_reconcile", "refused", "duplicate"
SUPERSEDED, REMOVED = "superseded", "removed"  # a newer version replaced it; somebody who may took it out
STATES = frozenset({FILED, AWAITING, RECONCILE, REFUSED, DUPLICATE, SUPERSEDED, REMOVED})


@dataclass(frozen=True, slots=True, repr=False)
class DocumentMeta:
    """What is kept sealed beside the content. Absent text is empty."""

    title: str
    media_type: str
    size: int
    sha256: str
    pages: int = 0
    width: int = 0
    height: int = 0
    type_code: str = ""
    document_id: str = ""
    effective_time: str = ""
    authors: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    agreement: str = ""
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    verdict: str = ""  # of the message that brought it
    picture_only: bool = False
    confidentiality: tuple[str, ...] = ()  # codes of the document and of what stands beside it
    links: tuple[str, ...] = ()  # where pictures that are not copied are opened
    author_ids: tuple[str, ...] = ()  # extension^root, of persons
    organisations: tuple[str, ...] = ()
    name: str = ""  # of the file
    pdf_signature: str = ""  # a reason of crypto.verdict; empty where the document is no signed PDF
    pdf_signer: str = ""  # who signed it, once trusted: the certificate's subject


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A row without its secrets."""

    id: int
    patient_id: int | None
    message_id: int
    part: str
    state: str
    reason: str
    same_as: int | None
    filed_at: int
    mask: int = 0
    superseded_by: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A document ready for its row. `storage` is row, file or none."""

    storage: str
    sealed: bytes | None
    sealed_meta: bytes
    wrapped_key: bytes
    sealed_text: bytes | None = None


_FACTS = tuple(documents.c[name] for name in DocumentRow.__slots__)


def seal_document(
    document_id: int, content: bytes | None, meta: DocumentMeta, patient_key: bytes, blobs: Blobs, text: str = ""
) -> Sealed:
    """Seal content and meta-data under a fresh key. A large content is in its file, durably, when this returns.

    Raises StorageFull, StoreBroken.
    """
    key = new_key()
    sealer, facts = Sealer(OBJECT_MAGIC, key), {name: getattr(meta, name) for name in DocumentMeta.__slots__}
    sealed_meta = sealer.seal(json.dumps(facts, ensure_ascii=False).encode(), _meta_aad(document_id))
    wrapped = wrap_key(patient_key, key, _key_aad(document_id))
    words = _sealed_text(sealer, document_id, text)
    if content is None:
        return Sealed("none", None, sealed_meta, wrapped, words)
    if len(content) <= ROW_BYTES:
        return Sealed("row", sealer.seal(content, _aad(document_id)), sealed_meta, wrapped, words)
    _write(blobs, document_id, key, content)
    return Sealed("file", None, sealed_meta, wrapped, words)


def rows_of(session: Session, *conditions: Any) -> tuple[DocumentRow, ...]:
    """Rows in the order of their filing."""
    query = select(*_FACTS).where(*conditions).order_by(documents.c.filed_at, documents.c.id)
    return tuple(DocumentRow(*row) for row in session.execute(query))


def get_row(session: Session, document_id: int) -> DocumentRow | None:
    return next(iter(rows_of(session, documents.c.id == document_id)), None)


def document_key(session: Session, keyring: Keyring, row: DocumentRow) -> bytes:
    """The object's key. Raises NotFound when there is none, or when the patient's key was destroyed."""
    wrapped = session.execute(select(documents.c.wrapped_key).where(documents.c.id == row.id)).scalar_one_or_none()
    if wrapped is None or row.patient_id is None:
        raise NotFound("document introuvable", "document holds nothing")
    holder = holder_key(session, keyring, get_patient(session, row.patient_id).holder_id)
    return unwrap_key(holder, wrapped, _key_aad(row.id))


def open_meta(session: Session, key: bytes, document_id: int) -> DocumentMeta:
    """Raises SealBroken, NotFound."""
    sealed = session.execute(select(documents.c.sealed_meta).where(documents.c.id == document_id)).scalar_one_or_none()
    if sealed is None:
        raise NotFound("document introuvable", "document holds nothing")
    found: dict[str, Any] = json.loads(unseal(key, sealed, _meta_aad(document_id)))
    lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
    return DocumentMeta(**(found | lists))


def open_content(session: Session, key: bytes, document_id: int, blobs: Blobs) -> bytes:
    """Raises SealBroken, NotFound."""
    row = session.execute(
        select(documents.c.storage, documents.c.sealed).where(documents.c.id == document_id)
    ).one_or_none()
    if row is None or row.storage == "none":
        raise NotFound("document introuvable", "document holds no content")
    if row.storage == "row":
        return unseal(key, row.sealed, _aad(document_id))
    try:
        with blobs.open(document_id) as file:
            return SealedReader(file, key, _aad(document_id)).read_all()
    except FileNotFoundError:
        raise NotFound("document introuvable", "document's file is missing") from None


def open_text(session: Session, key: bytes, document_id: int) -> str:
    """The words in a document; empty where no machine read any. Raises SealBroken."""
    query = select(documents.c.sealed_text).where(documents.c.id == document_id)
    sealed = session.execute(query).scalar_one_or_none()
    return zlib.decompress(unseal(key, sealed, _text_aad(document_id))).decode() if sealed else ""


def _sealed_text(sealer: Sealer, document_id: int, text: str) -> bytes | None:
    """Packed: the words of a document are said twice otherwise."""
    bare = text[:TEXT_CHARACTERS].strip()
    return sealer.seal(zlib.compress(bare.encode(), 1), _text_aad(document_id)) if bare else None


def wipe(session: Session, document_ids: Collection[int]) -> list[int]:
    """Forget content and keys; returns the ids whose files the caller discards after the commit."""
    chosen = documents.c.id.in_(document_ids)
    files = select(documents.c.id).where(chosen, documents.c.storage == "file")
    found = list(session.execute(files).scalars())
    empty = {"storage": "none", "sealed": None, "sealed_meta": None, "wrapped_key": None, "sealed_text": None}
    session.execute(update(documents).where(chosen).values(empty))
    return found


def files_among(session: Session, ids: Collection[int]) -> set[int]:
    """Which of these ids are documents with a file: for the sweep of `mail.blobs`, which knows bodies only."""
    query = select(documents.c.id).where(documents.c.id.in_(ids), documents.c.storage == "file")
    return set(session.execute(query).scalars())


def content_blind(keyring: Keyring, patient_id: int, content: bytes) -> bytes:
    """The blind index by which the same content is known again, within one patient only."""
    return keyring.blind("document", f"{patient_id}|{hashlib.sha256(content).hexdigest()}")


def own_id_blind(keyring: Keyring, patient_id: int, document_id: str) -> bytes | None:
    """The blind index by which a document is known by its own unique id, within one patient only."""
    return keyring.blind("document-id", f"{patient_id}|{document_id}") if document_id else None


def _write(blobs: Blobs, document_id: int, key: bytes, content: bytes) -> None:
    file = blobs.create(document_id)
    try:
        writer = SealedWriter(file, key, _aad(document_id))
        writer.write(content)
        writer.finish()
    except OSError as error:
        file.close()
        blobs.discard(document_id)
        raise disk_error(error) from error
    blobs.keep(document_id, file)


def _aad(document_id: int) -> bytes:
    return object_aad("document", document_id, 1)


def _text_aad(document_id: int) -> bytes:
    return object_aad("document-text", document_id, 1)


def _meta_aad(document_id: int) -> bytes:
    return object_aad("document-meta", document_id, 1)


def _key_aad(document_id: int) -> bytes:
    return object_aad("document-key", document_id, 1)
