"""One backup: files first, then the database at one moment, then the files that came in between.

A file that the database speaks of is thus in the backup, unless it was removed while we copied: then all is copied
again.
"""

import os
import shutil
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.clock import Clock
from core.db import Db
from core.durable import sync
from core.errors import Refused, StorageFull, Temporary
from core.settings import FILE_NAME
from mail.blobs import SPREAD
from mail.tables import bodies, messages
from ops.backup.database import SQLITE, copy_database
from ops.backup.manifest import Mac, Manifest, listed
from record.tables import documents

TRIES = 3
BLOBS, WITNESS = "blobs", "checkpoints"


def make_backup(db: Db, mac: Mac, clock: Clock, home: Path, checkpoints: Path, target: Path, revision: str) -> Manifest:
    """Write it into `target`, an empty or new folder; `revision` is the schema's.

    Raises Refused, StorageFull, Temporary, OSError.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused("the backup goes into a new or empty folder")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_room(home, target)
    for _ in range(TRIES):
        copy_blobs(home / BLOBS, target / BLOBS)
        wanted = db.read(_files)
        (target / SQLITE).unlink(missing_ok=True)
        kind = copy_database(db.url, target)
        copy_blobs(home / BLOBS, target / BLOBS)
        if all(_placed(target / BLOBS, file_id).exists() for file_id in wanted):
            break
    else:
        raise Temporary("too much was removed while the backup was made: try again")
    for path, name in ((home / FILE_NAME, FILE_NAME), (checkpoints, WITNESS)):
        if path.exists():
            shutil.copyfile(path, target / name)
    made = Manifest(
        made_at=clock.now().isoformat(timespec="seconds"),
        revision=revision,
        database=kind,
        messages=db.read(_messages),
        files=listed(target),
    )
    made.write(target, mac)
    settle(target)
    return made


def copy_blobs(source: Path, target: Path) -> None:
    """What is not there yet; sealed files are written once and never changed."""
    for number in range(SPREAD):
        folder = source / f"{number:02x}"
        into = target / folder.name
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not folder.is_dir():
            continue
        for file in folder.iterdir():
            if file.name.isdigit() and not (into / file.name).exists():
                _copy(file, into / file.name)


def settle(folder: Path) -> None:
    """Every file and folder of the backup survives a power cut."""
    for at, _names, files in os.walk(folder):
        for path in (*(Path(at) / name for name in files), Path(at)):
            sync(path)


def _copy(file: Path, target: Path) -> None:
    try:
        shutil.copyfile(file, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)  # removed meanwhile


def _check_room(home: Path, target: Path) -> None:
    used = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    if shutil.disk_usage(target).free < used:
        raise StorageFull("there is not enough room for a backup there")


def _placed(blobs: Path, file_id: int) -> Path:
    return blobs / f"{file_id % SPREAD:02x}" / str(file_id)


def _files(session: Session) -> list[int]:
    ids = list(session.execute(select(bodies.c.id).where(bodies.c.storage == "file")).scalars())
    return ids + list(session.execute(select(documents.c.id).where(documents.c.storage == "file")).scalars())


def _messages(session: Session) -> int:
    return session.execute(select(func.count()).select_from(messages)).scalar_one()
