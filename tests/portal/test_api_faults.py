"""Whatever goes wrong, a program reads JSON: never a page, never what it sent, and with 405 what it may do."""

import json

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from tests.support.kept import PHARMACY
from tests.support.portal_world import World, api_key

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PATHS = {
    "/api": "application/json",
    "/api/": "application/json",
    "/api/nothing": "application/json",
    "/api/orders": "application/json",
    "/api/orders/ABC-DEFG": "application/json",
    "/api/orders/%F4%81/moves": "application/json",
    "/api/fhir/Task": "application/fhir+json",
    "/api/fhir/Task/ABC-DEFG": "application/fhir+json",
    "/api/fhir/Patient": "application/fhir+json",
    "/fhir/v2": "application/fhir+json",
    "/fhir/v2/Practitioner": "application/fhir+json",
    "/fhir/v2/Practitioner/_search": "application/fhir+json",
    "/fhir/nothing": "application/fhir+json",
}


@pytest.mark.parametrize("path", PATHS)
def test_every_failure_is_for_programs(world: World, path: str):
    client, key = world.browser().client, api_key(world)
    for method in METHODS:
        for headers in (key, {}, key | {"host": "elsewhere.example"}, key | {"content-length": "9" * 13}):
            answer = client.request(method, path, headers=headers)
            if answer.status_code < 400:
                continue
            assert answer.headers["content-type"].startswith(PATHS[path]), (method, answer.text)
            if method != "HEAD":
                body = json.loads(answer.content)
                assert OperationOutcome(**body) if "fhir" in path else set(body) == {"error"}
            if answer.status_code == 405:
                allowed = answer.headers["allow"].split(", ")
                assert allowed != [""] and method not in allowed, (method, allowed)


def test_what_is_malformed_is_named_but_not_repeated(world: World):
    client, key = world.browser().client, api_key(world)
    answer = client.get("/api/orders?state=LÉVÊQUE", headers=key)
    assert answer.status_code == 422 and answer.json() == {"error": "demande mal formée : state"}
    answer = client.post("/api/orders/ABC-DEFG/moves", json={"to": "ready", "version": "LÉVÊQUE", "x": 1}, headers=key)
    assert answer.json() == {"error": "demande mal formée : version, x"}
    answer = client.post("/api/orders/ABC-DEFG/moves", content=b"{", headers=key)
    assert answer.status_code == 422 and answer.json() == {"error": "demande mal formée : corps"}


def test_a_path_of_two_methods_allows_both(world: World):
    answer = world.browser().client.put("/api/orders/ABC-DEFG/messages", headers=api_key(world))
    assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD, POST"


def test_a_page_asked_wrongly_stays_a_page(world: World):
    answer = world.browser().client.put("/officine", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD" and "<html" in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/mentions", "/officine", "/static/pli.css", "/api/openapi.json", "/officine/flux"]
)
def test_head_is_get_without_its_body(world: World, path: str):
    """RFC 9110 §9.3.2; a stream would never end."""
    browser = world.signed_in(PHARMACY)
    answer = browser.client.head(path)
    assert answer.status_code == 200 and answer.content == b""
    if path != "/officine/flux":
        assert answer.headers["content-type"] == browser.client.get(path).headers["content-type"]


@pytest.mark.parametrize(
    "method, path, allowed", [("PUT", "/", "GET, HEAD"), ("GET", "/demo/entrer", "POST"), ("HEAD", "/sortir", "POST")]
)
def test_a_page_says_truly_how_it_may_be_asked(world: World, method: str, path: str, allowed: str):
    answer = world.browser().client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_what_is_not_there_is_not_there_by_any_method(world: World):
    assert world.browser().client.put("/nulle-part").status_code == 404
