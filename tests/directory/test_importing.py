"""Imports end to end: twice is once, what is refused leaves the edition as it was, who is struck off is heard of."""

import gzip
import io
import shutil
import subprocess
import sys
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text

from core.address import Address
from core.db import Db
from core.errors import BadInput, DatabaseDown, PliError, Refused
from directory.annuaire import Annuaire
from directory.edition.card import PERSON, STRUCTURE, Card, unpack
from directory.edition.kinds import kind_of
from directory.events import REINSTATED, STRUCK_OFF, events_after, is_struck_off
from directory.extracts import files as extract_files
from directory.extracts import mssante, rpps
from directory.extracts.files import open_lines
from directory.importing import Importer
from directory.national import FILES
from directory.register import changes_of
from directory.resolve import find_entry
from directory.tables import entries
from tests.support.annuaire import NOW, RULES, all_of, changed, one_person, take
from tests.support.house import ROOT

pytestmark = pytest.mark.slow  # each import is two processes


def test_all_files_and_then_again(db: Db, annuaire: Annuaire, files: Path) -> None:
    first = take(db, annuaire, *all_of(files))
    assert first["changed"] and {one["kind"]: one["lines"] for one in first["files"]}["rpps"] == 400
    assert all(one["rejected"] == 0 for one in first["files"])
    box = one_person(files)
    found = annuaire.search(f"{box[9]} {box[10]}")
    assert found[0].card.key == box[4] and found[0].card.boxes[0].address == box[1]
    assert db.read(find_entry, Address.parse(box[1])).family == box[9]
    again = take(db, annuaire, *all_of(files))
    assert not again["changed"] and again["edition"] == first["edition"]
    assert all(one["added"] == one["removed"] == 0 for one in again["files"])


def test_entries_that_were_cut_short_come_with_the_next_import(db: Db, annuaire: Annuaire, files: Path) -> None:
    def stop(what: str, _done: int, _total: int) -> None:
        if what == "boîtes publiées":
            raise KeyboardInterrupt

    boxes = [files / FILES["mssante"]]
    with pytest.raises(KeyboardInterrupt):
        Importer(db, annuaire, RULES, stop).run(boxes, NOW)
    db.run(lambda session: session.execute(delete(entries)))
    again = take(db, annuaire, *boxes)
    assert again["finished_earlier"] and not again["changed"]
    assert db.read(find_entry, Address.parse(one_person(files)[1]))
    assert not take(db, annuaire, *boxes)["finished_earlier"]


def test_a_dry_run_writes_nothing(db: Db, annuaire: Annuaire, files: Path) -> None:
    report = take(db, annuaire, *all_of(files), rules=replace(RULES, dry_run=True))
    assert report["dry_run"] and report["files"][0]["lines"] and annuaire.reader() is None
    assert db.read(lambda session: session.execute(select(func.count()).select_from(entries)).scalar_one()) == 0


