"""One bit changed in a kept instance, and what `pli verify-data` says of it."""

from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from ops.verify.findings import Report
from ops.verify_data import verify
from tests.support.kept import Kept


def checked(kept: Kept) -> Report:
    """What `pli verify-data` finds in this instance."""
    return verify(kept.db, kept.keyring, kept.trail, kept.blobs.root)


def one(kept: Kept) -> str:
    """The only problem found."""
    report = checked(kept)
    assert len(report.problems) == report.found == 1, report.problems
    return report.problems[0]


def flipped(data: bytes, at: int = -1) -> bytes:
    """One bit changed, in the middle unless told."""
    changed = bytearray(data)
    changed[len(data) // 2 if at < 0 else at] ^= 1
    return bytes(changed)


def flip(kept: Kept, table: Table, column: str, *where: Any) -> None:
    """Flip one bit of one row's column."""

    def work(session: Session) -> None:
        query = select(table).where(table.c[column].is_not(None), *where).limit(1)
        row = session.execute(query).mappings().one()
        found = row[column]
        value = flipped(found) if isinstance(found, bytes) else found + 1
        same = [key == row[key.name] for key in table.primary_key.columns]
        session.execute(update(table).where(*same).values({column: value}))

    kept.db.run(work)


def change(kept: Kept, statement: Any) -> None:
    """Behind everybody's back."""
    kept.db.run(lambda session: session.execute(statement) and None)
