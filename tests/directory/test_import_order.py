"""What an import leaves: the same whatever came first, in whatever batches it was taken; nothing of a refused one."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.address import Address
from core.db import Db
from core.errors import BadInput, Refused
from crypto.keyring import SoftKeyring
from directory.annuaire import Annuaire
from directory.edition import waiting
from directory.events import events_after, is_struck_off
from directory.importing import Importer
from directory.mailboxes import create_mailbox
from directory.national import FILES
from directory.publication_rows import PUBLISHED, UNPUBLISHED, Publication, publication_of, put_publication
from directory.register import changes_of
from directory.resolve import find_entry
from directory.tables import entries
from tests.support.annuaire import NOW, RULES, all_of, changed, one_person, take

pytestmark = pytest.mark.slow


def sectors(db: Db) -> dict[str, str]:
    """By address."""
    query = select(entries.c.address, entries.c.sector)
    return {row.address: row.sector for row in db.read(lambda session: session.execute(query).all())}


def test_sectors_come_with_whatever_tells_them(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    take(db, annuaire, files / FILES["mssante"])
    assert not any(sectors(db).values())
    for kind in ("rpps", "finess"):
        take(db, annuaire, files / FILES[kind])
    one_by_one = sectors(db)
    other = Db(f"sqlite:///{tmp_path}/other.db", create=True)
    take(other, Annuaire(other, tmp_path / "other"), *(files / FILES[kind] for kind in ("mssante", "rpps", "finess")))
    assert any(one_by_one.values()) and one_by_one == sectors(other)
    other.close()


def test_a_refused_import_strikes_nobody_off(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    take(db, annuaire, files / FILES["mssante"], files / FILES["rpps"])
    box = one_person(files)
    lines = (files / FILES["rpps"]).read_text().splitlines(keepends=True)
    without = tmp_path / "x.txt"
    without.write_text("".join(line for line in lines if f"|{box[4]}|" not in line))
    head, *rest = (files / FILES["skills"]).read_text().splitlines(keepends=True)
    broken = tmp_path / "PS_LibreAcces_SavoirFaire_x.txt"
    broken.write_text(head + "".join(line.partition("|")[2] for line in rest))
    with pytest.raises(BadInput):
        take(db, annuaire, without, broken)
    assert not db.read(is_struck_off, box[4]) and not db.read(events_after, 0)
    assert db.read(find_entry, Address.parse(box[1])) is not None
    assert take(db, annuaire, without)["struck_off"] == 1


def test_a_blank_in_the_red_list_shows_nobody(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    address = one_person(files)[1]
    red = changed(
        files / FILES["red"], tmp_path / "red.txt", ("Adresse BAL\n", f"Adresse BAL\n{address.upper()} \u00a0\n")
    )
    take(db, annuaire, files / FILES["mssante"], files / FILES["rpps"], red)
    assert db.read(find_entry, Address.parse(address)).red_list
    assert annuaire.search(address) == []


def test_a_sectors_code_may_be_long(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    rpps = changed(files / FILES["rpps"], tmp_path / "x.txt", ("|SA07|", "|SA07-123456|"))
    take(db, annuaire, files / FILES["mssante"], rpps)
    assert "SA07-123" in sectors(db).values()


def test_entries_are_taken_in_batches(db: Db, annuaire: Annuaire, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ROWS", 7)
    monkeypatch.setattr(waiting, "PAGES", 1)
    take(db, annuaire, files / FILES["mssante"])
    lines = (files / FILES["mssante"]).read_text().splitlines()[1:]
    addresses = {line.split("|")[1].lower() for line in lines if line.count("|") > 20}
    assert sectors(db).keys() == addresses and len(addresses) > 70


@pytest.mark.parametrize("engine", ["sqlite"], indirect=False)
def test_what_was_left_attached_is_in_nobodys_way(
    engine: str, db: Db, annuaire: Annuaire, files: Path, tmp_path: Path
) -> None:
    left = tmp_path / "left.db"
    with sqlite3.connect(left) as file:
        file.execute("CREATE TABLE waiting (address)")
    db.run(waiting._attach, left, "waiting1")
    take(db, annuaire, files / FILES["mssante"])
    assert db.read(lambda session: session.execute(select(func.count()).select_from(entries)).scalar_one())
    attached = db.run(lambda session: session.connection().exec_driver_sql("PRAGMA database_list").all())
    assert [row[1] for row in attached] == ["main"]


def test_who_is_struck_off_is_published_no_more(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    take(db, annuaire, files / FILES["mssante"], files / FILES["rpps"])
    person = one_person(files)[4]
    facts = {"red_list": False, "rank": 1, "service": "", "state": PUBLISHED}
    boxes = []
    for number, whose in enumerate((person, "899999999999")):
        address = Address.parse(f"boite.{number}@cabinet.example")
        boxes.append(db.run(create_mailbox, SoftKeyring.fresh(), address, "PER", NOW).id)
        db.run(put_publication, Publication(boxes[-1], "practitioner", whose, **facts), NOW)
    lines = (files / FILES["rpps"]).read_text().splitlines(keepends=True)
    (tmp_path / "x.txt").write_text("".join(line for line in lines if f"|{person}|" not in line))
    assert take(db, annuaire, tmp_path / "x.txt")["struck_off"] == 1
    assert [db.read(publication_of, mailbox).state for mailbox in boxes] == [UNPUBLISHED, PUBLISHED]


def test_a_rebuild_notes_what_changed_and_keeps_the_copy_before(
    db: Db, annuaire: Annuaire, files: Path, tmp_path: Path
) -> None:
    first = take(db, annuaire, *all_of(files))["edition"]
    before = (files / FILES["red"]).read_text()
    red = changed(files / FILES["red"], tmp_path / "red.txt", ("Adresse BAL\n", "Adresse BAL\nx@y.test\n"))
    assert take(db, annuaire, red)["edition"] != first
    assert [row[1:] for row in db.read(changes_of, "x@y.test")] == [("red", "added")]
    kept = annuaire.where.folder / "sources"
    assert (kept / "red").read_text() == red.read_text() and (kept / "red.previous").read_text() == before


def test_searches_go_on_across_the_swap(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    editions = {take(db, annuaire, *all_of(files))["edition"]}
    box, over = one_person(files), threading.Event()

    def search() -> list[bool]:
        found = []
        while not over.is_set():
            found.append(annuaire.search(f"{box[9]} {box[10]}")[0].card.key == box[4])
        return found

    with ThreadPoolExecutor(1) as beside:
        searching = beside.submit(search)
        for number in range(2):
            new = f"Adresse BAL\nx{number}@y.test\n"
            red = changed(files / FILES["red"], tmp_path / "red.txt", ("Adresse BAL\n", new))
            editions.add(take(db, annuaire, red)["edition"])
        over.set()
        found = searching.result()
    assert len(editions) == 3 and len(found) > 10 and all(found)


def test_one_import_at_a_time(db: Db, annuaire: Annuaire, files: Path) -> None:
    def again(what: str, _done: int, _total: int) -> None:
        if what == "boîtes publiées":
            with pytest.raises(Refused, match="another import runs"):
                take(db, annuaire, files / FILES["rpps"])
            refused.append(what)

    refused: list[str] = []
    boxes = [files / FILES["mssante"]]
    assert Importer(db, annuaire, RULES, again).run(boxes, NOW)["changed"] and refused
    assert take(db, annuaire, files / FILES["rpps"])["changed"]


@pytest.mark.parametrize("kind", ["APP", "CAB"])
def test_every_kind_of_mailbox_is_told(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path, kind: str) -> None:
    take(db, annuaire, changed(files / FILES["mssante"], tmp_path / "x.txt", ("\nORG|", f"\n{kind}|")))
    lines = (tmp_path / "x.txt").read_text().splitlines()
    address = next(line.split("|")[1] for line in lines if line.startswith(f"{kind}|"))
    found = annuaire.search(address)[0].card.boxes
    assert {box.kind for box in found if box.address == address} == {kind}
    assert db.read(find_entry, Address.parse(address)).kind == kind
