"""Figures of the counter, from the rows of orders and moves: no name, no medicine. Charts are SVG made here, with the
table they are drawn from behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms, from_epoch_ms
from core.tables import audit
from portal.bar_charts import Chart
from portal.language import N_
from portal.services import Services
from portal.session import Visitor
from record.orders import LABELS, State
from record.tables import order_letters, order_moves, orders

DAYS = 30
MOST = 20_000  # orders looked at: a month of the busiest counter
EXPORTED = 50_000


@dataclass(frozen=True, slots=True)
class Figures:
    """The last thirty days of one pharmacy."""

    received: int
    median_minutes: float | None
    ninth_minutes: float | None
    answered_by_us: int
    charts: tuple[Chart, ...]


def figures(session: Session, mailbox_id: int, now: datetime, zone: tzinfo) -> Figures:
    """Unit of work."""
    since = epoch_ms(now - timedelta(days=DAYS))
    mine = (orders.c.pharmacy_mailbox_id == mailbox_id) & (orders.c.created_at >= since)
    first = (
        select(order_moves.c.order_id, func.min(order_moves.c.at).label("at"))
        .join(orders, orders.c.id == order_moves.c.order_id)
        .where(mine, order_moves.c.role == "pharmacist")
        .group_by(order_moves.c.order_id)
        .subquery()
    )
    rows = session.execute(
        select(orders.c.created_at, first.c.at)
        .outerjoin(first, first.c.order_id == orders.c.id)
        .where(mine)
        .limit(MOST)
    ).all()
    waits = sorted((row.at - row.created_at) / 60_000 for row in rows if row.at is not None)
    hours = [from_epoch_ms(row.created_at).astimezone(zone).hour for row in rows]
    counted = session.execute(select(orders.c.state, func.count()).where(mine).group_by(orders.c.state))
    states = {row[0]: row[1] for row in counted}
    sent = session.execute(
        select(func.count())
        .select_from(order_letters.join(orders, orders.c.id == order_letters.c.order_id))
        .where(mine, order_letters.c.inward.is_(False))
    ).scalar_one()
    return Figures(
        received=len(rows),
        median_minutes=quantile(waits, 0.5),
        ninth_minutes=quantile(waits, 0.9),
        answered_by_us=sent,
        charts=(
            Chart(
                N_("Commandes reçues par heure"),
                tuple((f"{hour} h", hours.count(hour)) for hour in range(24)),
                upright=True,
            ),
            Chart(N_("Délai avant la première réponse"), _spread(waits)),
            Chart(N_("États des commandes"), tuple((LABELS[state], states.get(state.value, 0)) for state in State)),
        ),
    )


def quantile(sorted_values: Sequence[float], share: float) -> float | None:
    """The value that this share does not pass; None of nothing."""
    if not sorted_values:
        return None
    return round(sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))], 1)


def trail_of(
    session: Session, services: Services, visitor: Visitor, accounts: dict[int, str], now: datetime
) -> list[tuple[str, str, str, str, str]]:
    """Unit of work: who of the team read or answered what, newest first; the export itself is written down, too."""
    actors = [str(account_id) for account_id in accounts]
    found = session.execute(
        select(audit.c.at, audit.c.actor, audit.c.action, audit.c.ref, audit.c.outcome)
        .where(audit.c.actor.in_(actors))
        .order_by(audit.c.seq.desc())
        .limit(EXPORTED)
    ).all()
    refs = {row.ref for row in found if row.ref}
    mine = orders.c.pharmacy_mailbox_id == visitor.mailbox_id
    numbers: dict[int, str] = {}
    for start in range(0, len(refs), 500):
        some = orders.c.id.in_(sorted(refs)[start : start + 500])
        numbers |= {
            row.id: row.number for row in session.execute(select(orders.c.id, orders.c.number).where(mine, some))
        }
    event = Event(visitor.actor, "trail.export", "allowed", now, holder_id=visitor.holder_id)
    services.trail.record(session, event)
    return [
        (
            from_epoch_ms(row.at).astimezone(services.zone).isoformat(timespec="seconds"),
            accounts[int(row.actor)],
            row.action,
            str(numbers.get(row.ref, "")),
            row.outcome,
        )
        for row in found
    ]


def _spread(waits: Sequence[float]) -> tuple[tuple[str, float], ...]:
    edges = ((5, "5 min"), (15, "15 min"), (30, "30 min"), (60, "1 h"), (240, "4 h"), (1440, N_("1 jour")))
    found: list[tuple[str, float]] = []
    below = 0.0
    for edge, label in edges:
        found.append((f"≤ {label}", sum(below <= wait < edge for wait in waits)))
        below = edge
    return (*found, (N_("plus"), sum(wait >= below for wait in waits)))
