"""The record for registered software, over HTTP. Each resource is judged by fhir.resources, which is not ours."""

import base64
from collections.abc import Callable

import pytest
from sqlalchemy import select

from core.tables import audit, outbox
from crypto.verdict import Reason, Verdict
from record import consent, software
from record.orders import State
from record.software import SCOPES
from tests.support.kept import ordered, prescribed
from tests.support.portal_program import API, INS, Program, agree, clinical, judged
from tests.support.portal_world import World, confirmed, moved


def traced(world: World, action: str) -> list[tuple[str, str, str]]:
    columns = (audit.c.actor, audit.c.outcome, audit.c.detail)
    query = select(*columns).where(audit.c.action == action).order_by(audit.c.seq)
    return world.kept.db.read(lambda session: [tuple(row) for row in session.execute(query)])


def test_the_whole_way_of_a_program(world: World) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    program = Program(world)
    assert program.find()["total"] == 0  # the patient has not agreed: as if nobody were there
    agree(world, program)
    (found,) = program.find()["entry"]
    patient = found["resource"]
    assert (
        INS.matricule not in str(patient)
        and patient["identifier"][0]["_value"]["extension"][0]["valueCode"] == "masked"
    )
    number = patient["id"]
    listed = program.get(f"DocumentReference?patient={number}")
    assert listed["total"] == len(listed["entry"]) == 2
    reference = listed["entry"][0]["resource"]
    assert program.get(f"DocumentReference/{reference['id']}") == reference
    whole = program.get(reference["content"][0]["attachment"]["url"], accept="application/fhir+json")
    assert base64.b64decode(whole["data"]).startswith(b"%PDF")
    plain = program.client.get(f"{API}/Binary/{reference['id']}", headers=program._headers)
    assert plain.content == base64.b64decode(whole["data"]) and plain.headers["content-type"] == "application/pdf"
    assert len(program.get(f"List/{number}")["entry"]) == 2
    assert program.get(f"Communication?patient={number}")["total"] == 1
    events = program.get(f"AuditEvent?patient={number}")
    assert {each["resource"]["agent"][0]["who"]["display"] for each in events["entry"]} == {
        f"software:{program.entry.id}"
    }
    assert set(traced(world, "document.read")) == {(f"software:{program.entry.id}", "allowed", "consent")}


def test_the_summary_quotes_with_its_source_and_says_what_is_not_known(world: World) -> None:
    clinical(world)
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    moved(world.kept, confirmed(world.kept, moved(world.kept, order, State.TAKEN)), State.PREPARING)
    program = Program(world)
    agree(world, program)
    bundle = program.get(f"Patient/{world.kept.patient_id}/$summary")
    composition = bundle["entry"][0]["resource"]
    sections = {each["code"]["coding"][0]["code"]: each for each in composition["section"]}
    assert bundle["type"] == "document" and composition["type"]["coding"][0]["code"] == "60591-5"
    assert "Pénicilline &amp; dérivés &lt;oedème&gt;" in sections["48765-2"]["text"]["div"]
    assert "Source : Ordonnance du 1er juin" in sections["48765-2"]["text"]["div"]
    kinds = {each["resource"]["resourceType"] for each in bundle["entry"]}
    assert "MedicationStatement" in kinds and "AllergyIntolerance" not in kinds  # said in words: never "no information"
    problems = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Condition")
    assert problems["code"]["coding"][0]["code"] == "no-problem-info"
    inside = {each["fullUrl"] for each in bundle["entry"]}
    assert all(entry["reference"] in inside for each in sections.values() for entry in each.get("entry", ()))
    assert INS.matricule not in str(bundle)


def test_a_search_is_narrowed_and_paged(world: World) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    clinical(world)
    program, number = Program(world), world.kept.patient_id
    agree(world, program)
    path = f"DocumentReference?patient=Patient/{number}"
    assert program.get(f"{path}&type=http://loinc.org|57833-6")["total"] == 1
    assert program.get(f"{path}&_content=penicilline oedeme")["total"] == 1  # without accents, by words
    assert program.get(f"{path}&_content=absinthe")["total"] == 0
    assert program.get(f"{path}&identifier=1")["total"] == 1
    assert (
        program.get(f"{path}&date=ge2026-06-02")["total"] == 0 and program.get(f"{path}&date=2026-06-01")["total"] == 3
    )
    first = program.get(f"{path}&_count=2")
    assert first["total"] == 3 and len(first["entry"]) == 2
    (link,) = [each["url"] for each in first["link"] if each["relation"] == "next"]
    last = program.get(link.split(f"{API}/", 1)[1])
    assert len(last["entry"]) == 1 and not [each for each in last["link"] if each["relation"] == "next"]
    assert program.post("DocumentReference/_search", patient=str(number))["total"] == 3


