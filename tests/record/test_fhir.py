"""FHIR JSON in: what PDSm and the DMP's interface send, and what nobody should."""

import base64
import json
from typing import Any

import pytest

from record.unpack import unpack
from record.unpack.facts import CDA, FHIR, PDF, Problem
from tests.support.hostile_files import FHIR_FILES
from tests.support.record_files import cda, text_pdf
from tests.support.record_world import person
from tests.support.wrapped_files import binary, bundle, reference

INS = person().ins
PAGE = text_pdf("bonjour")
DOCUMENT = cda(person(), body=PAGE)


def read(resource: Any) -> Any:
    return unpack(json.dumps(resource).encode(), "application/fhir+json", "x.json")


def test_simplified_publish() -> None:
    found = read(reference(INS, DOCUMENT))
    assert [(d.part, d.media_type) for d in found.documents] == [("1", CDA), ("1/body", PDF)]
    outer = found.documents[0]
    assert found.problems == () and outer.entries[0].ins == outer.cda.ins
    assert (outer.entries[0].type_code, outer.entries[0].document_id) == ("11488-4", "2.25.9")


@pytest.mark.parametrize("url", ["urn:uuid:1", "Binary/1", "https://dmp.example/fhir/Binary/1"])
def test_submission_bundle(url: str) -> None:
    resource = bundle((url, binary(PAGE) | {"id": "1"}), ("urn:uuid:2", reference(INS, PAGE, url)), ("urn:uuid:3", {}))
    (document,) = read(resource).documents
    assert (document.media_type, document.title) == (PDF, "Courrier") and document.remarks == (Problem.TYPE_LIES,)


def test_contained_binary_and_contained_patient() -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": f"urn:oid:{INS.oid}", "value": INS.matricule}, {"value": "x"}],
        "name": [
            {"use": "usual", "family": "MARTIN"},
            {"use": "official", "family": "DUPRÉ", "given": ["Maëlys", "Zoé"]},
        ],
        "gender": "female",
        "birthDate": "1979-03-28",
    }
    contained = [patient, binary(PAGE) | {"id": "b"}]
    (document,) = read(reference(INS, PAGE, "#b", contained=contained, subject={"reference": "#p"})).documents
    (entry,) = document.entries
    assert [claim.text for claim in entry.ins] == [INS.matricule]
    traits = entry.traits
    assert (traits.birth_family, traits.birth_given, traits.birth_date, traits.sex) == (
        "DUPRÉ",
        "Maëlys Zoé",
        "19790328",
        "F",
    )
    assert traits.other_families == ("MARTIN",)


def test_fhir_document_is_kept_whole() -> None:
    div = "<div xmlns='http://www.w3.org/1999/xhtml'>Allergie : <b>pénicilline</b></div>"
    composition = {
        "resourceType": "Composition",
        "type": {"coding": [{"code": "60591-5"}]},
        "title": "Synthèse",
        "subject": {"identifier": {"system": f"urn:oid:{INS.oid}", "value": INS.matricule}},
        "section": [{"title": "Allergies", "text": {"div": div}}],
    }
    data = json.dumps(bundle(("urn:uuid:1", composition), kind="document")).encode()
    (document,) = unpack(data).documents
    assert (document.media_type, document.data, document.type_code) == (FHIR, data, "60591-5")
    assert document.text == "Allergies\nAllergie : pénicilline" and document.claims[0].text == INS.matricule


def test_lone_binary() -> None:
    assert read(binary(PAGE)).documents[0].media_type == PDF


def test_wrong_key_warns_and_never_crashes() -> None:
    wrong = reference(
        INS, PAGE, subject={"reference": "Patient?identifier=urn:oid:1.2.250.1.213.1.4.8|123456789012345"}
    )
    assert read(wrong).documents[0].claims[0].text == "123456789012345"


@pytest.mark.parametrize(
    "changes, problem",
    [({"size": 1}, Problem.SIZE_DIFFERS), ({"hash": base64.b64encode(b"\0" * 20).decode()}, Problem.HASH_DIFFERS)],
)
def test_hash_and_size(changes: dict[str, Any], problem: Problem) -> None:
    resource = reference(INS, DOCUMENT)
    resource["content"][0]["attachment"] |= changes
    assert read(resource).problems == (problem,)


def test_another_patient_outside_than_inside() -> None:
    assert Problem.PATIENT_DIFFERS in read(reference(person(7).ins, DOCUMENT)).problems


def test_entered_in_error_is_a_deletion_and_replaces_a_change() -> None:
    assert Problem.DELETION in read(reference(INS, DOCUMENT, status="entered-in-error")).problems
    target = {"identifier": {"system": "urn:oid:2.25.3", "value": "old"}}
    resource = reference(INS, DOCUMENT, relatesTo=[{"code": "replaces", "target": target}])
    entry = read(resource).documents[0].entries[0]
    assert (entry.action, entry.replaces) == ("C", ("2.25.3^old",))


def test_content_elsewhere_is_told_and_not_fetched() -> None:
    found = read(reference(INS, None, "http://127.0.0.1:9/Binary/1"))
    assert not found.documents and found.rejected[0].problem is Problem.OUTSIDE_BODY
    assert found.rejected[0].entry.type_code == "11488-4"


@pytest.mark.parametrize("name", FHIR_FILES)
def test_hostile_json(name: str) -> None:
    make, problem = FHIR_FILES[name]
    found = unpack(make(), "application/fhir+json", "x.json")
    assert not found.documents and found.problems[0] is problem


def test_lone_surrogates_are_no_trap() -> None:
    resource = json.dumps(reference(INS, PAGE)).replace("Courrier", "a\\ud800b").encode()
    assert unpack(resource).documents[0].title == "a?b"
