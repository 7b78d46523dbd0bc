"""The FHIR interface: each answer is read by an independent model library; searches, pages, includes, refusals."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.organization import Organization
from fhir.resources.R4B.practitioner import Practitioner
from fhir.resources.R4B.practitionerrole import PractitionerRole

import portal.tables  # noqa: F401  on the one MetaData before it is created
from core.clock import FakeClock
from core.db import Db
from directory import listing
from directory.annuaire import Annuaire
from directory.importing import Importer
from directory.national import FILES, generate
from portal import api_annuaire_search
from portal.api_annuaire import annuaire_of, router
from tests.support.annuaire import RULES

pytestmark = pytest.mark.slow
READ = {"Practitioner": Practitioner, "PractitionerRole": PractitionerRole, "Organization": Organization}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fhir")
    generate(folder / "files", seed=5, activities=500, mailboxes=200, progress=lambda *_: None)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path):
    db = Db.open(f"sqlite:///{folder / 'pli.db'}", create=True)
    annuaire = Annuaire(db, folder / "annuaire")
    Importer(db, annuaire, RULES, lambda *_: None).run(
        [folder / "files" / name for name in FILES.values()], FakeClock().now()
    )
    app = FastAPI()
    app.include_router(router)
    app.dependency_overrides[annuaire_of] = lambda: annuaire
    yield TestClient(app)
    annuaire.close()
    db.close()


def bundle(client: TestClient, path: str) -> dict:
    answer = client.get(f"/fhir/v2/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+json")
    found = answer.json()
    Bundle.model_validate(found)
    for entry in found.get("entry", []):
        READ[entry["resource"]["resourceType"]].model_validate(entry["resource"])
    return found


def of(found: dict, mode: str = "match") -> list[dict]:
    return [one["resource"] for one in found.get("entry", []) if one["search"]["mode"] == mode]


@pytest.fixture(scope="module")
def box(folder: Path) -> list[str]:
    return [line.split("|") for line in (folder / "files" / FILES["mssante"]).read_text().splitlines()][2]


def test_it_says_what_it_can(client: TestClient) -> None:
    CapabilityStatement.model_validate(client.get("/fhir/v2/metadata").json())


@pytest.mark.parametrize("type_", READ)
def test_pages_hold_everything_once(client: TestClient, type_: str) -> None:
    seen, path = [], f"{type_}?_count=37&_total=accurate"
    total = bundle(client, path).get("total")
    while path:
        found = bundle(client, path)
        seen += [one["id"] for one in of(found)]
        link = next((one["url"] for one in found["link"] if one["relation"] == "next"), "")
        path = link.partition("/fhir/v2/")[2]
    assert len(seen) == len(set(seen)) and len(seen) >= 80
    assert type_ == "PractitionerRole" or total == len(seen)


def test_by_identifier_name_and_mailbox(client: TestClient, box: list[str]) -> None:
    for path in (
        f"Practitioner?identifier=https://rpps.esante.gouv.fr|{box[3]}",
        f"Practitioner?identifier=urn:oid:1.2.250.1.71.4.2.1|{box[4]}",
        f"Practitioner?identifier={box[3]}",
        f"Practitioner?mailbox-mss={box[1]}",
        f"Practitioner?family={box[9]}&given={box[10][:3].lower()}",
        f"Practitioner?name={box[10]}",
        f"Practitioner?family:exact={box[9]}",
        f"Practitioner?_id={box[4]}",
    ):
        assert box[4] in [one["id"] for one in of(bundle(client, path))], path
    assert not of(bundle(client, f"Practitioner?family={box[9]}&qualification-code=99"))


def test_roles_with_who_and_where(client: TestClient, box: list[str]) -> None:
    found = bundle(client, f"PractitionerRole?practitioner=Practitioner/{box[4]}&_include=*")
    roles, others = of(found), of(found, "include")
    assert roles and {one["resourceType"] for one in others} == {"Practitioner", "Organization"}
    structure = roles[0]["organization"]["reference"]
    there = bundle(client, f"PractitionerRole?organization={structure}")
    assert roles[0]["id"] in [one["id"] for one in of(there)]
    assert client.get(f"/fhir/v2/PractitionerRole/{roles[0]['id']}").json() == roles[0]
    assert client.get(f"/fhir/v2/{structure}").json()["resourceType"] == "Organization"


def test_structures_by_place_name_and_sector(client: TestClient) -> None:
    pharmacies = of(bundle(client, "Organization?name=pharmacie&_count=100"))
    assert pharmacies and all("PHARMACIE" in one["name"] for one in pharmacies)
    city = pharmacies[0]["address"][0]["city"]
    assert pharmacies[0]["id"] in [one["id"] for one in of(bundle(client, f"Organization?address-city={city.lower()}"))]
    found = of(bundle(client, "Organization?type=SA33"))
    assert found and all("SA33" in {type_["coding"][0]["code"] for type_ in one["type"]} for one in found)


def ids(found: dict, mode: str = "match") -> set[str]:
    return {one["id"] for one in of(found, mode)}


def rows(folder: Path, kind: str) -> list[list[str]]:
    return [line.split("|") for line in (folder / "files" / FILES[kind]).read_text().splitlines()[1:]]


NOS = "https://mos.esante.gouv.fr/NOS"


def test_the_roles_of_whom_is_found_come_along(client: TestClient, folder: Path, box: list[str]) -> None:
    roles = [row for row in rows(folder, "rpps") if row[2] == box[4]]
    found = bundle(client, f"Practitioner?identifier={box[3]}&_revinclude=PractitionerRole:practitioner")
    assert len(of(found)) == 1 and len(of(found, "include")) == len(roles)
    structure = f"1{roles[0][21]}" if roles[0][21] else f"3{roles[0][19]}"
    there = {row[2] for row in rows(folder, "rpps") if structure[1:] in (row[21], row[19])}
    found = bundle(client, f"Organization?_id={structure}&_revinclude=PractitionerRole:organization")
    assert {one["practitioner"]["reference"].partition("/")[2] for one in of(found, "include")} == there


def test_by_codes_of_profession_skill_and_category(client: TestClient, folder: Path) -> None:
    skilled = {row[2] for row in rows(folder, "rpps") if row[15] == "SM54"}
    system = f"{NOS}/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
    assert skilled
    for value in ("SM54", f"{system}|SM54"):
        assert ids(bundle(client, f"Practitioner?qualification-code={value}&_count=1000")) == skilled
    assert not ids(bundle(client, "Practitioner?qualification-code=https://other.test|SM54"))
    everybody = {row[2] for row in rows(folder, "rpps")}
    assert ids(bundle(client, "Practitioner?qualification-code=C&_count=1000")) >= everybody
    assert ids(bundle(client, "Practitioner?qualification-code:not=10&_count=1000")).isdisjoint(skilled)


def test_a_mailbox_by_its_beginning_and_by_a_piece(client: TestClient, box: list[str]) -> None:
    domain = box[1].partition("@")[2]
    assert box[4] in ids(bundle(client, f"Practitioner?mailbox-mss={box[1][:-4]}"))
    assert box[4] in ids(bundle(client, f"Practitioner?mailbox-mss:contains=%40{domain}&_count=1000"))
    assert not ids(bundle(client, f"Practitioner?mailbox-mss:exact={box[1][:-1]}"))
    found = of(bundle(client, "Organization?mailbox-mss:contains=%40&_count=1000"))
    assert found and all(any(one["system"] == "email" for one in each["telecom"]) for each in found)


def test_structures_by_identifier_system_type_and_category(client: TestClient, folder: Path) -> None:
    every = of(bundle(client, "Organization?identifier=https%3A%2F%2Ffiness.esante.gouv.fr%7C&_count=1000"))
    assert every and all(one["id"][0] == "1" for one in every)
    pharmacies = ids(bundle(client, "Organization?type=620&_count=1000"))
    category = f"{NOS}/TRE_R66-CategorieEtablissement/FHIR/TRE-R66-CategorieEtablissement"
    assert pharmacies and pharmacies == ids(bundle(client, f"Organization?type={category}%7C620&_count=1000"))
    both = "Organization?identifier=https://finess.esante.gouv.fr|&type:not=620,355&_count=1000"
    assert ids(bundle(client, both)).isdisjoint(pharmacies)
    assert ids(bundle(client, "Organization?type=GEOGRAPHICAL-ENTITY&_count=1000")) >= pharmacies
    assert not ids(bundle(client, "Organization?type=LEGAL-ENTITY"))
    assert ids(bundle(client, "Organization?identifier-type=FINEG&_count=1000")) == {one["id"] for one in every}
    rpps = ids(bundle(client, "Organization?data-information-system=RPPS&_count=1000"))
    assert rpps and all(one[0] == "3" for one in rpps)


def test_names_inside_words_and_as_the_guide_spells_them(client: TestClient, box: list[str]) -> None:
    assert box[4] in ids(bundle(client, f"Practitioner?name:contains={box[9][1:4]}&_count=1000"))
    assert box[4] in ids(bundle(client, f"Practitioner?name:family={box[9]}&name:given={box[10]}"))
    assert box[4] in ids(bundle(client, f"Practitioner?name=XXXXXX,{box[9]}&name={box[10]}"))
    assert not ids(bundle(client, f"Practitioner?name={box[9]}&name=XXXXXX"))


def test_by_the_moment_of_the_last_change(client: TestClient, box: list[str]) -> None:
    moment = of(bundle(client, f"Practitioner?_id={box[4]}"))[0]["meta"]["lastUpdated"]
    for value, fits in (
        (f"ge{moment[:10]}", True), (f"lt{moment[:10]}", False), (f"eq{moment[:4]}", True), (f"gt{moment[:4]}", False),
        (f"le{moment[:7]}", True), ("ne2001", True), ("ge2001-05-05T10:00:00Z", True), ("ge2999", False),
    ):  # fmt: skip
        assert (box[4] in ids(bundle(client, f"Practitioner?_lastUpdated={value}&_count=1000"))) is fits, value


def test_elements_totals_and_no_resources_at_all(client: TestClient, box: list[str]) -> None:
    one = of(bundle(client, f"PractitionerRole?practitioner={box[4]}&_elements=telecom"))[0]
    assert "code" not in one and one["meta"]["tag"][0]["code"] == "SUBSETTED"
    one = of(bundle(client, f"Practitioner?_id={box[4]}&_elements=name"))[0]
    assert one["name"] and one["identifier"] and "qualification" not in one
    assert "total" not in bundle(client, f"Practitioner?family={box[9]}&_total=none")
    counted = bundle(client, f"Practitioner?family={box[9]}&_count=0")
    assert counted["total"] >= 1 and "entry" not in counted and len(counted["link"]) == 1


def test_what_is_looked_at_for_one_page_is_bounded_and_the_list_goes_on(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_annuaire_search, "LOOKED_AT", 30)
    seen, path, pages = set(), "Practitioner?qualification-code=SM54", 0
    while path:
        found = bundle(client, path)
        seen |= ids(found)
        pages += 1
        link = next((one["url"] for one in found["link"] if one["relation"] == "next"), "")
        path = link.partition("/fhir/v2/")[2]
    assert seen == {row[2] for row in rows(folder, "rpps") if row[15] == "SM54"} and pages > 3


def test_more_names_than_are_listed_are_gone_through(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST", 3)
    wanted = {row[2] for row in rows(folder, "rpps") if row[7].startswith("L")}
    assert len(wanted) > 3 and ids(bundle(client, "Practitioner?family=l&_count=1000")) >= wanted


def test_a_search_by_post_is_the_same(client: TestClient, box: list[str]) -> None:
    one = client.post("/fhir/v2/Practitioner/_search", data={"family": box[9]}).json()
    assert of(one) == of(bundle(client, f"Practitioner?family={box[9]}"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Practitioner?shoesize=43", 400),
        ("Practitioner?family:sounds=x", 400),
        ("Practitioner?family=", 400),
        ("Practitioner?identifier=urn:x|1", 400),
        ("Practitioner?_count=many", 400),
        ("Practitioner?_include=Patient:x", 400),
        ("Practitioner?_revinclude=Device:x", 400),
        ("Practitioner?_lastUpdated=yesterday", 400),
        ("Practitioner?_lastUpdated=ge99999", 400),
        ("Practitioner?_total=some", 400),
        ("Practitioner?active:contains=true", 400),
        ("Patient", 404),
        ("Practitioner/0", 404),
        ("PractitionerRole/899000000019.999", 404),
        ("Organization/" + "9" * 500, 404),
    ],
)
def test_refusals_say_why(client: TestClient, path: str, status: int) -> None:
    answer = client.get(f"/fhir/v2/{path}")
    assert answer.status_code == status
    OperationOutcome.model_validate(answer.json())


def test_nothing_of_the_red_list(client: TestClient, folder: Path) -> None:
    red = (folder / "files" / FILES["red"]).read_text().splitlines()[1]
    assert not of(bundle(client, f"Practitioner?mailbox-mss={red}"))
    assert red not in client.get("/fhir/v2/Practitioner?_count=1000").text
