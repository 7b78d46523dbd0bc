"""Prescription text → proposed lines. Numbers and units are never guessed, nothing is ever confirmed by the machine."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record.lines import LINES_PROPOSED, STRENGTH, Line, posology_text, propose

PAGE = """Docteur Anaïs Inventée
Médecine générale - RPPS 99000000192
12 rue des Écoles 35999 BOURG    Tél 01 99 00 42 01
Le 12/06/2026
Mme DUPRÉ Lise née le 28/03/1979   Poids : 62 kg
1. DOLIPRANE 1000 mg, comprimé : 1 comprimé matin, midi et soir pendant 5 jours
2) Amoxicilline 500 mg gélule
   2 gélules 2 fois par jour pendant 28 jours
- LEVOTHYROX 75 µg comprimé sécable 1-0-0 QSP 3 mois AR 2 fois NS (MTE)
VENTOLINE 100 µg/dose spray : 2 bouffées si besoin
Biafine crème : 1 application par jour
AUGMENTIN 500 mg/62,5 mg 1 cp x3/j
UVEDOSE 100 000 UI ampoule, 1 ampoule tous les 3 mois
Signature
"""


def only(text: str):
    (line,) = propose(text)
    return line


def test_a_whole_page() -> None:
    lines = propose(PAGE)
    assert [line.name for line in lines] == [
        *("DOLIPRANE", "Amoxicilline", "LEVOTHYROX", "VENTOLINE", "Biafine", "AUGMENTIN", "UVEDOSE")
    ]
    assert [line.strength for line in lines] == [
        *("1000 mg", "500 mg", "75 µg", "100 µg/dose", "", "500 mg/62,5 mg", "100 000 UI")
    ]
    assert not any(line.confirmed for line in lines)


def test_posology() -> None:
    doliprane, amoxicilline, levothyrox, ventoline, *_rest, uvedose = propose(PAGE)
    assert (doliprane.dose, doliprane.moments, doliprane.duration) == (
        "1 comprimé",
        ("matin", "midi", "soir"),
        "5 jours",
    )
    assert (amoxicilline.dose, amoxicilline.frequency, amoxicilline.duration) == (
        "2 gélules",
        "2 fois par jour",
        "28 jours",  # a known trap: 28 days are not 8
    )
    assert (levothyrox.moments, levothyrox.duration, levothyrox.renewals) == (("matin",), "3 mois", 2)
    assert (levothyrox.not_substitutable, levothyrox.reason) == (True, "MTE")
    assert ventoline.if_needed and uvedose.frequency == "tous les 3 mois"


@pytest.mark.parametrize("unit", ["ug", "Ug", "UG", "ig", "Ig", "uG", "lg", "|g", "pg"])
def test_a_misread_microgram_is_asked_and_never_a_milligram(unit: str) -> None:
    line = only(f"LEVOTHYROX 75 {unit} comprimé 1 cp le matin pendant 3 mois")
    assert line.strength == "75 µg ?"
    assert STRENGTH in line.to_confirm and line.confidence < 0.6


@pytest.mark.parametrize("unit", ["µg", "μg", "mcg", "microgrammes"])
def test_all_ways_to_write_a_microgram(unit: str) -> None:
    line = only(f"LEVOTHYROX 75 {unit} comprimé, 1 cp le matin pendant 3 mois")
    assert line.strength == "75 µg" and STRENGTH not in line.to_confirm


@pytest.mark.parametrize("written", ["1O0 mg", "l00 mg", "5OO mg", "I0 mg"])
def test_letters_among_digits_are_asked(written: str) -> None:
    line = only(f"SPASFON {written} lyophilisat")
    assert line.strength == f"{written} ?" and STRENGTH in line.to_confirm


@pytest.mark.parametrize(
    "text, renewals",
    [("AR 3", 3), ("à renouveler 2 fois", 2), ("à renouveler une fois", 1), ("non renouvelable", 0), ("", None)],
)
def test_renewals(text: str, renewals: int | None) -> None:
    assert only(f"RAMIPRIL 5 mg comprimé 1 cp le soir {text}").renewals == renewals


@pytest.mark.parametrize("text", ["non substituable", "NS", "ne pas substituer"])
def test_not_substitutable(text: str) -> None:
    assert only(f"RAMIPRIL 5 mg comprimé 1 cp le soir {text}").not_substitutable


@pytest.mark.parametrize(
    "text, frequency, quantity",
    [
        ("1 cp si douleur, maximum 3 par jour", "maximum 3 par jour", ""),
        ("1 cp 3 fois par jour", "3 fois par jour", ""),
        ("1 cp, 2 max par jour", "2 max par jour", ""),
        ("1 ampoule, QSP 1 ampoule", "", "QSP 1 ampoule"),
        ("1 cp le soir, 2 boîtes", "", "2 boîtes"),
    ],
)
def test_how_often_and_how_much(text: str, frequency: str, quantity: str) -> None:
    line = only(f"PARACÉTAMOL 1 g, comprimé\n{text}")
    assert (line.frequency, line.quantity) == (frequency, quantity)


def test_ns_inside_a_word_is_nothing() -> None:
    assert not only("RAMIPRIL 5 mg comprimé 1 cp le soir dans CONSEIL").not_substitutable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Docteur Anaïs Inventée\nRPPS 99000000192",
        "Poids 12 kg, taille 90 cm",
        "Prendre 1 g par jour",
        "née le 12-06-1979",
        "1 comprimé matin et soir",
        "12 rue du Gel, 35999 BOURG",
        "Pendant 5 mg",
        "500 mg",
        "\x00\ufffe",
        "Bonjour, voici mon ordonnance, merci",
    ],
)
def test_what_is_no_medicine(text: str) -> None:
    assert propose(text) == ()


def test_a_date_is_no_dosage_scheme() -> None:
    assert only("RAMIPRIL 5 mg comprimé le 1-2-2026").moments == ()


def test_posology_of_the_next_medicine_is_not_taken() -> None:
    first, second = propose("RAMIPRIL 5 mg comprimé\nDOLIPRANE 500 mg comprimé\n1 cp le soir")
    assert first.dose == "" and second.dose == "1 cp"


def test_bounded() -> None:
    assert len(propose("RAMIPRIL 5 mg comprimé\n" * 5000)) == LINES_PROPOSED
    assert propose("x" * 1_000_000) == ()
    assert propose("a " * 500_000) == ()
    assert propose("1 " * 500_000) == ()


@given(st.integers(1, 2000), st.sampled_from(["mg", "g", "ml", "UI"]), st.sampled_from(["matin", "midi", "soir"]))
def test_numbers_come_out_as_they_went_in(amount: int, unit: str, moment: str) -> None:
    line = only(f"Inventine {amount} {unit}, comprimé : 1 comprimé le {moment} pendant 7 jours")
    assert (line.strength, line.moments, line.duration) == (f"{amount} {unit}", (moment,), "7 jours")


_WORDS = st.sampled_from(
    "DOLIPRANE Ramipril 1000 75 mg µg ug Ig ml / - , . : 1-0-1 cp matin QSP AR NS pendant jours 1O0 ½ \n".split(" ")
)


@given(st.one_of(st.text(max_size=300), st.lists(_WORDS, max_size=60).map(" ".join)))
def test_fuzz_never_fails_and_never_invents_a_number(text: str) -> None:
    plain = unicodedata.normalize("NFKC", text)
    for line in propose(text):
        assert 0 < line.confidence <= 1 and not line.confirmed
        assert all(number in plain for number in re.findall(r"[0-9]+", line.strength))
        assert "?" not in line.strength or STRENGTH in line.to_confirm


def test_how_it_is_taken_says_if_needed_and_joins_the_moments() -> None:
    (line,) = propose("PARACETAMOL 1 g, comprimé\n1 comprimé matin, midi et soir si douleur pendant 5 jours")
    assert posology_text(line) == "1 comprimé, matin, midi et soir, si besoin"
    assert posology_text(Line("", "X")) == "" and posology_text(Line("", "X", moments=("soir",))) == "soir"


@pytest.mark.parametrize(
    "text, name, strength",
    [
        ("SERETIDE DISKUS 500 µg/50 µg/dose : 1 inhalation matin et soir", "SERETIDE DISKUS", "500 µg/50 µg/dose"),
        ("INNOVAIR 100 microgrammes/6 microgrammes par inhalation, poudre", "INNOVAIR", "100 µg/6 µg par inhalation"),
        ("SPIRAMYCINE BIOGARAN 3 M.U.I., comprimé pelliculé", "SPIRAMYCINE BIOGARAN", "3 M.U.I."),
        ("FRAGMINE 5 000 U.I. anti-Xa/0,2 mL, solution", "FRAGMINE", "5 000 U.I. anti-Xa/0,2 mL"),
        ("CINRYZE 500 unités, poudre et solvant", "CINRYZE", "500 unités"),
        ("A 313 50 000 U.I., capsule molle", "A 313", "50 000 U.I."),
        ("RAMIPRIL / HYDROCHLOROTHIAZIDE X 5 mg / 12,5 mg", "RAMIPRIL / HYDROCHLOROTHIAZIDE X", "5 mg / 12,5 mg"),
        ("OXYCODONE LP dix milligrammes, comprimé", "OXYCODONE LP", "10 milligrammes"),
    ],
)
def test_strengths_of_many_kinds_are_read_whole(text: str, name: str, strength: str) -> None:
    line = only(text)
    assert (line.name, line.strength) == (name, strength) and STRENGTH not in line.to_confirm


@pytest.mark.parametrize(
    "text, name, shown, dose",
    [
        ("TAHOR 10 : 1 le soir", "TAHOR", "10 ?", "1"),
        ("Levothyrox 75 1cp/j", "Levothyrox", "75 ?", "1cp"),
        ("Imovane 7,5\n1/2 comprimé au coucher", "Imovane", "7,5 ?", "1/2 comprimé"),
        ("Zestril 20, 1-0-1", "Zestril", "20 ?", "1-0-1"),
    ],
)
def test_a_number_without_a_unit_is_shown_and_asked(text: str, name: str, shown: str, dose: str) -> None:
    line = only(text)
    assert (line.name, line.strength, line.dose) == (name, shown, dose) and STRENGTH in line.to_confirm


@pytest.mark.parametrize("text", ["Chambre 12", "Salle 4 le matin du 12", "Page 1\nSuite", "Lot 3 : pansements"])
def test_a_bare_number_alone_is_no_medicine(text: str) -> None:
    assert propose(text) == () or only(text).to_confirm


@pytest.mark.parametrize(
    "text, dose, moments",
    [
        ("1 à 2 cp toutes les 6 heures", "1 à 2 cp", ()),
        ("1 comprimé le matin et 1/2 comprimé à midi", "1 comprimé le matin et 1/2 comprimé à midi", ()),
        ("1 comprimé matin, 1 comprimé midi, 1 comprimé soir", "1 comprimé", ("matin", "midi", "soir")),
        ("1 mesure de 5 ml matin et soir", "1 mesure de 5 ml matin et soir", ()),
        ("1 comprimé matin et soir au cours des repas", "1 comprimé", ("matin", "soir")),  # nobody said midi
        ("6 UI avant chaque repas", "6 UI", ("matin", "midi", "soir")),
        ("1 cp 4 fois par jour, max 4 cp/j", "1 cp", ()),
        ("1 comprimé et demi le soir", "1 comprimé et demi", ("soir",)),
    ],
)
def test_doses_that_differ_stay_as_written(text: str, dose: str, moments: tuple[str, ...]) -> None:
    line = only(f"INVENTINE 5 mg, comprimé : {text}")
    assert (line.dose, line.moments) == (dose, moments)


def test_a_volume_in_the_label_is_no_dose() -> None:
    line = only("IMRALDI 40 mg, solution injectable en stylo prérempli (0,4 mL)\n1 injection tous les 15 jours")
    assert (line.strength, line.dose, line.frequency) == ("40 mg", "1 injection", "tous les 15 jours")


def test_a_course_that_changes_is_asked() -> None:
    line = only("CORTANCYL 20 mg : 3 cp le matin pendant 3 jours puis 2 cp pendant 3 jours")
    assert line.dose == "3 cp le matin pendant 3 jours puis 2 cp" and {"dose", "duration"} <= set(line.to_confirm)


@pytest.mark.parametrize(
    "text, duration",
    [
        ("1 cp le matin, 3 mois", "3 mois"),
        ("1 cp/j 8 j", "8 jours"),
        ("1 cp le matin pendant 5 à 7 jours", "5 à 7 jours"),
        ("1 cp le matin pendant une semaine", "1 semaine"),
        ("1 cp tous les 3 jours", ""),
        ("1 cp par jour, 5 jours sur 7", ""),
        ("1 cp le matin, revoir dans 3 mois", ""),
        ("1 cp le matin, à renouveler 6 mois", ""),
    ],
)
def test_how_long(text: str, duration: str) -> None:
    assert only(f"INVENTINE 5 mg, comprimé : {text}").duration == duration


def test_months_are_no_renewals() -> None:
    assert only("RAMIPRIL 5 mg comprimé 1 cp le soir, à renouveler 3 mois").renewals is None


@pytest.mark.parametrize(
    "text, frequency",
    [
        ("4 comprimés le lundi", "le lundi"),  # a daily dose would kill
        ("1 comprimé par jour, 5 jours sur 7", "par jour, 5 jours sur 7"),
        ("1 cp 3x/j, max 3 g/j", "3x/j, max 3 g/j"),
        ("1 cp/j", "par jour"),
        ("1 à 3 par jour", "1 à 3 par jour"),
    ],
)
def test_all_that_is_said_of_how_often(text: str, frequency: str) -> None:
    assert only(f"INVENTINE 2,5 mg, comprimé : {text}").frequency == frequency


@pytest.mark.parametrize("words", ["à jeun", "au milieu des repas", "30 minutes avant le repas", "après le repas"])
def test_how_it_goes_with_meals_is_kept(words: str) -> None:
    line = only(f"LEVOTHYROX 75 µg, comprimé\n1 comprimé le matin {words}, 3 mois")
    assert line.intake == words and posology_text(line) == f"1 comprimé, matin, {words}"
