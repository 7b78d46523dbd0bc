"""The write side of the ANS annuaire as its draft describes it (API-MSS, guide and OpenAPI of 2026): a local server.

Carriers are found by `identifier` or id; FHIR Patch with insert, replace, delete; 400, 401, 404, 412 and 422 as an
OperationOutcome. It reads and keeps what it is sent, and takes nothing that the draft forbids.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support import loopback_http

METADATA = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata"
ADDRESS = re.compile(r"[^@\s]+@([^@\s]+\.mssante\.fr|interop-mssante\.apicrypt\.org)")
KINDS = {"Practitioner": {"PER", "CAB"}, "PractitionerRole": {"PER"}, "Organization": {"ORG", "APP"}}
VALUES = {"type": {"valueCode", "valueCodeableConcept"}, "listeRouge": {"valueBoolean"}, "service": {"valueString"},
          "description": {"valueString"}, "responsible": {"valueString"}}  # fmt: skip
PATH = re.compile(
    r"(?P<type>[A-Za-z]+)\.telecom(?:\.where\(value = '(?P<value>(?:[^'\\]|\\.)*)'\)"
    rf"(?:\.(?P<rank>rank)|\.extension\('{re.escape(METADATA)}'\)\.extension\('(?P<fact>[a-zA-Z]+)'\)\.value)?)?"
)


class Refusal(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class NationalAnnuaire:
    """`carriers`: resources by type. `trouble`: statuses with which the next requests fail, whatever they ask."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.carriers: dict[str, list[dict]] = {kind: [] for kind in KINDS}
        self.trouble: list[int] = []
        self.heard: list[tuple[str, str, dict | None]] = []
        self.url = ""

    def carrier(self, type_: str, id_: str, identifier: str, *telecoms: dict) -> dict:
        system, _, value = identifier.rpartition("|")
        made = {"resourceType": type_, "id": id_, "identifier": [{"system": system, "value": value}],
                "telecom": list(telecoms)}  # fmt: skip
        self.carriers[type_].append(made)
        return made

    def find(self, type_: str, id_: str, identifier: str) -> list[dict]:
        if type_ not in self.carriers:
            raise Refusal(404, "not-supported")
        if id_:
            return [one for one in self.carriers[type_] if one["id"] == id_]
        if "|" not in identifier:
            raise Refusal(400, "invalid")
        system, _, value = identifier.rpartition("|")
        wanted = {"system": system, "value": value}
        return [one for one in self.carriers[type_] if wanted in one["identifier"]]

    def patch(self, type_: str, found: list[dict], body: object) -> dict:
        if len(found) != 1:
            raise Refusal(412 if found else 404, "multiple-matches" if found else "not-found")
        work = json.loads(json.dumps(found[0]))
        for parts in _operations(body):
            self._apply(type_, work, parts)
        found[0].clear()
        found[0].update(work)
        return work

    def _apply(self, type_: str, carrier: dict, parts: dict) -> None:
        path = PATH.fullmatch(parts.get("path", {}).get("valueString", ""))
        kind = parts.get("type", {}).get("valueCode")
        if path is None or path["type"] != type_ or kind not in {"insert", "replace", "delete"}:
            raise Refusal(400, "invalid")
        telecoms, value = carrier["telecom"], parts.get("value", {})
        if kind == "insert":
            if path["value"] is not None or parts.get("index", {}).get("valueInteger") != 0:
                raise Refusal(400, "invalid")
            self._insert(type_, telecoms, _checked(type_, value.get("valueContactPoint")))
            return
        place = _place(telecoms, path["value"])
        if kind == "delete":
            if path["rank"] or path["fact"] or value:
                raise Refusal(400, "invalid")
            del telecoms[place]
        elif path["rank"]:
            telecoms[place]["rank"] = value["valueInteger"]
        elif path["fact"]:
            _replace_fact(telecoms[place], path["fact"], value)
        else:
            fresh = _checked(type_, value.get("valueContactPoint"))
            if (fresh["value"], _kind(fresh)) != (telecoms[place]["value"], _kind(telecoms[place])):
                raise Refusal(400, "business-rule")  # neither address nor type ever changes
            telecoms[place] = fresh

    def _insert(self, type_: str, telecoms: list[dict], fresh: dict) -> None:
        taken = {one.get("value") for carriers in self.carriers.values() for c in carriers for one in c["telecom"]}
        if fresh["value"] in taken:
            raise Refusal(422, "duplicate")
        telecoms.insert(0, fresh)


