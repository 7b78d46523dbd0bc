"""How tests import invented extracts of the national annuaire."""

import subprocess
import sys
from pathlib import Path

from core.clock import FakeClock
from core.db import Db
from directory.annuaire import Annuaire
from directory.importing import Importer, Rules
from directory.national import FILES
from tests.support.house import ROOT

RULES = Rules(10, 5, frozenset({"patient.mssante.fr"}), "1.2.250.1.213.1.4.10")
NOW = FakeClock().now()

DIES = """
import os, signal, sys
from pathlib import Path
from core.clock import FakeClock
from core.db import Db
from directory.annuaire import Annuaire
from directory.importing import Importer
from tests.support.annuaire import RULES

url, folder, what, number, *files = sys.argv[1:]

def progress(said, done, total):
    if said == what and done >= int(number):
        os.kill(os.getpid(), signal.SIGKILL)

db = Db.open(url)
annuaire = Annuaire(db, Path(folder))
Importer(db, annuaire, RULES, progress).run([Path(name) for name in files], FakeClock().now())
"""


def take(db: Db, annuaire: Annuaire, *paths: Path, rules: Rules = RULES) -> dict:
    return Importer(db, annuaire, rules, lambda *_: None).run(paths, NOW)


def all_of(files: Path) -> list[Path]:
    return [files / name for name in FILES.values()]


def one_person(files: Path) -> list[str]:
    """The columns of somebody with a mailbox that is not on the red list."""
    boxes = (files / FILES["mssante"]).read_text().splitlines()[2:]
    return next(line.split("|") for line in boxes if line.startswith("PER"))


def changed(source: Path, target: Path, *edits: tuple[str, str]) -> Path:
    text = source.read_text(encoding="utf-8")
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    target.write_text(text, encoding="utf-8")
    return target


def import_that_dies(url: str, folder: Path, what: str, number: int, files: list[Path]) -> "subprocess.Popen[bytes]":
    """A process that imports, and is killed as soon as its progress says that so many of these are done."""
    command = [sys.executable, "-c", DIES, url, str(folder), what, str(number), *map(str, files)]
    return subprocess.Popen(command, cwd=ROOT)
