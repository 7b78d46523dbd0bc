"""`/pro/annuaire`: whom may I write to, and am I sure that it is them? The list follows as one types, by htmx; without
scripts the form asks for the page."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from core.errors import NotFound
from directory.cardfile import csv_of, vcards_of
from directory.query import LONGEST
from portal.api_annuaire import TheAnnuaire
from portal.contacts import contacts
from portal.correspondents import Correspondents
from portal.doors import Physician, TheFront

router = APIRouter(prefix="/pro")
Words = Annotated[str, Query(max_length=LONGEST)]
SHOWN = 12
FORMATS = {"csv": (csv_of, "text/csv; charset=utf-8"), "vcf": (vcards_of, "text/vcard; charset=utf-8")}


@router.get("/annuaire")
def annuaire(
    request: Request, front: TheFront, found_in: TheAnnuaire, visitor: Physician, q: Words = "", ou: Words = ""
) -> Response:
    """By name, place, profession, RPPS, FINESS or address; what was typed is in no log."""
    found = found_in.search(q, place=ou, limit=SHOWN) if q.strip() or ou.strip() else []
    shown: dict[str, Any] = {"asked": q, "where": ou, "contacts": contacts(front.services, found)}
    return front.pages.show(request, "directory.html", visitor=visitor, **shown)


@router.get("/annuaire/correspondants.{form}")
def correspondents(front: TheFront, found_in: TheAnnuaire, visitor: Physician, form: str) -> Response:
    """Those with whom one exchanges letters, for a spreadsheet or an address book. Raises NotFound."""
    if form not in FORMATS:
        raise NotFound("correspondants en csv ou en vcf", "unknown form")
    make, media = FORMATS[form]
    headers = {"content-disposition": f'attachment; filename="correspondants.{form}"'}
    return Response(make(Correspondents(front.services, found_in).cards(visitor)), media_type=media, headers=headers)
