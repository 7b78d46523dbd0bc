"""LDAP searches find every mailbox that fits, whatever the index makes of the filter; who was cut short is told."""

from collections.abc import Callable

import pytest

from core.clock import FakeClock
from core.db import Db
from directory.annuaire import Annuaire
from directory.edition.card import unpack
from directory.importing import Importer, Rules
from directory.ldap import finder, tree
from directory.ldap import messages as m
from directory.ldap.filters import AND, APPROX, EQUAL, NOT, OR, PRESENT, SUBSTRINGS, Filter, matches
from directory.ldap.finder import Answer, Finder
from directory.national import FILES, generate

pytestmark = pytest.mark.slow  # an import is two processes
RULES = Rules(10, 5, frozenset({"patient.mssante.fr"}), "1.2.250.1.213.1.4.10")
MANY = 5_000


@pytest.fixture(scope="module")
def annuaire(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("ldap")
    generate(folder / "files", seed=9, activities=1_500, mailboxes=700, progress=lambda *_: None)
    db = Db.open(f"sqlite:///{folder / 'pli.db'}", create=True)
    annuaire = Annuaire(db, folder / "annuaire")
    Importer(db, annuaire, RULES, lambda *_: None).run(
        [folder / "files" / name for name in FILES.values()], FakeClock().now()
    )
    yield annuaire
    annuaire.close()
    db.close()


@pytest.fixture
def find(annuaire: Annuaire) -> Callable[..., Answer]:
    def work(wanted: Filter, *, base: str = "o=annuaire", scope: int = m.SUBTREE, limit: int = MANY) -> Answer:
        return Finder(annuaire, lambda _: {}).find(m.Search(base, scope, 0, 0, False, wanted, ("mail",)), limit)

    return work


def one(name: str, *values: str, kind: int = EQUAL) -> Filter:
    return Filter(kind if len(values) == 1 else SUBSTRINGS, name, values)


def truth(annuaire: Annuaire, wanted: Filter) -> set[str]:
    """Every mailbox of the edition that fits, looked at one by one."""
    cards = (unpack(text) for _, text in annuaire.reader().cards_after(-1, 100_000))
    every = ((box, tree.attributes_of(card, box)) for card in cards for box in card.boxes if not box.red_list)
    return {box.address for box, attributes in every if matches(wanted, attributes, tree.KNOWN)}


def addresses(found: Answer) -> set[str]:
    return {value.decode() for entry in found.entries for name, values in entry.attributes for value in values}


FILTERS = {
    "begins": one("cn", "ma", ""),
    "one letter": one("sn", "d", ""),
    "within words": one("sn", "", "ar", ""),
    "ends": one("sn", "", "er"),
    "begins and ends": one("cn", "je", "n"),
    "Thunderbird types": Filter(OR, parts=tuple(one(name, "lam", "") for name in ("mail", "cn", "sn", "givenname"))),
    "Thunderbird searches": Filter(OR, parts=tuple(one(name, "", "ill", "") for name in ("mail", "cn", "sn"))),
    "and, or, not": Filter(
        AND,
        parts=(
            one("objectclass", "person"),
            Filter(OR, parts=(one("sn", "mar", ""), one("givenname", "mar", ""))),
            Filter(NOT, parts=(one("title", "Infirmier"),)),
        ),
    ),
    "an address begins": one("mail", "m", ""),
    "a domain": one("mail", "", "@operateur-1.mssante.test"),
    "a service": one("ou", "Officine"),
    "a place": one("l", "sai", ""),
    "a department": Filter(AND, parts=(one("st", "Département 31"), one("title", "Médecin"))),
    "a particle alone": one("sn", "de ", ""),
    "a particle begins": one("cn", "du", ""),
    "a name with a particle": Filter(OR, parts=tuple(one(name, "le f", "") for name in ("cn", "sn", "givenname"))),
    "a given name and a beginning": one("displayname", "marie l", ""),
    "a structure and its service": one("cn", "", "pharmacie", "offic", ""),
    "a structure": one("o", "ph", ""),
    "a label's short words": one("title", "", "de", ""),
    "what no index has": one("street", "", "rue", ""),
    "presence": Filter(PRESENT, "telephonenumber"),
    "not alone": Filter(NOT, parts=(one("title", "Médecin"),)),
    "identifier": one("uid", "8990000", ""),
}


@pytest.mark.parametrize("name", FILTERS)
def test_all_that_fits_is_found(annuaire: Annuaire, find: Callable[..., Answer], name: str) -> None:
    wanted = FILTERS[name]
    found, expected = find(wanted), truth(annuaire, wanted)
    assert addresses(found) == expected and not found.more and found.code == m.SUCCESS
    if len(expected) > 3:
        few = find(wanted, limit=3)
        assert few.more and len(few.entries) == 3 and addresses(few) <= expected


def test_what_sounds_alike(annuaire: Annuaire, find: Callable[..., Answer]) -> None:
    name = next(iter(truth(annuaire, one("title", "Médecin")))).split(".")[1]
    found = addresses(find(one("sn", name.replace("-", " "), kind=APPROX)))
    assert found


def test_the_best_of_many_come_first(annuaire: Annuaire, find: Callable[..., Answer]) -> None:
    """Whoever types a whole name wants those of that name before those whose names begin so."""
    families = [unpack(text).family for _, text in annuaire.reader().cards_after(-1, 100_000)]
    short = min((name for name in families if name.isalpha() and len(name) > 3), key=len)
    found = find(one("sn", short.lower(), ""), limit=1)
    assert truth(annuaire, one("sn", short)) >= addresses(found) or not truth(annuaire, one("sn", short))


def test_branches_and_what_is_not_there(find: Callable[..., Answer]) -> None:
    branches = find(Filter(PRESENT, "objectclass"), scope=m.ONE)
    assert [entry.dn for entry in branches.entries] == [tree.PEOPLE, tree.PLACES]
    assert find(one("ou", "personnes")).entries[0].dn == tree.PEOPLE
    assert find(Filter(PRESENT, "mail"), base="o=other").code == m.NO_SUCH_OBJECT
    nobody = f"mail=nobody@x.test,{tree.PEOPLE}"
    assert find(Filter(PRESENT, "mail"), base=nobody, scope=m.BASE).code == m.NO_SUCH_OBJECT


def test_who_was_cut_short_is_told(find: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "LOOKED_AT", 50)
    assert find(one("street", "", "no such street", "")).code == m.ADMIN_LIMIT