BAD = [
    ("DocumentReference?patient=1&wrong=2", 400),
    ("DocumentReference?patient=x", 404),
    ("DocumentReference", 404),
    ("DocumentReference?patient=1&date=hier", 400),
    ("DocumentReference?patient=1&_count=-1", 400),
    ("Observation?patient=1", 404),
    ("DocumentReference/99999999999999999999999", 404),
    ("Binary/12", 404),
    ("nowhere/1/2", 404),
    ("DocumentReference?" + "patient=1&" * 30, 400),
    ("Binary/1%0A2", 404),
    ("%0A", 404),
]


@pytest.mark.parametrize(("path", "status"), BAD)
def test_what_is_asked_wrongly_is_told_in_an_operation_outcome(world: World, path: str, status: int) -> None:
    assert Program(world).get(path, status)["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "body", [{}, {"url": 7}, {"url": "https://a.test/", "2790399123001": "LÉVÊQUE"}, "LÉVÊQUE", None]
)
def test_a_malformed_body_is_refused_and_not_repeated(world: World, body: object) -> None:
    program = Program(world)
    headers = {"authorization": f"Bearer {program.key}"}
    answer = program.client.post(f"{API}/webhooks", json=body, headers=headers)
    assert answer.status_code == 422 and judged(answer.json())["issue"][0]["code"] == "structure"
    assert "LÉVÊQUE" not in answer.text and "2790399123001" not in answer.text


def test_metadata_is_a_capability_statement(world: World) -> None:
    assert Program(world).get("metadata")["fhirVersion"] == "4.0.1"


def test_without_consent_nothing_and_its_end_is_the_end(world: World) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    program, number = Program(world), world.kept.patient_id
    paths = [f"{kind}?patient={number}" for kind in ("DocumentReference", "Communication", "AuditEvent", "List")]
    paths += [f"Patient/{number}", f"Patient/{number}/$summary", f"List/{number}"]
    for path in paths:
        assert program.get(path, 403)["issue"][0]["code"] == "forbidden"
    agree(world, program)
    for path in paths:
        program.get(path)
    agree(world, program, False)
    for path in paths:
        program.get(path, 403)


Change = Callable[[World, Program], None]


def _revoked(world: World, program: Program) -> None:
    kept, entry = world.kept, program.entry
    kept.db.run(software.revoke, kept.trail, entry.id, entry.mailbox_id, "1", kept.clock.now())


def _forgotten(_world: World, program: Program) -> None:
    program.key = program.key[:-1]


@pytest.mark.parametrize("change", [_revoked, _forgotten])
def test_a_key_that_is_no_longer_one_opens_nothing(world: World, change: Change) -> None:
    program = Program(world)
    agree(world, program)
    program.get(f"List/{world.kept.patient_id}")
    change(world, program)
    assert program.get(f"List/{world.kept.patient_id}", 401)["issue"][0]["code"] == "login"


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_opens_its_own_door_alone(world: World, scope: str) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    program, number = Program(world, (scope,)), world.kept.patient_id
    agree(world, program)
    doors = {
        "DocumentReference": f"DocumentReference?patient={number}",
        "List": f"List/{number}",
        "Patient": f"Patient/{number}",
        "Communication": f"Communication?patient={number}",
        "AuditEvent": f"AuditEvent?patient={number}",
    }
    for kind, path in doors.items():
        program.get(path, 200 if f"/{kind}." in scope else 403)
    program.get(f"Patient/{number}/$summary", 403)  # needs two


def test_the_patient_is_asked_once_and_the_answer_tells_nothing(world: World) -> None:
    program = Program(world)
    known = program.post("Patient/$ask-access", 202, identifier=f"urn:oid:{INS.oid}|{INS.matricule}")
    assert program.post("Patient/$ask-access", 202, identifier=f"urn:oid:{INS.oid}|{INS.matricule}") == known
    asked = world.kept.db.read(consent.open_questions, world.kept.patient_id)
    assert {each.purpose for each in asked} == {consent.SOFTWARE, consent.ACCESS}
    kinds = select(outbox.c.kind).where(outbox.c.kind == consent.ASK_KIND)
    assert len(world.kept.db.read(lambda session: session.execute(kinds).all())) == 2
    program.post("Patient/$ask-access", 400, identifier="urn:oid:1.2.3|12")
