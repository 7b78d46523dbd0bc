"""A line against the reference data: a code where one medicine alone is written, never where it would be guessed."""

import pytest

from record.lines import FORM, STRENGTH, propose
from record.medicines.search import Index
from record.reading.against import against_reference
from tests.support.medicines import medicine

INDEX = Index(
    (
        medicine(70000001, "INEXIUM 40 mg, comprimé gastro-résistant"),
        medicine(70000002, "TRAMADOL UN LP 100 mg, comprimé à libération prolongée", substances=("TRAMADOL",)),
        medicine(70000003, "ZAMUDOL LP 100 mg, gélule à libération prolongée", substances=("TRAMADOL",)),
        medicine(70000004, "BETADINE DERMIQUE 10 %, solution pour application cutanée"),
        medicine(70000005, "BETADINE GYNECOLOGIQUE 10 %, solution vaginale"),
        medicine(70000006, "CIMZIA 200 mg solution pour injection en seringue préremplie"),
        medicine(70000007, "CIMZIA 200 mg, solution injectable en stylo prérempli"),
        medicine(70000008, "APREPITANT UN 125 mg, gélule"),
        medicine(70000009, "APREPITANT UN 125 mg, gélule et APREPITANT UN 80 mg, gélule"),
        medicine(70000010, "SERETIDE DISKUS 250 microgrammes/50 microgrammes/dose, poudre pour inhalation"),
        medicine(70000011, "VENTOLINE 100 microgrammes/dose, suspension pour inhalation"),
    )
)


@pytest.mark.parametrize(
    "text, cis",
    [
        ("INEXIUM 40 mg, comprimé gastro-résistant", "70000001"),
        ("INEXIUM 40 mg cp 1 cp le soir", "70000001"),
        ("ZAMUDOL LP 100 mg, gélule", "70000003"),
        ("Tramadol LP 100 mg, 1 cp matin et soir", ""),  # no maker's name
        ("BETADINE 10 %, solution pour application cutanée", ""),
        ("CIMZIA 200 mg solution pour injection en seringue préremplie", "70000006"),
        ("CIMZIA 200 mg, solution injectable en stylo prérempli", "70000007"),
        ("APREPITANT UN 125 mg, gélule", ""),  # the box with 80 mg begins so, too
        ("VENTOLINE 100 µg/dose, 2 bouffées si besoin", "70000011"),
        ("SERETIDE DISKUS 250 µg/50 µg/dose, 1 inhalation matin et soir", "70000010"),
    ],
)
def test_a_code_where_one_medicine_alone_is_written(text: str, cis: str) -> None:
    (line,) = propose(text)
    assert against_reference(line, INDEX, picture=False).cis == cis


def test_a_form_that_is_not_made_is_asked() -> None:
    (line,) = propose("INEXIUM 40 mg, gélule : 1 gélule le soir pendant 28 jours")
    held = against_reference(line, INDEX, picture=False)
    assert held.cis == "" and FORM in held.to_confirm


def test_a_strength_without_its_first_unit_is_asked() -> None:
    (line,) = propose("SERETIDE DISKUS 250/50 µg, 1 inhalation matin et soir")
    held = against_reference(line, INDEX, picture=False)
    assert held.strength == "250/50 µg" and STRENGTH in held.to_confirm
