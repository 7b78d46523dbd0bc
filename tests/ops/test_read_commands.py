"""`pli prescription read` without an instance and `pli refdata import-bdpm` in one: what programs get from them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.clock import SystemClock
from core.db import Db
from crypto.keyring import FileKeyring
from ops import instance, migrate
from ops.cli import main as cli
from record.medicines import bdpm
from record.medicines.import_bdpm import import_folder
from tests.support.medicines import editions, silent
from tests.support.pli_server import PliServer
from tests.support.reading_files import NUMBER, e_med, file_of, page, treatment
from tests.support.record_files import PRESCRIPTION, text_pdf

KEYS = {"file", "origin", "lines", "codes", "refused"}
LINE_KEYS = "text name strength form dose duration renewals cis confidence to_confirm".split()


def read(home: Path, *files: Path, json_lines: bool = True):
    words = ["prescription", "read", *(["--json"] if json_lines else []), "--home", str(home), *map(str, files)]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()] if json_lines else done.stdout


def kept(folder: Path, **files: bytes) -> list[Path]:
    paths = [folder / name.replace("__", ".") for name in files]
    for path, data in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    return paths


def test_one_json_line_for_each_file_in_their_order(tmp_path: Path) -> None:
    files = kept(
        tmp_path, a__pdf=text_pdf(*PRESCRIPTION), b__xml=e_med(treatment()), c__txt=b"RAMIPRIL 5 mg, gel\n1 le soir"
    )
    found = read(tmp_path / "none", *files, tmp_path / "nowhere.pdf")
    assert all(set(one) == KEYS for one in found) and all(
        list(line) == LINE_KEYS for one in found for line in one["lines"]
    )
    assert [one["file"] for one in found] == [*map(str, files), str(tmp_path / "nowhere.pdf")]
    assert [one["origin"] for one in found[:3]] == ["PDF", "structuré", "texte"]
    assert [bool(one["refused"]) for one in found] == [False, False, False, True]
    line = found[0]["lines"][1]
    assert (line["name"], line["strength"], line["duration"], line["renewals"]) == ("LÉVOTHYROX", "75 µg", "3 mois", 1)
    assert found[1]["codes"] == [{"kind": "numéro d'ordonnance", "number": NUMBER, "say": "à scanner dans le LGO"}]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 100, b"%PDF-1.7", b"MZ\x00", b"<x/>", file_of(page("x").resize((90, 90))), b"\xff\xd8\xff" * 9],
)
def test_what_cannot_be_read_is_a_sentence_not_a_failure(tmp_path: Path, data: bytes) -> None:
    (found,) = read(tmp_path / "none", *kept(tmp_path, x__jpg=data))
    assert found["lines"] == [] and (found["refused"].endswith(".") or data == b"<x/>")


def test_for_people_it_is_a_table(tmp_path: Path) -> None:
    shown = read(tmp_path / "none", *kept(tmp_path, a__pdf=text_pdf(*PRESCRIPTION)), json_lines=False)
    assert "DOLIPRANE" in shown and "PDF" in shown


def test_the_instance_s_reference_data_helps(tmp_path: Path) -> None:
    home = tmp_path / "home"
    instance.make_home(home)
    FileKeyring.create(instance.keyring_file(home))
    url = f"sqlite:///{home / 'pli.db'}"
    migrate.upgrade(url)
    files = kept(tmp_path, a__pdf=text_pdf("INVENTÉ 2 mg, comprimé", "1 comprimé le soir pendant 5 jours"))
    assert read(home, *files)[0]["lines"][0]["cis"] == ""
    db = Db.open(url)
    import_folder(db, editions(tmp_path), SystemClock().now(), silent)
    db.close()
    assert read(home, *files)[0]["lines"][0]["cis"] == "60000001"


@pytest.mark.slow
def test_import_into_a_running_server(tmp_path: Path) -> None:
    """Twice changes nothing; a folder without the files leaves what is there."""
    folder, empty = tmp_path / "bdpm", tmp_path / "empty"
    folder.mkdir()
    empty.mkdir()
    editions(folder)
    with PliServer(tmp_path / "home") as server:
        first = json.loads(server.cli("refdata", "import-bdpm", str(folder), "--json"))
        again = json.loads(server.cli("refdata", "import-bdpm", str(folder), "--json"))
        with pytest.raises(Exception, match="no table of medicines"):
            server.cli("refdata", "import-bdpm", str(empty))
    assert (first["medicines"], first["packs"], first["changed"], again["changed"]) == (3, 3, True, False)
    assert first["files"][bdpm.CONDITIONS] == {"encoding": "cp1252", "used": 2, "rejected": 1}
