"""What each part of a verification works with: the database, the keys, a bounded memory of holders' keys, threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Select, func, select
from sqlalchemy.orm import Session

from core.db import Db
from crypto.committing import SealBroken
from crypto.keyring import Keyring
from directory.holders import holder_aad
from ops.verify.findings import Findings

BATCH = 100  # rows read at once: with bodies of 256 KiB in their rows some 26 MB
KEYS_KEPT = 20_000

Rows = Sequence[Any]  # SQLAlchemy's rows, whatever their columns


class Context:
    """Handed to each part; closed by whoever made it."""

    def __init__(self, db: Db, keyring: Keyring, blobs: Path, findings: Findings, threads: int = 4) -> None:
        self.db = db
        self.keyring = keyring
        self.blobs = blobs
        self.findings = findings
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="verify")
        self._keys = lru_cache(KEYS_KEPT)(self._unwrapped)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def holder(self, holder_id: int, wrapped: bytes | None) -> bytes | None:
        """The holder's key; None when it was destroyed, or does not open (the holders' own part says so)."""
        return None if wrapped is None else self._keys(holder_id, bytes(wrapped))

    def each(self, check: Callable[[Any], None], things: Sequence[Any]) -> None:
        """Check them all, several at a time."""
        for _ in self._pool.map(check, things):
            pass

    def batches(self, query: Select[Any], key: Column[int]) -> Iterator[Rows]:
        """The query's rows in batches, in the order of `key`, which the query must select under its own name.

        Each batch is a short transaction of its own: the server goes on working.
        """
        last: int | None = None
        while True:
            rows = self.db.read(_page, query, key, last)
            if not rows:
                return
            yield rows
            last = rows[-1]._mapping[key.name]

    def count(self, kind: str, key: Column[int]) -> None:
        """Tell the progress bar how many there are."""
        self.findings.expect(kind, self.db.read(_count, key))

    def _unwrapped(self, holder_id: int, wrapped: bytes) -> bytes | None:
        try:
            return self.keyring.unwrap_holder(wrapped, holder_aad(holder_id))
        except SealBroken:
            return None


def _page(session: Session, query: Select[Any], key: Column[int], last: int | None) -> Rows:
    later = query if last is None else query.where(key > last)
    return session.execute(later.order_by(key).limit(BATCH)).all()


def _count(session: Session, key: Column[int]) -> int:
    return session.execute(select(func.count(key))).scalar_one()
