"""Whose document is it? Everything that could be somebody else's must disagree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ins import OID_DEMO, OID_NIR, OID_TEST, Ins, key_of
from record.identity import Agreement, Reason, accepted_oids, compare, fold, matricules
from record.unpack import unpack
from record.unpack.facts import TEXT, Document
from tests.support.people import matricules as valid_matricules
from tests.support.record_files import cda
from tests.support.record_world import person

TEST = accepted_oids(False)
ME, OTHER = person(), person(2)


def said(data: bytes, patient=ME, oids=TEST):
    return compare(unpack(data).documents[0], patient, oids)


def disagrees(data: bytes, reason: Reason, patient=ME, oids=TEST) -> bool:
    found = said(data, patient, oids)
    return found.agreement is Agreement.DISAGREE and reason in found.reasons


def test_a_document_of_the_patient_agrees() -> None:
    assert said(cda(ME)).agreement is Agreement.AGREE


@pytest.mark.parametrize("family", ["DUPRE L HOTE", "dupré-l'hôte", "Dupré L’Hôte"])
def test_names_agree_whatever_accents_and_case(family: str) -> None:
    assert said(cda(ME, family=f'<family qualifier="BR">{family}</family>')).agreement is Agreement.AGREE


def test_another_name_beside_the_birth_name_is_no_harm() -> None:
    both = f'<family qualifier="SP">MARTINET</family><family qualifier="BR">{ME.family}</family>'
    assert said(cda(ME, family=both)).agreement is Agreement.AGREE


def test_several_ids_and_local_numbers() -> None:
    ids = f'<id extension="12" root="9.9"/><id extension="{ME.ins.matricule}" root="{OID_TEST}"/>'
    assert said(cda(ME, ids=ids)).agreement is Agreement.AGREE


def test_wrong_key_is_a_warning_when_all_else_agrees() -> None:
    wrong = ME.ins.matricule[:13] + f"{(int(ME.ins.matricule[13:]) % 97) + 1:02}"
    found = said(cda(ME, ids=f'<id extension="{wrong}" root="{OID_TEST}"/>'))
    assert (found.agreement, found.reasons) == (Agreement.AGREE, (Reason.WRONG_KEY,))


def test_list_of_birth_given_names() -> None:
    whole = '<given qualifier="BR">MAELYS LOUISE JEANNE</given><given qualifier="CL">Lou</given>'
    assert said(cda(ME, given=whole)).agreement is Agreement.AGREE


HOSTILE = [
    (cda(OTHER), Reason.OTHER_INS),
    (cda(ME, ids=""), Reason.NO_INS),
    (cda(ME, ids='<id nullFlavor="UNK"/>'), Reason.NO_INS),
    (cda(ME, ids=f'<id extension="not a number" root="{OID_TEST}"/>'), Reason.OTHER_INS),
    (cda(ME, ids=f'<id extension="{ME.ins.matricule}" root="{OID_NIR}"/>'), Reason.WRONG_ENVIRONMENT),
    (cda(ME, ids=f'<id extension="{ME.ins.matricule}" root="1.2.3"/>'), Reason.NO_INS),
    (
        cda(
            ME,
            ids="".join(f'<id extension="{p.ins.matricule}" root="{OID_TEST}"/>' for p in (ME, OTHER)),
        ),
        Reason.SEVERAL_INS,
    ),
    (cda(ME, family='<family qualifier="BR">DURAND</family>'), Reason.FAMILY),
    (cda(ME, family='<family qualifier="SP">DURAND</family>'), Reason.FAMILY),
    (cda(ME, family=""), Reason.INCOMPLETE),
    (cda(ME, family='<family nullFlavor="UNK"/>'), Reason.INCOMPLETE),
    (cda(ME, given='<given qualifier="BR">Lise</given>'), Reason.GIVEN),
    (cda(ME, given="<given>Louise Maëlys</given>"), Reason.GIVEN),
    (cda(ME, given=""), Reason.INCOMPLETE),
    (cda(ME, birth='<birthTime value="19790329"/>'), Reason.BIRTH_DATE),
    (cda(ME, birth='<birthTime value="1979"/>'), Reason.BIRTH_DATE),
    (cda(ME, birth='<birthTime nullFlavor="UNK"/>'), Reason.INCOMPLETE),
    (cda(ME, birth='<birthTime value="19480328"/>'), Reason.INCOHERENT),
    (cda(ME, sex='<administrativeGenderCode code="M"/>'), Reason.SEX),
    (cda(ME, sex='<administrativeGenderCode code="M"/>'), Reason.INCOHERENT),
    (cda(ME, sex='<administrativeGenderCode nullFlavor="UNK"/>'), Reason.INCOMPLETE),
    (cda(None, ids="", given=""), Reason.NO_INS),
]


@pytest.mark.parametrize("data, reason", HOSTILE)
def test_anything_doubtful_disagrees(data: bytes, reason: Reason) -> None:
    assert disagrees(data, reason)


def test_production_and_test_never_mix() -> None:
    production = accepted_oids(True)
    assert disagrees(cda(ME), Reason.WRONG_ENVIRONMENT, oids=production)
    assert OID_TEST not in production and OID_DEMO not in production and OID_NIR not in TEST


def test_published_imaging_report_disagrees_even_with_its_own_header() -> None:
    """Its number says March 1948, its header 28/03/1979."""
    number = "248039263001064"
    body = cda(
        None,
        ids=f'<id extension="{number}" root="{OID_TEST}"/><id extension="2963001" root="2.25.3"/>',
        family='<family qualifier="SP">PAT-TROIS</family>',
        given="<given>DOMINIQUE</given>",
        birth='<birthTime value="19790328"/>',
        sex='<administrativeGenderCode code="F"/>',
    )
    same = person(family="PAT-TROIS", given="DOMINIQUE", birth_date="1979-03-28", sex="F")
    patient = type(same)(Ins(number), same.family, same.given, same.birth_date, same.sex)
    assert disagrees(body, Reason.INCOHERENT, patient)
    assert disagrees(body, Reason.OTHER_INS)


def page(text: str) -> Document:
    return Document("", TEXT, b"", text=text)


def spaced(matricule: str) -> str:
    m = matricule
    return f"{m[0]} {m[1:3]} {m[3:5]} {m[5:7]} {m[7:10]} {m[10:13]} {m[13:]}"


def test_a_page_without_number_names_nobody() -> None:
    assert compare(page("DOLIPRANE 1000 mg\nCIP 3400930000000"), ME, TEST).agreement is Agreement.ABSENT


@pytest.mark.parametrize("write", [str, spaced])
def test_printed_numbers(write) -> None:
    mine, other = write(ME.ins.matricule), write(OTHER.ins.matricule)
    assert compare(page(f"N° {mine}."), ME, TEST).agreement is Agreement.AGREE
    found = compare(page(f"NIR : {other}"), ME, TEST)
    assert (found.agreement, found.reasons) == (Agreement.DISAGREE, (Reason.OTHER_MATRICULE,))
    assert compare(page(f"assurée {other}, bénéficiaire {mine}"), ME, TEST).agreement is Agreement.AGREE


@pytest.mark.parametrize(
    "text",
    [
        "1" + ME.ins.matricule,
        ME.ins.matricule + "7",
        ME.ins.matricule[:13],
        ME.ins.matricule[:14] + "x",
        "٢٧٩٠٣٩٩١٢٣٠٠١٠١",
        ME.ins.matricule[:7] + "\n" + ME.ins.matricule[7:],
    ],
)
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert matricules(text) == frozenset()


@given(valid_matricules())
def test_every_printed_number_is_found_in_every_spacing(matricule: str) -> None:
    assert matricules(f"n° {spaced(matricule)} fin") == {matricule.upper()}
    assert matricules(matricule) == {matricule.upper()}


@given(valid_matricules(), st.integers(1, 96))
def test_a_wrong_key_is_never_taken_for_a_number(matricule: str, shift: int) -> None:
    wrong = f"{(int(matricule[13:]) - 1 + shift) % 97 + 1:02}"
    assert matricules(matricule[:13] + wrong) == frozenset()


@given(st.text(max_size=200))
def test_folding_never_fails_and_is_stable(name: str) -> None:
    assert fold(fold(name)) == fold(name)


def test_keys_of_the_invented_are_right() -> None:
    assert ME.ins.matricule[13:] == key_of(ME.ins.matricule[:13])
