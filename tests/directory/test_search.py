"""Search over a small edition of known people: as typed, run together, misspelt, heard, lacking a word."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.edition import postings
from directory.edition.build import Builder
from directory.edition.candidates import SMALL, Group, Groups, Variant
from directory.edition.card import PERSON
from directory.edition.kinds import MSSANTE, RED, RPPS
from directory.edition.readers import Reader, SqliteStatements
from directory.edition.reading import Reading
from directory.edition.sinks import SqliteSink
from directory.extracts import mssante, rpps
from directory.query import parse
from directory.search import search
from directory.sounds import sound_of

PEOPLE = (  # given, family, profession, town, postcode, mailbox
    ("Jean", "PHÉLIPPEAU", "Médecin", "SAINT-LÔ-SUR-BRENNE", "99100", "jean.p@etab.test"),
    ("Marie", "LEFEBVRE", "Infirmier", "VAL-AUBIN", "99200", "marie.l@etab.test"),
    ("Marie", "LEFORT", "Infirmier", "VAL-AUBIN", "99200", ""),
    ("Paul", "THÉVENOT", "Pharmacien", "BOURG-HILAIRE", "99300", "paul.t@etab.test"),
    ("Anne", "DU PLESSIS", "Sage-Femme", "VAL-AUBIN", "99200", ""),
    ("Anne", "HUET", "Psychologue", "SAINT-LÔ-SUR-BRENNE", "99100", "anne.h@etab.test"),
    ("Karim", "QUÉRIAUD", "Médecin", "BOURG-HILAIRE", "99300", ""),
    ("Jean", "SAINT-LÔ", "Médecin", "VAL-AUBIN", "99200", ""),
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("edition")
    works, boxes = ["|".join(rpps.COLUMNS) + "|"], ["|".join(mssante.COLUMNS)]
    for number, (given_name, family, job, town, postcode, address) in enumerate(PEOPLE):
        person = {"national_id": f"8990000000{number:02}", "family": family, "given": given_name, "profession": job}
        person |= {"siret": f"9990000000{number:04}", "sign": "CABINET", "postcode": postcode, "commune": town}
        works.append("|".join(person.get(name, "") for name in rpps.Activity._fields) + "|")
        if address:
            box = {"kind": "PER", "address": address, "national_id": person["national_id"], "family": family}
            boxes.append("|".join(box.get(name, "") for name in mssante.Row._fields))
    texts = {RPPS: works, MSSANTE: boxes, RED: ["Adresse BAL", "anne.h@etab.test"]}
    for kind, lines in texts.items():
        (folder / kind).write_text("\n".join([*lines, ""]), encoding="utf-8")
    sink = SqliteSink(folder / "e.db")
    read = Reading({kind: folder / kind for kind in texts}, sink, lambda *_: None)
    Builder(sink, read, folder / MSSANTE, lambda *_: None).build()
    return Reader(SqliteStatements(folder / "e.db"))


def test_profession_and_place_alone_are_not_who_was_asked_for(reader: Reader) -> None:
    assert search(reader, parse("kowalczyk", "médecin", "saint lo sur brenne")) == []
    assert [one.card.family for one in search(reader, parse("", "médecin", "saint lo sur brenne"))] == ["PHÉLIPPEAU"]


def test_of_a_beginning_who_can_be_written_to_comes_first(reader: Reader) -> None:
    assert [one.card.family for one in search(reader, parse("lef"))] == ["LEFEBVRE", "LEFORT"]


def first(reader: Reader, text: str, **more: str) -> str:
    found = search(reader, parse(text, **more), limit=5)
    return found[0].card.family if found else ""


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("phelippeau jean", "PHÉLIPPEAU"),
        ("jean saint lo sur brenne", "PHÉLIPPEAU"),  # the town's words are one name
        ("saint lo jean val aubin", "SAINT-LÔ"),
        ("filipo medecin", "PHÉLIPPEAU"),
        ("felipau", "PHÉLIPPEAU"),
        ("lefevre infirmier", "LEFEBVRE"),
        ("marie lefevbre", "LEFEBVRE"),
        ("marie lefo", "LEFORT"),
        ("tevenau", "THÉVENOT"),
        ("thevenaud pharmacien", "THÉVENOT"),
        ("keriot", "QUÉRIAUD"),
        ("keryo karim", "QUÉRIAUD"),
        ("uet psychologue", "HUET"),
        ("duplessis", "DU PLESSIS"),
        ("anne du plessis", "DU PLESSIS"),
        ("plesis anne", "DU PLESSIS"),
        ("psy saint lo sur brenne", "HUET"),  # professions cut short, and said otherwise
        ("pharma bourg hilaire", "THÉVENOT"),
        ("psycho saint lo sur brenne", "HUET"),
        ("dr huet 99100", "HUET"),
        ("99000000003", "THÉVENOT"),
        ("paul.t@etab.test", "THÉVENOT"),
        ("thevenot pharmacien lyon", "THÉVENOT"),  # one word is wrong
        ("", ""),
        ("xxyyzz", ""),
        ("' OR 1=1 --", ""),
        ("\0\n|", ""),
    ],
)
def test_who_is_meant(reader: Reader, text: str, family: str) -> None:
    assert first(reader, text) == family


def test_narrowed_by_profession_and_place(reader: Reader) -> None:
    assert first(reader, "jean", profession="médecin", place="val-aubin") == "SAINT-LÔ"
    assert first(reader, "marie", place="99300") == ""
    people = [one.card for one in search(reader, parse("", place="val")) if one.card.type == PERSON]
    assert {card.family for card in people} == {"LEFEBVRE", "LEFORT", "DU PLESSIS", "SAINT-LÔ"}


def test_who_can_be_written_to_comes_first_and_the_red_list_is_not_shown(reader: Reader) -> None:
    assert [one.card.family for one in search(reader, parse("infirmier"))] == ["LEFEBVRE", "LEFORT"]
    assert search(reader, parse("huet"))[0].card.boxes == ()
    assert search(reader, parse("huet"), see_red=True)[0].card.boxes[0].address == "anne.h@etab.test"


@pytest.mark.parametrize(
    ("one", "other"),
    [("moreau", "morot"), ("moreau", "moraud"), ("henon", "enon"), ("caron", "karon"), ("quemener", "kemener"),
     ("phare", "fare"), ("yvon", "ivon"), ("thomas", "tomas"), ("gagnon", "ganion"), ("dupont", "dupond"),
     ("martin", "martain")],
)  # fmt: skip
def test_words_that_sound_alike(one: str, other: str) -> None:
    assert sound_of(one) == sound_of(other)


_serials = count(1)


class _Lists:
    """The words table of an edition, by number."""

    def __init__(self, lists: list[set[int]], size: int) -> None:
        self.size, self.serial = size, -next(_serials)
        self._rows = {number: postings.pack(sorted(one), size) for number, one in enumerate(lists)}

    def postings(self, numbers):
        return [(number, self._rows[number]) for number in numbers]


def _met(lists: list[set[int]], size: int, chosen: list[list[int]]) -> None:
    variants = [[Variant(n, len(lists[n]), 1.0, n % 2 == 0) for n in group] for group in chosen]
    wanted = set.intersection(*({card for n in group for card in lists[n]} for group in chosen))
    for most in (3, len(wanted) + 1):
        found = Groups(_Lists(lists, size), [Group(tuple(group)) for group in variants]).numbers(most)
        assert len(found) == len(set(found)) == min(most, len(wanted)) and set(found) <= wanted


@given(st.data())
def test_what_words_have_in_common_whatever_their_form(data: st.DataObject) -> None:
    """Short lists, long lists and bit maps, in one window and over several."""
    size = data.draw(st.sampled_from([50, 40_000, 200_003]))
    lists = []
    for step in data.draw(st.lists(st.sampled_from([1, 2, 3, 7, 400, 9_000]), min_size=2, max_size=4)):
        lists.append(set(range(data.draw(st.integers(0, step)), size, step)))
    numbers = st.lists(st.integers(0, len(lists) - 1), min_size=1, max_size=2, unique=True)
    _met(lists, size, data.draw(st.lists(numbers, min_size=1, max_size=3)))


def test_the_forms_are_all_met() -> None:
    assert SMALL < postings.MANY < 40_000
