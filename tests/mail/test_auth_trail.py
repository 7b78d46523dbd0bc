"""Failed logins are in the trail, for known and unknown logins alike, and a storm of them is a few entries."""

import asyncio

from sqlalchemy import select

from core.audit import Trail
from core.clock import FakeClock
from core.db import Db
from core.tables import audit
from mail.auth_trail import MOST, AuthTrail


def rows(db: Db) -> list[tuple[str, str, int | None, str]]:
    columns = (audit.c.actor, audit.c.outcome, audit.c.holder_id, audit.c.detail)
    return db.read(lambda s: [tuple(row) for row in s.execute(select(*columns).order_by(audit.c.seq))])


def test_a_storm_is_a_few_entries(db: Db):
    clock = FakeClock()
    failures = AuthTrail(db, Trail(lambda _: b"t" * 32), clock)

    async def storm() -> None:
        for _ in range(50):
            await failures.failed(b"login", "192.0.2.7", "refused", 17, 3)
        clock.advance(61)
        await failures.failed(b"login", "192.0.2.7", "refused", 17, 3)
        for number in range(3 * MOST):
            await failures.failed(b"%d" % number, "192.0.2.8", "throttled")
        clock.advance(61)
        await failures.failed(b"other", "", "refused")

    asyncio.run(storm())
    found = rows(db)
    assert found[0] == ("17", "refused", 3, "192.0.2.7")
    assert found[1] == ("17", "refused", 3, "192.0.2.7 49 more")
    assert found[2] == ("unknown", "throttled", None, "192.0.2.8")
    assert len(found) == 2 + (MOST - 1) + 1
    assert found[-1][3] == f"- {2 * MOST + 1} more"
