"""`pli directory show|publish|search` as the server runs them: exactly what was asked for, or a clear refusal."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from core.errors import BadInput, NotFound
from directory.annuaire import Annuaire
from directory.importing import Importer, Rules
from directory.national import FILES, generate
from ops.commands import directory as directory_commands
from ops.doctor.annuaire import annuaire as light_of
from tests.support.kept import PHARMACY, open_kept

pytestmark = pytest.mark.slow
RULES = Rules(10, 5, frozenset({"patient.mssante.fr"}), "1.2.250.1.213.1.4.10")


def quiet(*_: object) -> None:
    """Nobody watches."""


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[SimpleNamespace]:  # noqa: F811
    kept = open_kept(database_url, tmp_path)
    annuaire = Annuaire(kept.db, tmp_path / "annuaire")
    generate(tmp_path / "files", seed=5, activities=300, mailboxes=120, progress=quiet)
    files = [tmp_path / "files" / name for name in FILES.values()]
    Importer(kept.db, annuaire, RULES, quiet).run(files, kept.clock.now())
    yield SimpleNamespace(
        db=kept.db, annuaire=annuaire, keyring=kept.keyring, clock=kept.clock, files=tmp_path / "files"
    )
    annuaire.close()
    kept.db.close()


def box(app: SimpleNamespace) -> list[str]:
    lines = (app.files / FILES["mssante"]).read_text().splitlines()[2:]
    return next(line.split("|") for line in lines if line.startswith("PER"))


def show(app: SimpleNamespace, key: str) -> dict:
    return directory_commands.show(app, {"key": key}, quiet)


def test_one_entry_is_shown_by_what_is_its_own_alone(app: SimpleNamespace) -> None:
    row = box(app)
    for key in (row[1], row[3], row[4], f" {row[3][:5]} {row[3][5:]} "):
        assert show(app, key)["rpps"] == row[3]
    for key in ("", "zzz", row[9], row[3][:10], row[1][:-3], "nobody@nowhere.test"):
        with pytest.raises(NotFound):
            show(app, key)


def test_a_finess_number_is_of_the_structure_before_those_who_work_there(app: SimpleNamespace) -> None:
    finess = next(
        fields[21]
        for fields in (line.split("|") for line in (app.files / FILES["rpps"]).read_text().splitlines()[1:])
        if fields[21]
    )
    found = directory_commands.search(app, {"text": finess, "profession": "", "place": "", "limit": 10}, quiet)
    assert found["entries"][0]["finess"] == finess and found["entries"][0]["rpps"] == ""
    assert len(found["entries"]) > 1 and show(app, finess)["finess"] == finess


def test_letters_of_another_encoding_are_passed_over(app: SimpleNamespace) -> None:
    asked = {"text": "b\udce9ranger pharmacie", "profession": "\udce9", "place": "", "limit": 10}
    found = directory_commands.search(app, asked, quiet)
    assert json.dumps(found, ensure_ascii=False).encode()


def test_doctor_tells_which_edition_serves_and_that_it_is_gone(app: SimpleNamespace) -> None:
    assert [light.state for light in light_of(app)] == ["good"]
    if app.annuaire.where.url:
        schema = app.annuaire.where.schema(app.annuaire.edition)
        app.db.run(lambda session: session.execute(text(f"DROP SCHEMA {schema} CASCADE")))
    else:
        app.annuaire.where.path(app.annuaire.edition).unlink()
    (light,) = light_of(app)
    assert light.state == "bad" and "pli directory import" in light.todo


def test_a_carrier_needs_an_identifier(app: SimpleNamespace) -> None:
    asked = {"address": PHARMACY, "carrier": "organization", "service": "", "rank": 1, "red_list": False, "off": False}
    for wrong in ("", "=cmd()", "1 2", "x" * 65, "é1"):
        with pytest.raises(BadInput):
            directory_commands.publish(app, asked | {"id": wrong}, quiet)
    assert directory_commands.publish(app, asked | {"id": "1990000010"}, quiet) == {"state": "published"}
    assert [one["id"] for one in directory_commands.publications(app, {}, quiet)] == ["1990000010"]
