"""What the counter shows of a medicine beside its line: which one, its flags, its group; and what it leaves out."""

from dataclasses import replace

import pytest

from ops.demo_files import medicines_folder
from portal.reference import Said, said_of
from record.lines import STRENGTH, Line
from record.medicines.import_bdpm import import_folder
from record.medicines.shelf import Shelf
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import World

RAMIPRIL = Line("RAMIPRIL 5 mg, comprimé", "RAMIPRIL", "5 mg", "comprimé")
GROUP = "RAMIPRIL 5 mg - TRIADÉMO 5 mg, comprimé"


@pytest.fixture
def shelf(world: World) -> Shelf:
    import_folder(world.kept.db, medicines_folder(), world.kept.clock.now(), lambda *_: None)
    return Shelf(world.kept.db)


def test_a_medicine_that_is_meant_is_named_with_its_place_in_the_group(shelf: Shelf):
    (said,) = said_of(shelf, (replace(RAMIPRIL, cis="99900002", warnings=("shortage", "nothing known")),))
    assert said.label.startswith("RAMIPRIL PLI-DÉMO 5 mg") and said.groups == (f"{GROUP} (générique)",)
    assert said.warnings == ("Rupture ou tension d'approvisionnement signalée.",)


def test_an_international_name_has_the_group_of_its_strength(shelf: Shelf):
    assert said_of(shelf, (RAMIPRIL,)) == (Said(groups=(GROUP,)),)
    (ten,) = said_of(shelf, (replace(RAMIPRIL, strength="10 mg"),))
    assert ten.groups == ("RAMIPRIL 10 mg - TRIADÉMO 10 mg, comprimé",)


@pytest.mark.parametrize(
    "line",
    [
        replace(RAMIPRIL, strength="7 mg"),  # nobody makes it
        replace(RAMIPRIL, strength=""),  # two groups: none is chosen for anybody
        replace(RAMIPRIL, strength="5 mg ?", to_confirm=(STRENGTH,)),
        replace(RAMIPRIL, name="INCONNU"),
        replace(RAMIPRIL, name="", strength=""),
        replace(RAMIPRIL, cis="00000000", name="<script>"),
    ],
)
def test_of_what_is_in_doubt_no_group_is_told(shelf: Shelf, line: Line):
    assert said_of(shelf, (line,)) == (Said(),)


def test_without_reference_nothing_is_said(world: World):
    for shelf in (None, Shelf(world.kept.db)):
        assert said_of(shelf, (RAMIPRIL, RAMIPRIL)) == (Said(), Said())


def test_pages_without_reference_stay_as_they_are(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    counter = world.signed_in(PHARMACY)
    for path in ("", "/fiche"):
        page = counter.get(f"/officine/commande/{order.number}{path}")
        assert page.status_code == 200 and "Groupe générique" not in page.text
