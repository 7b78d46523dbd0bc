"""`/admin`: the operator sees on one page whether all is well; what is exported, and `/metrics`."""

import csv
import io
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from core.errors import NotFound
from portal.charts import chart
from portal.doors import ActingOperator, Operator, RowId, TheFront
from portal.language import N_
from portal.lights import worst
from portal.overview import Overview
from portal.work import TheReviews

router = APIRouter()
KINDS = {
    "PAT": N_("Patients"),
    "PER": N_("Personnelles"),
    "ORG": N_("Organisationnelles"),
    "APP": N_("Applicatives"),
    "SYS": N_("Service"),
}
STATES = {"open": N_("ouverte"), "suspended": N_("suspendue"), "closed": N_("fermée")}
HEADLINES = {"good": N_("Tout va bien."), "warn": N_("À surveiller."), "bad": N_("Une action est nécessaire.")}


@router.get("/admin")
def admin(request: Request, front: TheFront, reviews: TheReviews, visitor: Operator) -> Response:
    """Lights, emergencies to review, queue, mailboxes, flow, incidents, trail."""
    overview = _overview(front)
    lights, flow = overview.lights(), overview.flow()
    shown: dict[str, Any] = {
        "lights": lights,
        "state": worst(lights),
        "headline": HEADLINES[worst(lights)],
        "glasses": reviews.waiting(),
        "queue": overview.queue(),
        "boxes": overview.boxes(),
        "kinds": KINDS,
        "states": STATES,
        "flow": flow,
        "received": chart([(span.label, span.received) for span in flow]),
        "filed": chart([(span.label, span.filed) for span in flow]),
        "incidents": overview.incidents(),
        "journal": overview.journal(),
        "month": front.services.clock.now().strftime("%Y-%m"),
    }
    return front.pages.show(request, "admin.html", visitor=visitor, **shown)


@router.post("/admin/file/{row}/reprendre")
def retry(front: TheFront, visitor: ActingOperator, row: RowId) -> Response:
    """Give buried work its attempts back. Raises NotFound."""
    if not _overview(front).retry(row, visitor.actor):
        raise NotFound("Cette tâche n'est plus abandonnée.", "row not buried")
    return RedirectResponse("/admin#file", 303)


@router.get("/admin/indicateurs.csv")
def indicators(front: TheFront, visitor: Operator, mois: Annotated[str, Query(max_length=7)] = "") -> Response:
    """One month: domain, kind of mailbox, direction, product, peer. Raises BadInput."""
    month = mois or front.services.clock.now().strftime("%Y-%m")
    return _file(_overview(front).indicators(month, visitor.actor), f"indicateurs-{month}.csv")


@router.get("/admin/incidents.csv")
def incidents(front: TheFront, visitor: Operator) -> Response:  # noqa: ARG001  the door is the point
    """What the page shows, for the security officer."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("date", "incident", "acteur", "issue", "detail"))
    writer.writerows((i.at, i.what, i.actor, i.outcome, i.detail) for i in _overview(front).incidents())
    return _file(text.getvalue(), "incidents.csv")


@router.get("/metrics")
def metrics(request: Request, front: TheFront) -> Response:
    """Prometheus text; for the loopback itself, or with the token of the settings. Others find no such page."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via"))
    found = _overview(front).metrics(token, request.client.host if request.client else "", forwarded)
    if found is None:
        raise NotFound("Cette page n'existe pas.", "metrics refused")
    return PlainTextResponse(found, media_type="text/plain; version=0.0.4; charset=utf-8")


def _overview(front: TheFront) -> Overview:
    found = front.services.overview
    if found is None:
        raise NotFound("Cette page n'existe pas.", "no overview here")
    return found


def _file(text: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)
