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
from directory.annuaire import Annuaire
from directory.importing import Importer, Rules
from directory.national import FILES, generate
from portal.api_annuaire import annuaire_of, router

pytestmark = pytest.mark.slow
READ = {"Practitioner": Practitioner, "PractitionerRole": PractitionerRole, "Organization": Organization}
RULES = Rules(10, 5, frozenset({"patient.mssante.fr"}), "1.2.250.1.213.1.4.10")


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
    assert {one["type"][0]["coding"][0]["code"] for one in of(bundle(client, "Organization?type=SA33"))} == {"SA33"}


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
