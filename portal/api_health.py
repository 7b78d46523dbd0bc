"""`/sante`: is the service well? For supervision; counts only."""

from dataclasses import asdict, dataclass

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from core import outbox
from core.errors import Temporary
from core.tables import outbox as promises
from portal.doors import TheFront

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Health:
    """`waiting`: promises to keep, being kept included; `buried`: given up, a person has to look."""

    ok: bool
    database: bool
    waiting: int | None
    buried: int | None


@router.get("/sante")
def health(front: TheFront) -> JSONResponse:
    """200 when all is well, 503 when the database does not answer. Buried promises do not stop the service."""
    try:
        counts = front.services.db.read(_counts)
    except Temporary:
        return JSONResponse(asdict(Health(False, False, None, None)), 503)
    waiting = counts.get(outbox.WAITING, 0) + counts.get(outbox.LEASED, 0)
    return JSONResponse(asdict(Health(True, True, waiting, counts.get(outbox.BURIED, 0))))


def _counts(session: Session) -> dict[str, int]:
    open_ones = promises.c.state.in_((outbox.WAITING, outbox.LEASED, outbox.BURIED))
    query = select(promises.c.state, func.count()).where(open_ones).group_by(promises.c.state)
    return {row[0]: row[1] for row in session.execute(query)}
