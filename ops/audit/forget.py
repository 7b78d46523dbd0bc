"""What is older than the operator keeps is forgotten; the tree goes on from what stands for it."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.audit import Pruned, Trail, entries, pruned
from core.clock import epoch_ms
from core.db import Db
from core.tables import audit
from crypto.frontier import Frontier
from crypto.merkle import leaf_hash
from ops.audit.witness import Witness

BATCH = 2000


def forget_before(db: Db, trail: Trail, witness: Witness, moment: datetime) -> int:
    """Entries from before `moment` that a checkpoint covers go; returns how many. Never past the last checkpoint."""
    last = witness.last()
    until = min(db.read(_last_before, moment), last.size if last else 0)
    gone = 0
    while (begun := db.read(pruned)).size < until:
        gone += db.run(trail.prune, db.read(_longer, trail, begun, min(until, begun.size + BATCH)))
    return gone


def _last_before(session: Session, moment: datetime) -> int:
    """The entry before the first one that is to be kept: a clock that was turned back keeps more, never less."""
    first = session.execute(select(func.min(audit.c.seq)).where(audit.c.at >= epoch_ms(moment))).scalar()
    if first is None:
        first = int(session.execute(select(func.max(audit.c.seq))).scalar() or 0) + 1
    return int(first) - 1


def _longer(session: Session, trail: Trail, begun: Pruned, until: int) -> Pruned:
    edge = Frontier.load(begun.size, begun.peaks)
    for row in entries(session, begun.size, until - begun.size):
        edge.append(leaf_hash(trail.leaf(row)))
    return Pruned(edge.size, edge.packed())
