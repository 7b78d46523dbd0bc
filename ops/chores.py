"""What is done by the clock: every night, every hour, every half minute."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import outbox
from core.db import Db
from core.settings import Settings
from directory.annuaire import Annuaire
from mail.consign import RELAY_KIND
from mail.deliver import forget_repeats
from ops.audit.forget import forget_before
from ops.audit.witness import Witness
from ops.clockwork import Round
from ops.ground import Ground
from ops.importing import Finishing
from ops.keeper import Keeper
from ops.lifecycle import inactivity
from ops.list_fetching import ListFetcher
from ops.nightly import Chores, Nightly
from ops.promises import Hands
from ops.trust_list import TrustCircle
from record.reminders import Remind
from record.retention import Retention

REPEATS_FOR = timedelta(days=7)  # longer than any peer's queue lives
HOUR_S = 3600
DUE_LOOK_S = 300  # whether nightly chores are due; the first look is as long after the start
KEPT_FOR = timedelta(days=7)  # what was done: for whoever looks into yesterday's trouble


@dataclass(frozen=True)
class Work:
    """What workers do."""

    keeper: Keeper
    nightly: Nightly
    hourly: Chores
    lists: Chores
    imports: Finishing


def work(ground: Ground, hands: Hands, keeper: Keeper, witness: Witness, annuaire: Annuaire) -> Work:
    """All that a process does behind its listeners."""
    settings, clock = ground.settings, ground.clock
    nightly = Nightly(ground.db, clock, _nightly(ground, hands, witness) | _of_the_record(ground, hands))
    lists, imports = ListFetcher(settings, clock).chores, Finishing(settings, ground.db, annuaire)
    return Work(keeper, nightly, TrustCircle(settings, ground.db, clock).hourly, lists, imports)


def rounds(settings: Settings, work: Work) -> list[Round]:
    """What each process that works does by its own clock. Revocation lists: where there is somewhere to fetch from."""
    lists = [Round("lists", settings.tls.crl_seconds, work.lists.run)] if settings.tls.crl_sources else []
    return [
        Round("sweep", settings.outbox.sweep_seconds, work.keeper.sweep),
        Round("hourly", settings.trust.refresh_hours * HOUR_S, work.hourly.run),
        Round("nightly", DUE_LOOK_S, work.nightly.run),
        Round("imports", DUE_LOOK_S, work.imports.run, first=0),
        *lists,
    ]


def _nightly(ground: Ground, hands: Hands, witness: Witness) -> dict[str, Callable[[], object]]:
    settings, db, now = ground.settings, ground.db, ground.clock.now
    kept = timedelta(days=settings.logs.trace_days)
    return {
        "orders.expire": lambda: len(db.run(hands.orders.expire_due, now(), settings.orders.expiry_days)),
        "outbox.forget": lambda: _forget_kept(db, now() - KEPT_FOR),
        "mail.forget_repeats": lambda: db.run(forget_repeats, now() - REPEATS_FOR),
        "mailboxes.inactive": lambda: inactivity(settings, db, ground.clock),
        "audit.forget": lambda: forget_before(db, ground.trail, witness, now() - kept),
    }


def _forget_kept(db: Db, before: datetime) -> int:
    """Promises kept are of no use to anybody. Piece by piece: mail comes in meanwhile."""
    gone = 0
    while some := db.run(outbox.forget, before, frozenset({RELAY_KIND})):
        gone += some
    return gone


def _of_the_record(ground: Ground, hands: Hands) -> dict[str, Callable[[], object]]:
    """Retention by class; reminders where the operator wants them."""
    db, keyring, now, chosen = ground.db, ground.keyring, ground.clock.now, ground.settings.record
    retention = Retention(db, keyring, ground.trail, ground.blobs, chosen.retention_years)
    chores: dict[str, Callable[[], object]] = {"record.retention": lambda: retention.run(now())}
    if chosen.reminders:
        remind = Remind(db, keyring, hands.orders, hands.submitter, hands.desk)
        chores["record.reminders"] = lambda: remind.run(now())
    return chores
