"""`pli setup` makes an instance once and never writes over what is there; the units and the manual are printed."""

import tomllib
from pathlib import Path

from typer.testing import CliRunner

from ops.cli.main import app


def pli(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_it_can_be_run_again(tmp_path: Path):
    home = tmp_path / "home"
    assert "written" in pli("setup", "--home", str(home))
    keys, settings = (home / "keyring.json").read_bytes(), home / "pli.toml"
    assert tomllib.loads(settings.read_text())["environment"] == "demo"
    settings.write_text('environment = "test"\n')
    assert "kept as it is" in pli("setup", "--home", str(home))
    assert (home / "keyring.json").read_bytes() == keys
    assert settings.read_text() == 'environment = "test"\n'
    assert 'environment = "test"' in pli("config", "describe", "--home", str(home))


def test_units_are_printed_and_nothing_is_made(tmp_path: Path):
    printed = pli("setup", "--systemd", "--home", str(tmp_path / "none"))
    assert "ExecStart=" in printed and "pli-worker.service" in printed and "ProtectSystem=strict" in printed
    assert not (tmp_path / "none").exists()
