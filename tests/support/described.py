"""An OpenAPI description of FHIR routes for a tool that throws requests at them: wide types, narrow answers."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

REFUSALS = (400, 401, 403, 404, 405, 503)
Described = dict[str, Any]
_TEXT = {"type": "string", "minLength": 1, "maxLength": 60}
_RESOURCE = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"type": "string"}}}


def description(
    gets: Mapping[str, Iterable[str]],
    forms: Mapping[str, Iterable[str]],
    *,
    raw: str = "",
    known: Mapping[str, str] = MappingProxyType({}),
) -> Described:
    """`gets`: path → its search parameters; `forms`: path → fields of its form; at `raw` a file may come back; `known`:
    name of a parameter → a value that finds something, to be tried beside any other."""

    def kind(name: str) -> Described:
        return {"anyOf": [{"type": "string", "enum": [known[name]]}, _TEXT]} if name in known else _TEXT

    paths: dict[str, Described] = {}
    for path, names in gets.items():
        query = [{"name": name, "in": "query", "schema": kind(name)} for name in names]
        paths.setdefault(path, {})["get"] = {
            "parameters": [*_in_path(path, kind), *query],
            "responses": _answers(path == raw),
        }
    for path, names in forms.items():
        schema = {"type": "object", "properties": {name: kind(name) for name in names}, "additionalProperties": False}
        body = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
        ids = path.rpartition("/")[0] + "/{"
        by_id = any(each.startswith(ids) and each.count("/") == path.count("/") for each in gets)
        paths[path] = {"get": {"responses": _answers(False)}} if by_id else {}  # the last word is an id that nobody has
        paths[path]["post"] = {
            "parameters": _in_path(path, kind),
            "requestBody": body,
            "responses": _answers(False),
        }
    return {"openapi": "3.0.3", "info": {"title": "FHIR", "version": "1"}, "paths": paths}


def _in_path(path: str, kind: Callable[[str], Described]) -> list[Described]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": kind(name)} for name in names]


def _answers(raw: bool) -> Described:
    media = {"application/fhir+json": {"schema": _RESOURCE}}
    told = {"description": "told", "content": media}
    good = {"description": "found", "content": media | ({"*/*": {}} if raw else {})}
    return {"200": good, "202": told} | {str(status): told for status in REFUSALS}
