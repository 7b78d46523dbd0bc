"""1,000 reads by mixed roles leave exactly 1,000 entries, and each was there before its data left."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import func, select

from core.db import Db
from core.errors import NotFound, Refused
from core.tables import audit
from record import consent
from record.access import Reader, Records
from tests.support.record_world import World, mail

READS = 1_000


def entries(db: Db) -> int:
    read = audit.c.action == "document.read"
    return db.read(lambda session: session.execute(select(func.count()).select_from(audit).where(read)).scalar_one())


class Watched:
    """The database as `Records` sees it; when content is opened, its entry must be there for others to see."""

    def __init__(self, db: Db) -> None:
        self.db, self.opened, self.asked = db, 0, 0

    def run(self, work: object, *args: object) -> object:
        self.asked += 1
        return self.db.run(work, *args)

    def read(self, work: object, *args: object) -> object:
        if getattr(work, "__name__", "") == "_open":
            self.opened += 1
            assert entries(self.db) == self.asked
        return self.db.read(work, *args)


def readers(world: World) -> list[tuple[Reader, bool]]:
    """Roles, and whether each may."""
    for box, granted in ((world.physician.id, True), (world.desk.id, False)):
        args = (world.patient.id, consent.ACCESS, granted, "patient", world.clock.now(), box)
        world.db.run(consent.settle, world.trail, *args)
    args = (world.patient.id, consent.SOFTWARE, True, "patient", world.clock.now(), 77)
    world.db.run(consent.settle, world.trail, *args)
    stranger = world.another_pharmacy()
    return [
        (Reader(1, world.patient_box.id), True),
        (Reader(2, world.pharmacy.id), True),
        (Reader(3, world.physician.id), True),
        (Reader(3, world.physician.id, software_id=77), True),
        (Reader(4, world.desk.id), False),
        (Reader(5, stranger.id), False),
        (Reader(5, stranger.id, software_id=78), False),
    ]


def test_one_after_the_other_each_entry_stands_before_its_data(world: World) -> None:
    (row,) = world.file(mail(("a.txt", "text/plain", b"Un document.")))
    watched = Watched(world.db)
    records = Records(watched, world.keyring, world.trail, world.blobs, world.clock)
    for reader, may in readers(world) * 3:
        if may:
            assert records.read(reader, row.id).content == b"Un document."
        else:
            with pytest.raises(Refused):
                records.read(reader, row.id)
    with pytest.raises(NotFound):
        records.read(Reader(1, world.patient_box.id), 12)
    assert watched.opened == 12 and entries(world.db) == 22


@pytest.mark.slow
def test_a_thousand_at_once_leave_a_thousand(world: World) -> None:
    (row,) = world.file(mail(("a.txt", "text/plain", b"Un document.")))
    records = Records(world.db, world.keyring, world.trail, world.blobs, world.clock)
    known = readers(world)

    def one(number: int) -> None:
        with suppress(Refused):
            records.read(known[number % len(known)][0], row.id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(READS)))
    assert entries(world.db) == READS
    assert world.db.read(world.trail.problems) == []
