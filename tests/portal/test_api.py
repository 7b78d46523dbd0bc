"""The interface for a pharmacy's software: keys, moves, FHIR beside; and schemathesis against its own description."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crypto.verdict import Reason, Verdict
from record.orders import State
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import OTHER, World, api_key, confirmed, moved, served


def test_orders_moves_and_messages(world: World):
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    order = moved(world.kept, confirmed(world.kept, moved(world.kept, order, State.TAKEN)), State.PREPARING)
    client, key = world.browser().client, api_key(world)
    found = client.get("/api/orders", headers=key).json()
    assert [each["number"] for each in found] == [order.number] and found[0]["lines"][0]["confirmed"]
    assert client.get("/api/orders?state=ready", headers=key).json() == []
    path = f"/api/orders/{order.number}"
    stale = client.post(f"{path}/moves", json={"to": "ready", "version": 1}, headers=key)
    assert stale.status_code == 409 and "changé" in stale.json()["error"]
    ready = client.post(f"{path}/moves", json={"to": "ready", "version": order.version}, headers=key)
    assert ready.status_code == 200 and ready.json()["state"] == "ready"
    assert client.post(f"{path}/messages", json={"text": "C'est prêt."}, headers=key).status_code == 201
    thread = client.get(f"{path}/messages", headers=key).json()
    assert thread[-1]["text"] == "C'est prêt." and not thread[-1]["from_patient"]


def test_fhir_beside(world: World):
    from fhir.resources.R4B.bundle import Bundle
    from fhir.resources.R4B.task import Task

    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    order = moved(world.kept, confirmed(world.kept, moved(world.kept, order, State.TAKEN)), State.PREPARING)
    client, key = world.browser().client, api_key(world)
    task = client.get(f"/api/fhir/Task/{order.number}", headers=key).json()
    assert Task(**task).status == "in-progress" and task["businessStatus"]["text"] == "en préparation"
    for kind in ("MedicationDispense", "Communication"):
        found = client.get(f"/api/fhir/{kind}?task={order.number}", headers=key).json()
        assert Bundle(**found).total == len(found["entry"])
    assert client.get("/api/fhir/Task", headers=key).json()["total"] == 1


def test_no_key_no_word(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    client, other = world.browser().client, api_key(world, OTHER)
    for headers in (
        {},
        {"authorization": "Bearer pli_x"},
        {"authorization": "Basic eDp5"},
        {"authorization": "Bearer é"},
    ):
        try:
            answer = client.get("/api/orders", headers=headers)
        except UnicodeEncodeError:
            continue
        assert answer.status_code == 401 and "LÉVÊQUE" not in answer.text
    for path in (
        f"/api/orders/{order.number}",
        f"/api/orders/{order.number}/messages",
        f"/api/fhir/Task/{order.number}",
    ):
        assert client.get(path, headers=other).status_code == 404
    assert client.get("/api/orders", headers=other).json() == []
    browser = world.signed_in(PHARMACY)
    assert browser.client.get("/api/orders").status_code == 401  # a cookie is no key


def test_ended_keys_open_nothing(world: World):
    client, key = world.browser().client, api_key(world)
    assert client.get("/api/orders", headers=key).status_code == 200
    world.signed_in(PHARMACY).act("/officine/reglages", "/officine/reglages/cle-api/fin")
    assert client.get("/api/orders", headers=key).status_code == 401


@pytest.mark.slow
def test_schemathesis_finds_nothing(world: World, tmp_path: Path):
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    moved(world.kept, order, State.TAKEN)
    key = api_key(world)["authorization"]
    program = Path(sys.executable).with_name("schemathesis")
    with served(world.app) as base:
        command = [str(program), "run", f"{base}/api/openapi.json", "--header", f"Authorization: {key}"]
        command += [
            "--max-examples",
            "25",
            "--seed",
            os.environ.get("PLI_TEST_SEED", "7"),
            "--exclude-checks",
            "positive_data_acceptance",
        ]
        environment = os.environ | {"NO_COLOR": "1"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=280)
    assert done.returncode == 0, done.stdout[-3000:]
