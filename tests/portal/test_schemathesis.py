"""schemathesis throws requests at the FHIR routes, which describe themselves by CapabilityStatement and not by OpenAPI:
every answer is a resource with a status that we know, and none is a failure of the server."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from directory.annuaire import Annuaire
from directory.importing import Importer
from directory.national import FILES, generate
from portal import api_annuaire, api_record
from portal.app import build
from tests.support.annuaire import RULES
from tests.support.described import description
from tests.support.portal_program import API, INS, Program, agree, clinical
from tests.support.portal_world import World, served

pytestmark = pytest.mark.slow
SEED = os.environ.get("PLI_TEST_SEED", "7")
EXAMPLES = os.environ.get("PLI_TEST_EXAMPLES", "15")


_TOLD = {"application/json": {}, "application/fhir+json": {}}
_ANSWERS = {
    status: {"description": "told", "content": _TOLD} for status in ("200", "201", "202", "400", "403", "404", "409")
} | {"405": {"description": "told", "content": _TOLD}, "422": {"description": "told", "content": _TOLD}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"}}
_URL = {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}, "additionalProperties": False}
WEBHOOKS: dict[str, Any] = {
    "/webhooks": {
        "get": {"responses": _ANSWERS},
        "post": {"requestBody": {"content": {"application/json": {"schema": _URL}}}, "responses": _ANSWERS},
    },
    "/webhooks/{id}": {"delete": {"parameters": [_ID], "responses": _ANSWERS | {"204": {"description": "gone"}}}},
    "/webhooks/{id}/ping": {"post": {"parameters": [_ID], "responses": _ANSWERS}},
}


def thrown(
    base: str, described: dict[str, Any], folder: Path, *headers: str, but: str = ""
) -> subprocess.CompletedProcess[str]:
    """What the tool says of this interface. Its limits on lengths are the description's own, so what is longer may be
    answered; `but` names a check that does not fit."""
    told = folder / "openapi.json"
    told.write_text(json.dumps(described))
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(told), "--url", base]
    command += [
        "--seed",
        SEED,
        "--max-examples",
        EXAMPLES,
        "--exclude-checks",
        f"positive_data_acceptance,negative_data_rejection{but}",
    ]
    for header in headers:
        command += ["--header", header]
    environment = os.environ | {"NO_COLOR": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=280, check=False
    )


def test_the_record_for_software(world: World, tmp_path: Path):
    program = Program(world)
    agree(world, program)
    clinical(world)
    number = program.find()["entry"][0]["resource"]["id"]
    document = program.get(f"DocumentReference?patient={number}")["entry"][0]["resource"]["id"]
    known = {"patient": number, "document": document, "identifier": f"urn:oid:{INS.oid}|{INS.matricule}"}
    whose = ("/metadata", "/Patient/{patient}", "/Patient/{patient}/$summary", "/List/{patient}")
    one = dict.fromkeys((*whose, "/DocumentReference/{document}", "/Binary/{document}"), ())
    searches = {f"/{type_}": names for type_, names in api_record.PARAMETERS.items()}
    forms = {f"/{type_}/_search": names for type_, names in api_record.PARAMETERS.items()}
    asks = {f"/Patient/{what}": ("identifier",) for what in ("_search", "$ask-access")}
    described = description(one | searches, forms | asks, raw="/Binary/{document}", known=known)
    described["paths"] |= WEBHOOKS
    with served(world.app) as base:
        done = thrown(base + API, described, tmp_path, f"Authorization: Bearer {program.key}")
    assert done.returncode == 0, done.stdout[:6000]


def test_the_annuaire(world: World, tmp_path: Path):
    db, files = world.kept.db, tmp_path / "files"
    generate(files, seed=5, activities=300, mailboxes=100, progress=lambda *_: None)
    annuaire = Annuaire(db, tmp_path / "annuaire")
    Importer(db, annuaire, RULES, lambda *_: None).run(
        [files / name for name in FILES.values()], world.kept.clock.now()
    )
    searches = {f"/{type_}": (*names, "_count", "_include") for type_, names in api_annuaire.PARAMETERS.items()}
    forms = {f"{path}/_search": names for path, names in searches.items()}
    one = {f"/{type_}/{{id}}": () for type_ in api_annuaire.TYPES}
    described = description({"/metadata": ()} | searches | one, forms)
    # a POST that is no search is refused by the guard (403) before anybody asks which methods there are
    with served(build(replace(world.services, annuaire=annuaire))) as base:
        done = thrown(f"{base}/fhir/v2", described, tmp_path, but=",unsupported_method")
    annuaire.close()
    assert done.returncode == 0, done.stdout[:6000]
