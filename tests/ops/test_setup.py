"""`pli setup` makes an instance once and never writes over what is there; the units and the manual are printed."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from directory.national import FILES, generate
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


@pytest.mark.slow
def test_the_annuaire_is_taken_before_there_are_certificates(tmp_path: Path):
    home, files = str(tmp_path / "home"), tmp_path / "files"
    generate(files, seed=3, activities=40, mailboxes=20, progress=lambda *_: None)
    pli("setup", "--home", home)
    assert "in use" in pli("directory", "import", "--home", home, *(str(files / name) for name in FILES.values()))
    box = (files / FILES["mssante"]).read_text().splitlines()[-1].split("|")[1]
    assert box in pli("directory", "show", "--json", "--home", home, box)


@pytest.mark.slow
def test_the_annuaire_on_the_command_line(tmp_path: Path):
    home, twice = str(tmp_path / "home"), [tmp_path / "a", tmp_path / "b"]
    for folder in twice:
        pli("directory", "generate", "--seed", "3", "--activities", "40", "--mailboxes", "20", str(folder))
    assert all((twice[0] / name).read_bytes() == (twice[1] / name).read_bytes() for name in FILES.values())
    pli("setup", "--home", home)
    files = [str(twice[0] / name) for name in FILES.values()]
    assert "nothing written" in pli("directory", "import", "--dry-run", "--home", home, *files)
    pli("directory", "import", "--home", home, *files)
    lines = (twice[0] / FILES["mssante"]).read_text().splitlines()
    red = (twice[0] / FILES["red"]).read_text()
    box = next(line.split("|") for line in lines[1:] if line.startswith("PER") and line.split("|")[1] not in red)
    found = json.loads(pli("directory", "search", "--json", "--home", home, f"{box[10]} {box[9]}"))
    assert found.keys() == {"query", "milliseconds", "entries"}
    (one,) = [each for each in found["entries"] if each["rpps"] == box[3]]
    assert {"name", "profession", "place", "rpps", "finess", "mailboxes"} <= one.keys()
    assert {"address": box[1], "kind": "PER"}.items() <= one["mailboxes"][0].items()
    none = pli("directory", "search", "--json", "--home", home, "--profession", "astronaute", box[9])
    assert json.loads(none)["entries"] == []
    assert box[1] in pli("directory", "export", "--home", home, box[9], box[10])
    assert "BEGIN:VCARD" in pli("directory", "export", "--format", "vcard", "--home", home, box[9], box[10])
