"""`/api/webhooks`: a pharmacy's software says where it wants to be called, and sees how the calls went."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from portal.api_caller import Caller
from portal.api_faults import FAULTS
from portal.api_fhir import instant
from portal.hook_target import LONGEST_URL
from portal.hooks import Call, Hook
from portal.work import TheHooks

router = APIRouter()
Id = Annotated[str, Path(pattern=r"^[0-9]{1,18}$")]


class HookBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=9, max_length=LONGEST_URL)]


class HookOut(BaseModel):
    """`stopped`: the software answered 410 and is not called any more."""

    id: str
    url: str
    created: str
    stopped: bool


class HookMade(HookOut):
    """`secret` (Standard Webhooks, `whsec_…`) is said this once."""

    secret: str


class CallOut(BaseModel):
    """`status` is the software's HTTP answer, 0 while there is none."""

    id: str
    webhook: str
    type: Literal["order.changed", "order.message", "ping"]
    order: str
    version: int
    at: str
    state: Literal["waiting", "sent", "failed", "stopped"]
    status: int
    attempts: int


@router.get("/webhooks", responses=FAULTS)
def hooks(caller: Caller, book: TheHooks) -> list[HookOut]:
    """Where this pharmacy's software is called."""
    return [HookOut(**_facts(hook)) for hook in book.of(caller)]


@router.post("/webhooks", responses=FAULTS, status_code=201)
def make(caller: Caller, book: TheHooks, body: HookBody) -> HookMade:
    """Be called at this address when an order changes or its patient writes."""
    hook = book.make(caller, body.url)
    return HookMade(**_facts(hook), secret=hook.secret)


@router.delete("/webhooks/{id}", responses=FAULTS, status_code=204)
def remove(caller: Caller, book: TheHooks, id: Id) -> None:
    """Not any more."""
    book.remove(caller, int(id))


@router.post("/webhooks/{id}/ping", responses=FAULTS, status_code=202)
def ping(caller: Caller, book: TheHooks, id: Id) -> dict[str, str]:
    """A call that says nothing, to try the signature."""
    book.ping(caller, int(id))
    return {"id": id}


@router.get("/webhook-calls", responses=FAULTS)
def calls(caller: Caller, book: TheHooks) -> list[CallOut]:
    """The last calls, newest first."""
    return [_call(call) for call in book.calls(caller)]


def _facts(hook: Hook) -> dict[str, Any]:
    return {"id": str(hook.id), "url": hook.url, "created": instant(hook.created_at), "stopped": hook.stopped}


def _call(call: Call) -> CallOut:
    facts = {"order": call.number, "version": call.version, "status": call.status, "attempts": call.attempts}
    return CallOut.model_validate(
        facts
        | {"id": str(call.id), "webhook": str(call.hook_id), "type": call.what}
        | {"at": instant(call.at), "state": call.state}
    )
