"""`/api/webhooks`: a pharmacy's software says where it wants to be called, and sees how the calls went."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Path
from pydantic import BaseModel, ConfigDict, Field

from portal.api_faults import FAULTS
from portal.api_fhir import instant
from portal.hook_target import LONGEST_URL
from portal.hooks import Call, Hook
from portal.session import Visitor
from portal.work import Work

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


def add(api: FastAPI, caller_of: Callable[..., Visitor]) -> None:
    """The routes. `caller_of` is the dependency that knows who calls."""
    work: Work = api.state.work
    book = work.hooks

    @api.get("/webhooks", responses=FAULTS)
    def hooks(caller: Annotated[Visitor, Depends(caller_of)]) -> list[HookOut]:
        """Where this pharmacy's software is called."""
        return [HookOut(**_facts(hook)) for hook in book.of(caller)]

    @api.post("/webhooks", responses=FAULTS, status_code=201)
    def make(caller: Annotated[Visitor, Depends(caller_of)], body: HookBody) -> HookMade:
        """Be called at this address when an order changes or its patient writes."""
        hook = book.make(caller, body.url)
        return HookMade(**_facts(hook), secret=hook.secret)

    @api.delete("/webhooks/{id}", responses=FAULTS, status_code=204)
    def remove(caller: Annotated[Visitor, Depends(caller_of)], id: Id) -> None:
        """Not any more."""
        book.remove(caller, int(id))

    @api.post("/webhooks/{id}/ping", responses=FAULTS, status_code=202)
    def ping(caller: Annotated[Visitor, Depends(caller_of)], id: Id) -> dict[str, str]:
        """A call that says nothing, to try the signature."""
        book.ping(caller, int(id))
        return {"id": id}

    @api.get("/webhook-calls", responses=FAULTS)
    def calls(caller: Annotated[Visitor, Depends(caller_of)]) -> list[CallOut]:
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