def test_a_difference_goes_into_the_edition_in_use(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    edition = take(db, annuaire, *all_of(files))["edition"]
    box = one_person(files)
    renamed = changed(
        files / FILES["rpps"],
        tmp_path / "x.txt",
        (f"|8{box[3]}|", f"|8{box[3]}|"),
        (f"|{box[9]}|{box[10]}|", f"|XYLANDER|{box[10]}|"),
    )
    report = take(db, annuaire, renamed)
    assert report["edition"] == edition and report["changed"] and report["files"][0]["added"] >= 1
    found = annuaire.search("xilander")  # as it sounds
    assert box[4] in {one.card.key for one in found} and found[0].card.family == "XYLANDER"
    assert ("rpps", "changed") in {row[1:] for row in db.read(changes_of, box[4])}


def test_what_was_updated_is_what_would_have_been_built(
    db: Db, annuaire: Annuaire, files: Path, tmp_path: Path
) -> None:
    """Both ways to an edition end at the same cards and find the same people."""
    take(db, annuaire, *all_of(files))
    box = one_person(files)
    fresh = "nouvelle.adresse@etab-9.mssante.test"
    take(db, annuaire, changed(files / FILES["mssante"], tmp_path / "x.txt", (box[1], fresh)))
    updated, found = {card.key: card for card in cards_of(annuaire)}, annuaire.search(fresh)[0].card
    take(
        db, annuaire, changed(files / FILES["red"], tmp_path / "red.txt", ("Adresse BAL\n", "Adresse BAL\nx@y.test\n"))
    )
    built = {card.key: card for card in cards_of(annuaire)}
    assert updated.keys() == built.keys() and found.boxes[0].address == fresh
    assert all(one.boxes == built[key].boxes and one.name == built[key].name for key, one in updated.items())
    assert annuaire.search(fresh)[0].card.key == found.key == box[4]


def test_people_stand_where_their_structure_does(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    """A structure that moves moves all who work there, and who is changed alone stands there, too: as if built anew."""
    take(db, annuaire, *all_of(files))
    house = next(card for card in cards_of(annuaire) if card.type == STRUCTURE and colleagues(annuaire, card.key))
    (first, *others) = colleagues(annuaire, house.key)
    place = house.places[0]
    moved = changed(files / FILES["finess"], tmp_path / "etalab.csv", (f";{place.name};", ";MAISON QUI DÉMÉNAGE;"))
    renamed = changed(files / FILES["rpps"], tmp_path / "rpps.txt", (f"|{first.family}|", f"|{first.family}-NEUF|"))
    take(db, annuaire, moved, renamed)
    updated = {card.key: card for card in cards_of(annuaire)}
    for one in (first, *others):
        assert "MAISON QUI DÉMÉNAGE" in {there.name for there in updated[one.key].places}
    assert updated[first.key].family.endswith("-NEUF")
    found = {hit.card.key for hit in annuaire.search("maison qui déménage", limit=100)}
    assert {card.key for card in colleagues(annuaire, house.key)} < found
    other = Db(f"sqlite:///{tmp_path}/other.db", create=True)
    built = Annuaire(other, tmp_path / "other")
    take(other, built, moved, renamed, *(files / FILES[kind] for kind in ("mssante", "skills", "red")))
    for card in (*colleagues(built, house.key), *(card for card in cards_of(built) if card.key == house.key)):
        assert updated[card.key].places == card.places
    built.close()
    other.close()


def colleagues(annuaire: Annuaire, structure: str) -> list[Card]:
    """Who works at an establishment."""
    everybody = (card for card in cards_of(annuaire) if card.type == PERSON and structure[:1] == "1")
    return [card for card in everybody if structure in {place.structure_id for place in card.places}]


def test_an_edition_that_is_gone_is_told_and_made_again(db: Db, annuaire: Annuaire, files: Path) -> None:
    """As after a backup was put back, which holds the instance's rows and none of SQLite's editions."""
    gone = take(db, annuaire, *all_of(files))["edition"]
    box = one_person(files)
    if annuaire.where.url:
        db.run(lambda session: session.execute(text(f"DROP SCHEMA {annuaire.where.schema(gone)} CASCADE")))
    else:
        annuaire.where.path(gone).unlink()
    with closing(Annuaire(db, annuaire.where.folder)) as fresh:
        for _ in range(2):
            with pytest.raises(DatabaseDown):
                fresh.search(box[1])
        assert fresh.usable() == 0
        assert annuaire.where.url or not annuaire.where.path(gone).exists()
        made = take(db, fresh, files / FILES["skills"])
        assert made["changed"] and made["edition"] == fresh.usable() != gone
        assert fresh.search(box[1])[0].card.key == box[4]
        assert not take(db, fresh, *all_of(files))["changed"]


def cards_of(annuaire: Annuaire):
    reader = annuaire.reader()
    return [unpack(text) for _, text in reader.cards_after(-1, 10_000)]


def test_who_is_struck_off_is_hidden_and_heard_of(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    take(db, annuaire, *all_of(files))
    box = one_person(files)
    lines = (files / FILES["rpps"]).read_text().splitlines(keepends=True)
    without = tmp_path / "x.txt"
    without.write_text("".join(line for line in lines if f"|{box[4]}|" not in line))
    assert take(db, annuaire, without)["struck_off"] == 1
    assert [(one.kind, one.national_id) for one in db.read(events_after, 0)] == [(STRUCK_OFF, box[4])]
    assert db.read(is_struck_off, box[4]) and db.read(find_entry, Address.parse(box[1])) is None
    assert annuaire.search(box[3]) == [] and annuaire.search(box[1]) == []
    take(db, annuaire, files / FILES["rpps"])
    assert db.read(events_after, 0)[-1].kind == REINSTATED and not db.read(is_struck_off, box[4])
    assert annuaire.search(box[3])[0].card.key == box[4]
    assert db.read(find_entry, Address.parse(box[1])) is not None


def test_the_red_list_is_shown_to_the_entitled_only(db: Db, annuaire: Annuaire, files: Path) -> None:
    take(db, annuaire, *all_of(files))
    red = (files / FILES["red"]).read_text().splitlines()[1]
    assert db.read(find_entry, Address.parse(red)).red_list
    assert annuaire.search(red) == [] == annuaire.search(red.partition("@")[0] + "@")  # not even whose it is
    whose = annuaire.search(red, see_red=True)[0].card
    shown = [one.card for one in annuaire.search(f"{whose.given} {whose.family}")]
    assert whose.key in {card.key for card in shown}
    assert all(box.address != red for card in shown for box in card.boxes)
    assert any(box.address == red for box in annuaire.search(red, see_red=True)[0].card.boxes)


def hostile(files: Path) -> dict[str, bytes]:
    good = (files / FILES["mssante"]).read_bytes()
    lines = good.splitlines(keepends=True)
    head = lines[0].rstrip().split(b"|")
    return {
        "cut within a line": good[: len(good) - 40],
        "cut at half": b"".join(lines[: len(lines) // 2]),
        "in another encoding": good.decode().replace("é", "\u00e9").encode("utf-16"),
        "of Latin letters": good.decode().replace("DÉPARTEMENT", "D").encode("latin-1", "replace"),
        "columns in another order": b"|".join([head[1], head[0], *head[2:]]) + b"\n" + b"".join(lines[1:]),
        "another header": b"a|b|c\n" + b"".join(lines[1:]),
        "one endless line": lines[0] + b"A" * 20_000_000,
        "zeros": lines[0] + b"\0" * 100_000,
        "nothing": b"",
        "header alone": lines[0],
        "a broken zip": b"PK\x03\x04" + good[:500],
        "a zip with damaged octets": damaged(good),
        "a formula": b"".join([*lines[:9], formula(lines[9]), *lines[10:]]),
        "a zero in one line": b"".join([*lines[:9], lines[9].replace(b"|", b"|\0", 1), *lines[10:]]),
        "a long line in the middle": b"".join([*lines[:9], b"A" * 3_000_000 + b"\n", *lines[9:]]),
        "compressed otherwise": gzip.compress(good),
    }


def damaged(text: bytes) -> bytes:
    """A zip of this text, some octets of which are others."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.txt", text)
    found = bytearray(file.getvalue())
    found[3000:3040] = bytes(255 - one for one in found[3000:3040])
    return bytes(found)


def formula(line: bytes) -> bytes:
    fields = line.split(b"|")
    fields[9] = b'=HYPERLINK("http://evil.test")'
    return b"|".join(fields)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=False)
def test_hostile_files_are_refused_and_the_edition_still_serves(
    engine: str, db: Db, annuaire: Annuaire, files: Path, tmp_path: Path
) -> None:
    take(db, annuaire, *all_of(files))
    box = one_person(files)
    for name, data in hostile(files).items():
        path = tmp_path / "hostile.txt"
        path.write_bytes(data)
        with pytest.raises(PliError) as refused:
            take(db, annuaire, path)
        assert refused.value.public and box[9] not in refused.value.public, name
        assert annuaire.search(box[1])[0].card.key == box[4], name
    assert not take(db, annuaire, *all_of(files))["changed"]


ENDLESS = """
import resource, sys
from pathlib import Path
from core.clock import FakeClock
from core.db import Db
from core.errors import PliError
from directory import tables
from directory.annuaire import Annuaire
from directory.extracts import files as extract_files
from directory.extracts import mssante, rpps
from directory.extracts.files import open_lines
from directory.importing import Importer
from tests.support.annuaire import NOW, RULES, all_of, changed, one_person, take

home = Path(sys.argv[1])
db = Db.open(f"sqlite:///{home / 'pli.db'}", create=True)
annuaire = Annuaire(db, home / "annuaire")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    Importer(db, annuaire, RULES, lambda *_: None).run([home / "endless.txt"], FakeClock().now())
except PliError as refused:
    print(refused.public)
grown = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) - before
print(grown)
annuaire.close()
db.close()
"""


@pytest.mark.slow
def test_a_line_of_a_gigabyte_is_refused_within_bounded_memory(files: Path, tmp_path: Path) -> None:
    head = (files / FILES["mssante"]).read_bytes().split(b"\n", 1)[0]
    path = tmp_path / "endless.txt"
    with path.open("wb") as file:  # with holes: it takes no room on the disk
        file.write(head + b"\nMSSANTE")
        file.truncate(1 << 30)
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    said, grown = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.splitlines()[-2:]
    assert said and int(grown) < 150_000  # KiB; the process itself holds more than that before it begins
    assert sum(each.stat().st_blocks for each in tmp_path.rglob("*") if each.is_file()) * 512 < 50_000_000


def test_a_shrunk_file_is_taken_when_that_is_meant(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    take(db, annuaire, *all_of(files))
    lines = (files / FILES["mssante"]).read_bytes().splitlines(keepends=True)
    half = tmp_path / "half.txt"
    half.write_bytes(b"".join(lines[: len(lines) // 2]))
    with pytest.raises(Refused):
        take(db, annuaire, half)
    assert take(db, annuaire, half, rules=replace(RULES, force=True))["changed"]
    assert not annuaire.search(lines[-1].decode().split("|")[1])


def test_hostile_lines_are_left_out_when_the_rest_is_wanted(
    db: Db, annuaire: Annuaire, files: Path, tmp_path: Path
) -> None:
    take(db, annuaire, *all_of(files))
    path = tmp_path / "x.txt"
    path.write_bytes(hostile(files)["a formula"])
    report = take(db, annuaire, path, rules=replace(RULES, force=True))["files"][0]
    assert report["rejections"] == [{"line": 10, "reason": "formula"}]
    assert all("HYPERLINK" not in one.card.family for one in annuaire.search("hyperlink"))


def test_people_in_any_order_are_sorted_first(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    lines = (files / FILES["rpps"]).read_bytes().splitlines(keepends=True)
    mixed = tmp_path / "x.txt"
    mixed.write_bytes(b"".join([lines[0], *sorted(lines[1:], key=lambda line: line[::-1])]).rstrip(b"\n"))
    report = take(db, annuaire, mixed, files / FILES["mssante"])
    assert report["changed"] and {one["rejected"] for one in report["files"]} == {0}
    cards = {card.key: card for card in cards_of(annuaire) if card.type == "P"}
    assert cards.keys() == {line.split(b"|")[2].decode() for line in lines[1:]}
    assert not take(db, annuaire, files / FILES["rpps"])["changed"]


def test_nothing_left_of_a_few_lines_is_not_taken(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    lines = (files / FILES["mssante"]).read_bytes().splitlines(keepends=True)
    few, none = tmp_path / "few.txt", tmp_path / "none.txt"
    few.write_bytes(b"".join(lines[:6]))
    none.write_bytes(lines[0])
    take(db, annuaire, few)
    with pytest.raises(Refused):
        take(db, annuaire, none)
    assert annuaire.search(lines[3].decode().split("|")[1])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "vide"),
        (b"\n" + b"|".join([b"x"] * 31), "vide"),
        ("|".join(mssante.COLUMNS).encode("utf-16"), "UTF-16"),
        ("|".join(mssante.COLUMNS).encode("latin-1"), "UTF-8"),
        ("|".join(rpps.COLUMNS).encode().decode("latin-1").encode(), "UTF-8"),
        ("|".join(reversed([*rpps.COLUMNS, ""])).encode(), "ordre"),
        (";".join(mssante.COLUMNS).encode(), "séparateur"),
        ("|".join(f'"{one}"' for one in mssante.COLUMNS).encode(), "guillemets"),
        ("|".join(mssante.COLUMNS[:-2]).encode(), "mssante : des colonnes"),
        ("|".join([*rpps.COLUMNS, "autre"]).encode(), "rpps : des colonnes"),
        (b"PER|a@b.test" + b"|" * 29, "en-tête"),
        ("|".join(mssante.COLUMNS).encode() + b"\rPER|\rPER|", "retour chariot"),
        (gzip.compress(b"x" * 100, mtime=0), "gzip"),
        (b"\x7fELF\0\0", "texte"),
        (b"%PDF-1.4", "PDF"),
        (b"a;b;c", "extraction connue"),
    ],
)
def test_a_file_that_is_none_of_ours_is_told_why(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(data + (b"" if reason in ("vide", "UTF-16") else b"\n"))
    with pytest.raises(BadInput) as refused:
        kind_of(path)
    assert reason in refused.value.public


def test_too_many_lines_are_not_read_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"A\n" * 3_000_000)
    monkeypatch.setattr(extract_files, "FILE_LINES", 1_000_000)
    with pytest.raises(BadInput):
        for _ in open_lines(path):
            pass


def test_two_of_a_kind_and_none_of_ours(db: Db, annuaire: Annuaire, files: Path, tmp_path: Path) -> None:
    twin = shutil.copy(files / FILES["rpps"], tmp_path / "twin.txt")
    with pytest.raises(BadInput):
        take(db, annuaire, files / FILES["rpps"], Path(twin))
    with pytest.raises(BadInput):
        take(db, annuaire)


def test_rejected_lines_are_told_each_time_with_their_numbers(
    db: Db, annuaire: Annuaire, files: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.txt"
    lines = (files / FILES["mssante"]).read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:5], b"cmd()|not a line\n", *lines[5:]]))
    for _ in range(2):
        one = take(db, annuaire, path)["files"][0]
        assert one["rejected"] == 1 and one["rejections"] == [{"line": 6, "reason": "not 31 columns"}]
