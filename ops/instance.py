"""An instance on the disk: its folder, keyring and schema. Made once; making it again changes nothing that is there."""

from pathlib import Path

from core.durable import sync
from core.errors import Permanent
from core.settings import Settings
from ops.keys import create_keyring, keyring_file
from ops.migrate import upgrade


class NoInstance(Permanent):
    """The folder holds no keyring."""


def create(settings: Settings) -> str:
    """Folder, keyring and newest schema; returns the schema's revision. Raises DatabaseDown, NoKeys."""
    make_keys(settings)
    return upgrade(settings.database_url)


def make_keys(settings: Settings) -> None:
    """Folder and keyring. Raises NoKeys."""
    make_home(settings.home)
    if not keyring_file(settings.home).exists():
        create_keyring(settings)


def make_home(home: Path) -> None:
    """The folder, and a name for it that outlives a power cut: each folder on the way is synced."""
    missing = [folder for folder in (home.absolute(), *home.absolute().parents) if not folder.exists()]
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (home.absolute(), *missing):
        sync(folder.parent)


def exists(home: Path) -> bool:
    """Whether there is an instance in this folder."""
    return keyring_file(home).exists()


def check_made(home: Path) -> None:
    """Raises NoInstance where none was made in this folder."""
    if not exists(home):
        raise NoInstance(f"no instance in {home}: `pli demo` or `pli migrate` makes one")
