"""Medicines: names with tolerance, strength and unit by an exact gate; files of any kind are read without a fall."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from core.db import Db
from core.errors import BadInput
from record.medicines import bdpm
from record.medicines.import_bdpm import current_edition, import_folder
from record.medicines.medicine import HOSPITAL, NARCOTIC, SECURED, SHORTAGE, UNMARKETED
from record.medicines.names import key, plain
from record.medicines.shelf import Shelf
from record.medicines.strengths import Gate, gate, parse, variants
from record.medicines.tables import medicine_editions, medicine_packs, medicines
from tests.support.medicines import INDEX, LINE, editions, medicine, silent

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def labels(text: str) -> list[str]:
    return [found.label for found in INDEX.search(text)]


@pytest.mark.parametrize("text", ["XARELTO 20 mg", "xarelto 20", "Xarelto 20mg", "XARELT0 20 mg", "rivaroxaban 20 mg"])
def test_the_box_with_two_strengths_is_another_medicine(text: str) -> None:
    assert labels(text) == ["XARELTO 20 mg, comprimé pelliculé"]


@pytest.mark.parametrize(
    "text", ["LEVOTHYROX 75", "LEVOTHYROX 75 µg", "levothyrox 0,075 mg", "LÉVOTHYROX 75 microgrammes"]
)
def test_75_is_never_175(text: str) -> None:
    assert labels(text) == ["LEVOTHYROX 75 microgrammes, comprimé sécable"]


@pytest.mark.parametrize(
    "text",
    ["LEVOTHYROX 75 mg", "XARELTO 30 mg", "RISPERDAL 250 mg", "LOVENOX 40 g", "METFORMINE 5 mg", "DOLIPRANE 1 mg"],
)
def test_a_strength_that_nobody_makes_finds_nothing(text: str) -> None:
    assert labels(text) == []
    name, _, strength = text.partition(" ")
    found = INDEX.match(name, strength)
    assert (
        found
        and found.gate is Gate.SHUT
        and not any(m.strengths and gate(parse(strength), m.strengths) is Gate.EXACT for m in found.medicines)
    )


@pytest.mark.parametrize(
    "text, cis",
    [
        ("METF0RMINE 500 mg", "60000006"),
        ("METFORNINE TEVA 500 mg", "60000006"),
        ("METFORMINE 1 g", "60000007"),
        ("AUGMENTIN 500 mg", "60000008"),
        ("LOVENOX 40 mg/0,4 ml", "60000009"),
        ("LOVENOX 4 000 UI/0,4 ml", "60000009"),
        ("durogesic 25 µg/h", "60000010"),
        ("A 313 200 000 UI", "60000011"),
        ("RISPERDAL 2,5 mg", "60000013"),
        ("RISPERDAL 2.5", "60000013"),
        ("DOLIPRANE 1000 gélule", "60000016"),
        ("doliprane 1 g gel", "60000016"),
    ],
)
def test_found_first(text: str, cis: str) -> None:
    assert INDEX.search(text)[0].cis == cis


def test_a_match_says_how_sure_it_is() -> None:
    sure = INDEX.match("LEVOTHYROX", "75 µg ?", "comprimé")
    assert sure.sure and sure.gate is Gate.EXACT and sure.only and sure.only.cis == "60000004"
    resembling = INDEX.match("LEVOTHYR0XE", "75 µg")
    assert resembling and not resembling.sure
    assert INDEX.match("AUGMENTIN", "500 mg").gate is Gate.PARTIAL
    assert not INDEX.match("ABRACADABRA", "75 mg") and not INDEX.match("", "75 mg") and not INDEX.match("LE", "75 µg")
    assert INDEX.match("DOLIPRANE", "1000 mg").only is None
    assert INDEX.match("DOLIPRANE", "1000 mg", "gélule").only is INDEX.by_cis["60000016"]


def test_flags() -> None:
    assert INDEX.by_cis["60000010"].flags == {NARCOTIC}
    assert INDEX.by_cis["60000012"].flags == {SHORTAGE}
    assert INDEX.by_cis["60000014"].flags == {UNMARKETED}
    said = ("prescription en toutes lettres sur ordonnance sécurisée", "réservé à l'usage HOSPITALIER")
    assert medicine(1, "X 1 mg", conditions=said).flags == {SECURED, HOSPITAL}


@pytest.mark.parametrize(
    "one, other",
    [
        ("1 g", "1000 mg"),
        ("75 µg", "0,075 mg"),
        ("100 000 UI", "100000 UI"),
        ("75 microgrammes", "75 mcg"),
        ("100 unités/ml", "100 UI/1 ml"),
        ("5 %", "5 POUR CENT"),
    ],
)
def test_the_same_strength(one: str, other: str) -> None:
    assert gate(parse(one), (parse(other),)) is Gate.EXACT


@pytest.mark.parametrize(
    "one, other",
    [
        *[("75 µg", "75 mg"), ("2,5 mg", "25 mg"), ("1 mg", "1 g"), ("10 mg", "100 mg"), ("5 mg", "5 ml")],
        *[("10 %", "10 mg"), ("20 mg", "15 mg + 20 mg"), ("15 mg", "15 mg + 20 mg"), ("500 mg/125 mg", "500 mg")],
    ],
)
def test_another_strength(one: str, other: str) -> None:
    assert gate(parse(one), (parse(other),)) is Gate.SHUT


@given(st.decimals("0.001", "100000", places=3), st.sampled_from(["mg", "g", "µg", "UI", "ml", "%"]))
def test_a_strength_is_itself_and_no_other(number, unit) -> None:
    text = f"{number.normalize():f} {unit}".replace(".", ",")
    assert gate(parse(text), variants(text)) is Gate.EXACT
    assert gate(parse(text), (parse(f"{number * 10:f} {unit}"),)) is Gate.SHUT


@given(st.text(max_size=300))
def test_search_takes_anything(text: str) -> None:
    INDEX.search(text)
    INDEX.match(text, text, text)
    assert parse(text) == parse(text) and plain(plain(text)) == plain(text) and key(text) == key(key(text))


def test_an_edition_comes_into_use(db: Db, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    done = import_folder(db, editions(tmp_path), NOW, lambda _what, done, total: seen.append((done, total)))
    assert (done.medicines, done.packs, done.changed) == (3, 3, True) and seen[-1] == (6, 6)
    assert done.report.encodings[bdpm.CONDITIONS] == "cp1252" and done.report.encodings[bdpm.MEDICINES] == "utf-8"
    assert done.report.rejected[bdpm.CONDITIONS] == 1 and bdpm.GROUPS in done.report.missing
    shelf = Shelf(db)
    index = shelf.index()
    assert index is not None and index.by_cis["60000000"].flags == {NARCOTIC}
    assert shelf.index() is index and shelf.packs("60000001") == (("3400930000001", "boîte de 30"),)


def test_a_group_is_told_with_the_medicine_s_place_in_it(tmp_path: Path) -> None:
    rows = "".join(f"7\tINVENTÉ - AUTRE\t{60000000 + n}\t{kind}\n" for n, kind in enumerate(("0", "1", "9")))
    (editions(tmp_path) / bdpm.GROUPS).write_text(rows + "7\tINVENTÉ - AUTRE\t1\t0\n")
    found = bdpm.read_folder(tmp_path)
    groups = [row["groups"] for row in found.medicines]
    assert groups == ["INVENTÉ - AUTRE (princeps)", "INVENTÉ - AUTRE (générique)", "INVENTÉ - AUTRE"]
    assert found.report.rejected[bdpm.GROUPS] == 1


def test_the_same_files_twice_change_nothing(db: Db, tmp_path: Path) -> None:
    import_folder(db, editions(tmp_path), NOW, silent)
    before = db.read(current_edition)
    assert import_folder(db, tmp_path, NOW, silent).changed is False
    assert db.read(current_edition) == before


def test_a_new_edition_replaces_the_old_one_whole(db: Db, tmp_path: Path) -> None:
    shelf = Shelf(db)
    assert shelf.index() is None
    import_folder(db, editions(tmp_path, 5), NOW, silent)
    old = shelf.index()
    import_folder(db, editions(tmp_path, 2, "cp1252"), NOW, silent)
    new = shelf.index()
    assert old is not None and new is not None and (len(old.medicines), len(new.medicines)) == (5, 2)
    for table, count in ((medicine_editions, 1), (medicines, 2), (medicine_packs, 2)):
        assert db.read(lambda s, t=table: s.execute(select(func.count()).select_from(t)).scalar_one()) == count


def test_an_import_that_died_leaves_no_trace(db: Db, tmp_path: Path) -> None:
    """As if the power went before the turn: the rows are there, no edition is in use; the next import clears them."""
    import_folder(db, editions(tmp_path, 4), NOW, silent)
    db.run(lambda s: s.execute(update(medicine_editions).values(current=False)).rowcount)
    assert Shelf(db).index() is None
    import_folder(db, tmp_path, NOW, silent)
    assert db.read(lambda s: s.execute(select(func.count()).select_from(medicines)).scalar_one()) == 4


@pytest.mark.parametrize(
    "more, rejected",
    [
        (b"60000000\ttoo few columns\n", 1),
        (LINE.format(cis=60000000, label="TWICE 1 mg").encode() + b"\n", 1),
        (LINE.format(cis="6000000X", label="BAD CODE").encode() + b"\n", 1),
        (LINE.format(cis=69999999, label="").encode() + b"\n", 1),
        (b"\x00\x01\x02\n\t\t\t\n", 0),
        (b"\x00\xffgarbage\x1b\n", 1),
        (b"\n\n \r\n", 0),
        (b"<html>error 503</html>\n", 1),
        (LINE.format(cis=69999999, label="x" * 100_000).encode() + b"\n", 0),
    ],
)
def test_bad_lines_are_counted(tmp_path: Path, more: bytes, rejected: int) -> None:
    found = bdpm.read_folder(editions(tmp_path, 9, more=more))
    assert found.report.rejected[bdpm.MEDICINES] == rejected
    assert all(len(str(row["label"])) <= bdpm.FIELD_CHARACTERS for row in found.medicines)


@pytest.mark.parametrize("content", [None, b"", b"<html>error</html>", b"\x00" * 999, b"a\tb\n" * 9])
def test_what_is_no_table_of_medicines_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / bdpm.MEDICINES).write_bytes(content)
    with pytest.raises(BadInput):
        bdpm.read_folder(tmp_path)


def test_a_refused_folder_leaves_the_edition_in_use(db: Db, tmp_path: Path) -> None:
    import_folder(db, editions(tmp_path), NOW, silent)
    (tmp_path / bdpm.MEDICINES).write_bytes(b"<html>maintenance</html>")
    with pytest.raises(BadInput):
        import_folder(db, tmp_path, NOW, silent)
    index = Shelf(db).index()
    assert index is not None and len(index.medicines) == 3


@given(data=st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bdpm")
    for name in bdpm.COLUMNS:
        (folder / name).write_bytes(data)
    try:
        assert bdpm.read_folder(folder).medicines
    except BadInput:
        pass
