"""`/officine/chiffres`: the counter in figures, and the trail of the team as a file."""

import csv
import io

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.doors import ActingPharmacist, Pharmacist, TheFront
from portal.figures import figures, trail_of
from portal.work import TheTeam

router = APIRouter(prefix="/officine")


@router.get("/chiffres")
def show(request: Request, front: TheFront, visitor: Pharmacist) -> Response:
    """Thirty days, charts with their tables."""
    services = front.services
    found = services.db.read(figures, visitor.mailbox_id, services.clock.now(), services.zone)
    return front.pages.show(request, "figures.html", visitor=visitor, found=found)


@router.post("/chiffres/journal")
def export(front: TheFront, team: TheTeam, visitor: ActingPharmacist) -> Response:
    """Who read and answered what, as CSV for a spreadsheet; a cell that would be a formula is made harmless."""
    services = front.services
    names = {member.account_id: member.name for member in team.members(visitor)}
    rows = services.db.run(trail_of, services, visitor, names, services.clock.now())
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(("date", "personne", "action", "commande", "issue"))
    writer.writerows(tuple(f"'{cell}" if cell[:1] in "=+-@\t" else cell for cell in row) for row in rows)
    headers = {"content-disposition": 'attachment; filename="journal.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
