"""Stored files that no row speaks of: a crash before the commit leaves them behind, the start takes them away."""

import time
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db import Db
from mail.blobs import Blobs
from mail.tables import bodies
from record.documents import files_among

ASKED = 500  # ids in one statement
ANOTHERS_S = 3600.0  # a file younger than this may be another process's, whose commit is still to come


def known_files(session: Session, ids: Collection[int]) -> set[int]:
    """Those of `ids` that are bodies or documents with a file."""
    wanted, found = sorted(ids), set[int]()
    for start in range(0, len(wanted), ASKED):
        chunk = wanted[start : start + ASKED]
        query = select(bodies.c.id).where(bodies.c.id.in_(chunk), bodies.c.storage == "file")
        found |= set(session.execute(query).scalars()) | files_among(session, chunk)
    return found


def sweep_leftovers(db: Db, blobs: Blobs) -> int:
    """For the start, before any mail. Returns how many files were removed. Raises DatabaseDown."""
    alone = db.url.get_backend_name() == "sqlite"
    before = float("inf") if alone else time.time() - ANOTHERS_S
    return blobs.sweep(lambda ids: db.read(known_files, ids), before)
