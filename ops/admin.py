"""What the operator's page shows, gathered from all rooms."""

import hmac
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event
from core.clock import epoch_ms, from_epoch_ms
from core.tables import audit
from directory.tables import mailboxes
from mail.tables import folder_messages, folders
from ops.commands.doctor import open_work
from ops.doctor.examine import examine
from ops.indicators import indicators
from ops.keys import secret_line
from ops.metrics import exposition
from ops.wiring import App
from portal.lights import Light
from portal.overview import Boxes, Incident, Span, Waiting

FRESH_S = 60.0
HOURS, DAYS, SHOWN = 24, 30, 25
LOOPBACK = frozenset({"127.0.0.1", "::1"})
GRAVE = frozenset({"auth.refused", "glass.open", "keyring.rotate", "keyring.forget", "patient.erase"})


class Overview:
    """See `portal.overview`; may be asked from any thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._seen: tuple[float, tuple[Light, ...]] = (0.0, ())
        self._lock = threading.Lock()

    def lights(self) -> tuple[Light, ...]:
        with self._lock:
            at, lights = self._seen
            if not lights or time.monotonic() - at > FRESH_S:
                lights = examine(self._app, send=False)
                self._seen = (time.monotonic(), lights)
            return lights

    def queue(self) -> Sequence[Waiting]:
        return [Waiting(**row) for row in self._app.db.read(open_work)[:SHOWN]]

    def retry(self, row: int, actor: str) -> bool:
        now = self._app.clock.now()
        revived = self._app.db.run(outbox.revive, row, now)
        if revived:
            self._app.db.run(self._app.trail.record, Event(actor, "work.retry", "done", now, row))
        return revived

    def boxes(self) -> Sequence[Boxes]:
        return self._app.db.read(_boxes)

    def flow(self) -> Sequence[Span]:
        return self._app.db.read(_flow, self._app.clock.now())

    def incidents(self) -> Sequence[Incident]:
        since = epoch_ms(self._app.clock.now() - timedelta(days=DAYS))
        refused = and_(audit.c.outcome == "refused", audit.c.action.in_(("document.read", "record.list", "order.read")))
        return self._app.db.read(_entries, [audit.c.at >= since, or_(audit.c.action.in_(GRAVE), refused)], 200)

    def journal(self) -> Sequence[Incident]:
        return self._app.db.read(_entries, [], SHOWN)

    def indicators(self, month: str, actor: str) -> str:
        text = indicators(self._app, month)
        self._app.db.run(self._app.trail.record, Event(actor, "indicators.read", "done", self._app.clock.now()))
        return text

    def metrics(self, token: str, peer: str, forwarded: bool) -> bytes | None:
        wanted = self._app.settings.logs.metrics_token_file
        if wanted:
            right = secret_line(self._app.settings.home / wanted)
            allowed = hmac.compare_digest(token.encode(), right.encode())
        else:
            allowed = peer in LOOPBACK and not forwarded
        return exposition(self._app) if allowed else None


def _boxes(session: Session) -> list[Boxes]:
    held = (
        select(folders.c.mailbox_id, func.count().label("messages"))
        .join(folder_messages, folder_messages.c.folder_id == folders.c.id)
        .group_by(folders.c.mailbox_id)
        .subquery()
    )
    counts = (func.count(), func.coalesce(func.sum(held.c.messages), 0))
    query = select(mailboxes.c.kind, mailboxes.c.state, *counts).outerjoin(held, held.c.mailbox_id == mailboxes.c.id)
    rows = session.execute(query.group_by(mailboxes.c.kind, mailboxes.c.state).order_by(mailboxes.c.kind))
    return [Boxes(kind, state, boxes, int(messages)) for kind, state, boxes, messages in rows]


def _flow(session: Session, now: datetime) -> list[Span]:
    """Counted from the trail: what is not traced did not happen."""
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    hour = (audit.c.at - epoch_ms(start)) / 3_600_000
    counted: dict[tuple[str, int], int] = {}
    for action, outcome in (("mail.receive", "stored"), ("mail.send", "stored"), ("document.file", "filed")):
        place = func.floor(hour).label("hour")
        chosen = (audit.c.at >= epoch_ms(start), audit.c.action == action, audit.c.outcome == outcome)
        for number, count in session.execute(select(place, func.count()).where(*chosen).group_by(place)):
            key = ("filed" if action == "document.file" else "received", int(number))
            counted[key] = counted.get(key, 0) + count
    labels = [(start + timedelta(hours=n)).strftime("%H h") for n in range(HOURS)]
    return [
        Span(label, counted.get(("received", n), 0), counted.get(("filed", n), 0)) for n, label in enumerate(labels)
    ]


def _entries(session: Session, conditions: list[Any], most: int) -> list[Incident]:
    query = select(audit).where(*conditions).order_by(audit.c.seq.desc()).limit(most)
    return [
        Incident(
            from_epoch_ms(row["at"]).strftime("%Y-%m-%d %H:%M:%S"),
            row["action"],
            row["actor"],
            row["outcome"],
            row["detail"][:40],
        )
        for row in session.execute(query).mappings()
    ]
