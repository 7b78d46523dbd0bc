"""`doctor`, `work.*`: what the operator looks at first, and what to do with work that was given up."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import outbox
from core.clock import from_epoch_ms
from core.errors import NotFound
from core.tables import outbox as promises
from directory.local_domains import local_domain_names
from ops.control import Progress
from ops.doctor.examine import examine
from ops.doctor.names import lines
from ops.wiring import App
from portal.lights import worst

MOST = 500


def doctor(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Every light, and the worst of them."""
    lights = examine(app, send=bool(arguments.get("send", True)))
    return {"state": worst(lights), "lights": [asdict(light) for light in lights]}


def zone(app: App, _arguments: dict[str, Any], _progress: Progress) -> list[str]:
    """Lines for the zones of all our domains, ready to paste."""
    domains = app.db.read(local_domain_names)
    return [line for domain in domains for line in lines(app.settings, domain)]


def list_queue(app: App, _arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """What waits and what was given up, with reasons; what was given up first."""
    return app.db.read(open_work)


def retry(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, int]:
    """Give buried work its attempts back: one row, or all. Raises NotFound."""
    wanted = [int(arguments["row"])] if arguments.get("row") else app.db.read(buried)
    revived = sum(app.db.run(outbox.revive, row, app.clock.now()) for row in wanted)
    if arguments.get("row") and not revived:
        raise NotFound("no such row was given up")
    return {"revived": revived}


def drop(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, int]:
    """Forget one buried row for good. Raises NotFound."""
    if not app.db.run(_drop, int(arguments["row"])):
        raise NotFound("no such row was given up")
    return {"dropped": 1}


COMMANDS = {
    "doctor": doctor,
    "doctor.zone": zone,
    "work.list": list_queue,
    "work.retry": retry,
    "work.drop": drop,
}


def open_work(session: Session) -> list[dict[str, Any]]:
    """At most 500 rows."""
    unfinished = promises.c.state.in_((outbox.WAITING, outbox.LEASED, outbox.BURIED))
    query = select(promises).where(unfinished).order_by(promises.c.state, promises.c.due_at).limit(MOST)
    return [
        {
            "row": str(found["id"]),
            "work": found["kind"],
            "state": found["state"],
            "attempts": found["attempts"],
            "due": from_epoch_ms(found["due_at"]).isoformat(timespec="seconds"),
            "reason": found["last_error"] or "",
        }
        for found in session.execute(query).mappings()
    ]


def buried(session: Session) -> list[int]:
    return list(session.execute(select(promises.c.id).where(promises.c.state == outbox.BURIED)).scalars())


def _drop(session: Session, row: int) -> bool:
    chosen = delete(promises).where(promises.c.id == row, promises.c.state == outbox.BURIED)
    return session.execute(chosen.returning(promises.c.id)).one_or_none() is not None