def _operations(body: object) -> Iterator[dict]:
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters" or not body.get("parameter"):
        raise Refusal(400, "structure")
    for one in body["parameter"]:
        if one.get("name") != "operation":
            raise Refusal(400, "structure")
        yield {part["name"]: part for part in one["part"]}


def _place(telecoms: list[dict], quoted: str | None) -> int:
    value = re.sub(r"\\(.)", r"\1", quoted or "")
    found = [place for place, one in enumerate(telecoms) if one.get("value") == value]
    if len(found) != 1:
        raise Refusal(400, "invalid")
    return found[0]


def _kind(telecom: dict) -> str:
    fact = next(one for one in telecom["extension"][0]["extension"] if one["url"] == "type")
    return fact.get("valueCode") or fact["valueCodeableConcept"]["coding"][0]["code"]


def _checked(type_: str, point: object) -> dict:
    if not isinstance(point, dict) or point.get("system") != "email" or not ADDRESS.fullmatch(point.get("value", "")):
        raise Refusal(400, "value")
    if point.get("rank", 1) < 1 or set(point) - {"system", "value", "rank", "extension"}:
        raise Refusal(400, "structure")
    extension = point["extension"][0]
    facts = {one["url"]: set(one) - {"url"} for one in extension["extension"]}
    if extension["url"] != METADATA or any(not facts[name] <= VALUES.get(name, set()) for name in facts):
        raise Refusal(400, "structure")
    if _kind(point) not in KINDS[type_] or (_kind(point) == "PER" and "service" in facts):
        raise Refusal(400, "business-rule")
    return point


def _replace_fact(telecom: dict, name: str, value: dict) -> None:
    if name == "type":
        raise Refusal(400, "business-rule")
    facts = telecom["extension"][0]["extension"]
    fact = next((one for one in facts if one["url"] == name), None)
    if fact is None:
        raise Refusal(400, "invalid")
    fact.update({key: held for key, held in value.items() if key != "name"})


class Handler(BaseHTTPRequestHandler):
    """One request; `annuaire` is set for each server."""

    annuaire: NationalAnnuaire

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._answer(self._search)

    def do_PATCH(self) -> None:
        self._answer(self._patch)

    def _answer(self, work) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            content, status = work(json.loads(body) if body else None), 200
        except Refusal as refused:
            issue = {"severity": "error", "code": refused.code, "details": {"text": "M. Untel n'a pas le droit"}}
            content, status = {"resourceType": "OperationOutcome", "issue": [issue]}, refused.status
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _asked(self, body) -> tuple[str, str, str]:
        parts = urlsplit(self.path)
        self.annuaire.heard.append((self.command, unquote(self.path), body))
        if self.annuaire.trouble:
            raise Refusal(self.annuaire.trouble.pop(0), "exception")
        if self.headers.get("ESANTE-API-KEY") != self.annuaire.key:
            raise Refusal(401, "login")
        type_, _, id_ = parts.path.removeprefix("/fhir/mss/").partition("/")
        return type_, id_, parse_qs(parts.query).get("identifier", [""])[0]

    def _search(self, body) -> dict:
        found = self.annuaire.find(*self._asked(body))
        entries = [{"resource": one, "search": {"mode": "match"}} for one in found]
        return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}

    def _patch(self, body) -> dict:
        type_, id_, identifier = self._asked(body)
        if self.headers.get("Content-Type") != "application/fhir+json":
            raise Refusal(400, "structure")
        return self.annuaire.patch(type_, self.annuaire.find(type_, id_, identifier), body)


@contextmanager
def serving(key: str = "cle-inventee") -> Iterator[NationalAnnuaire]:
    """On a free port of this machine until the block ends."""
    annuaire = NationalAnnuaire(key)
    with loopback_http.serving(type("Handling", (Handler,), {"annuaire": annuaire})) as base:
        annuaire.url = f"{base}/fhir/mss"
        yield annuaire
