"""A backup put back into an empty folder, under the keyring that was kept apart; what was erased since stays erased."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from core import engines
from core.errors import Refused, StorageFull
from core.settings import FILE_NAME, Settings
from crypto.keyfile import KeyringBroken
from crypto.keyring import FileKeyring, Keyring
from ops.backup.database import SQLITE, put_database
from ops.backup.make import BLOBS, WITNESS, copy_blobs, settle
from ops.backup.manifest import BadBackup, Manifest
from ops.erasure import LEDGER, noted
from ops.instance import make_home
from ops.keys import keyring_file, passphrase
from ops.migrate import head

Say = Callable[[str], None]


def look(backup: Path, keyring: Path, settings: Settings) -> Manifest:
    """The dry run: everything that can go wrong, without writing. Raises BadBackup, Refused, StorageFull, OSError."""
    manifest = Manifest.read(backup)
    manifest.check(backup, _opened(keyring, settings))
    if manifest.revision > head():
        raise BadBackup("the backup is of a newer version than this one")
    if manifest.database == "sqlite":
        _check_sqlite(backup / SQLITE)
    home = settings.home
    if home.exists() and any(home.iterdir()):
        raise Refused(f"{home} is not empty: a backup is restored into a new folder")
    place = home.absolute()
    while not place.exists():
        place = place.parent
    if shutil.disk_usage(place).free < manifest.octets:
        raise StorageFull("there is not enough room to restore it there")
    noted(keyring.with_name(LEDGER))
    return manifest


def put_back(backup: Path, keyring: Path, settings: Settings) -> Manifest:
    """Restore. The caller brings the schema up to date, erases again and verifies. Raises as `look`, Permanent."""
    manifest = look(backup, keyring, settings)
    home = settings.home
    make_home(home)
    shutil.copyfile(keyring, keyring_file(home))
    keyring_file(home).chmod(0o600)
    ledger = keyring.with_name(LEDGER)
    if ledger.exists():
        shutil.copyfile(ledger, home / LEDGER)
    copy_blobs(backup / BLOBS, home / BLOBS)
    for name, place in ((FILE_NAME, home / FILE_NAME), (WITNESS, settings.checkpoints)):
        if (backup / name).exists() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(backup / name, place)
    put_database(manifest.database, backup, engines.parse(settings.database_url))
    settle(home)
    return manifest


def _opened(keyring: Path, settings: Settings) -> Callable[[bytes], bytes]:
    try:
        found: Keyring = FileKeyring.open(keyring, passphrase(settings))
    except KeyringBroken as error:
        raise BadBackup(str(error)) from None
    return lambda data: found.mac("backup", data)


def _check_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            word = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error:
        word = "no database"
    if word != "ok":
        raise BadBackup("the database of the backup is damaged")
