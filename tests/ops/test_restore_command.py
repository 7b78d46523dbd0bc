"""`pli restore`, as an operator types it after a fire."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.backup.make import make_backup
from ops.cli import main as cli
from ops.erasure import LEDGER, Eraser
from ops.migrate import head, upgrade
from tests.support.kept import keep, open_kept, written

pytestmark = pytest.mark.slow


def test_the_command_asks_for_the_backup_and_the_keyring_alone(tmp_path: Path):
    """No certificate stands in the new folder yet; whoever was erased is erased before anything is served."""
    home = tmp_path / "home"
    home.mkdir()
    url = f"sqlite:///{home / 'pli.db'}"
    upgrade(url)
    kept = open_kept(url, home)
    keep(kept, written("petit"), kept.pharmacy, kept.patient)
    make_backup(
        kept.db,
        lambda data: kept.keyring.mac("backup", data),
        kept.clock,
        home,
        home / "checkpoints",
        tmp_path / "backup",
        head(),
    )
    Eraser(kept.db, kept.trail, kept.blobs, kept.clock, home / LEDGER).erase(kept.patient_id, "operator")
    kept.db.close()
    words = ["restore", tmp_path / "backup", "--keyring", home / "keyring.json", "--home", tmp_path / "there"]
    done = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["erased_again"], answer["problems"]) == (2, [])
