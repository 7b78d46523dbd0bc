"""`/api/record/webhooks`: a registered program says where it wants to be called when something happens in a record."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from portal.api_fhir import instant
from portal.api_record import TheCall
from portal.hook_target import LONGEST_URL
from portal.hooks import Hook
from portal.record_hooks import SCOPE_OF, SoftwareHooks
from record.software import Software

router = APIRouter()
Id = Annotated[str, Path(pattern=r"^[0-9]{1,18}$")]


class HookBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=9, max_length=LONGEST_URL)]


def _book(request: Request) -> SoftwareHooks:
    found: SoftwareHooks = request.app.state.hooks
    return found


TheBook = Annotated[SoftwareHooks, Depends(_book)]


@router.get("/webhooks")
def hooks(call: TheCall, book: TheBook) -> Response:
    """Where this program is called, and of what it hears."""
    return _json([_facts(hook, call.caller) for hook in book.of(call.caller)])


@router.post("/webhooks")
def make(call: TheCall, book: TheBook, body: HookBody) -> Response:
    """The secret (Standard Webhooks, `whsec_…`) is said this once."""
    hook = book.make(call.caller, body.url)
    return _json(_facts(hook, call.caller) | {"secret": hook.secret}, 201)


@router.delete("/webhooks/{id}")
def remove(call: TheCall, book: TheBook, id: Id) -> Response:
    """Not any more."""
    book.remove(call.caller, int(id))
    return Response(status_code=204)


@router.post("/webhooks/{id}/ping")
def ping(call: TheCall, book: TheBook, id: Id) -> Response:
    """A call that says nothing, to try the signature."""
    book.ping(call.caller, int(id))
    return _json({"id": id}, 202)


def _facts(hook: Hook, caller: Software) -> dict[str, Any]:
    events = sorted(what for what, scope in SCOPE_OF.items() if scope in caller.scopes)
    known = {"id": str(hook.id), "url": hook.url, "created": instant(hook.created_at), "stopped": hook.stopped}
    return known | {"events": events}


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, media_type="application/json")
