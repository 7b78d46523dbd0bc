"""Figures for Prometheus, counted when they are asked for: nothing to keep, nothing personal."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import outbox
from core.audit import COUNTER
from core.clock import epoch_ms
from core.numbers import last_number, tally_of
from core.tables import outbox as promises
from directory.tables import mailboxes
from ops.wiring import App

TALLIES = ("messages", "documents", "orders")


class _House(Collector):
    def __init__(self, app: App) -> None:
        self._app = app

    def collect(self) -> Iterable[Metric]:
        """One read for all."""
        return self._app.db.read(_figures, epoch_ms(self._app.clock.now()))


def exposition(app: App) -> bytes:
    """Text format 0.0.4. Raises DatabaseDown."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_House(app))
    return generate_latest(registry)


def _figures(session: Session, now: int) -> list[Metric]:
    kept = GaugeMetricFamily("pli_kept", "What is kept, by kind.", labels=["kind"])
    for name in TALLIES:
        kept.add_metric([name], tally_of(session, name))
    work = GaugeMetricFamily("pli_outbox", "Promises by kind and state.", labels=["kind", "state"])
    unfinished = promises.c.state != outbox.DONE
    counted = select(promises.c.kind, promises.c.state, func.count()).where(unfinished)
    for kind, state, count in session.execute(counted.group_by(promises.c.kind, promises.c.state)):
        work.add_metric([kind, state], count)
    oldest = session.execute(select(func.min(promises.c.due_at)).where(promises.c.state == outbox.WAITING)).scalar()
    late = GaugeMetricFamily("pli_outbox_late_seconds", "How long the oldest waiting promise is due.")
    late.add_metric([], max(0, now - oldest) / 1000 if oldest else 0)
    boxes = GaugeMetricFamily("pli_mailboxes", "Mailboxes by kind and state.", labels=["kind", "state"])
    rows = select(mailboxes.c.kind, mailboxes.c.state, func.count()).group_by(mailboxes.c.kind, mailboxes.c.state)
    for kind, state, count in session.execute(rows):
        boxes.add_metric([kind, state], count)
    trail = CounterMetricFamily("pli_audit_entries", "Entries written into the trail.")
    trail.add_metric([], last_number(session, COUNTER))
    return [kept, work, late, boxes, trail]
