"""The commit train: what rides together, what fails alone, what is durable when it is answered."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.db import Db, Derived, Freight, Next, Same, Signal, next_number, signal, tally
from core.errors import DatabaseDown, NotFound
from core.numbers import last_number, tally_of
from core.tables import counters, outbox

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def row(row_id: int, **changes: object) -> dict[str, object]:
    return {
        "id": row_id,
        "kind": "k",
        "ref": 1,
        "due_at": 0,
        "attempts": 0,
        "leased_until": 0,
        "state": "waiting",
        "last_error": None,
        **changes,
    }


def ids(session: Session) -> list[int]:
    return list(session.execute(select(outbox.c.id).order_by(outbox.c.id)).scalars())


def put(session: Session, row_id: int) -> int:
    session.execute(insert(outbox), row(row_id))
    return row_id


def put_then_fail(session: Session, row_id: int) -> None:
    put(session, row_id)
    raise NotFound("nothing there")


def test_a_work_returns_its_value_and_is_read_back(db: Db) -> None:
    assert db.run(put, 7) == 7
    assert db.read(ids) == [7]


def test_a_failing_work_leaves_nothing(db: Db) -> None:
    with pytest.raises(NotFound):
        db.run(put_then_fail, 1)
    assert db.read(ids) == []


def hold_the_train(db: Db) -> threading.Event:
    """Keep the train at the platform, so that what boards meanwhile rides together."""
    standing, leave = threading.Event(), threading.Event()

    def wait(_session: Session) -> None:
        standing.set()
        assert leave.wait(60)

    threading.Thread(target=db.run, args=(wait,)).start()
    assert standing.wait(60)
    return leave


async def together(db: Db, *rides: object) -> list[object]:
    leave = hold_the_train(db)
    tasks = [asyncio.ensure_future(ride) for ride in rides]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    leave.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_failing_work_never_hurts_another(db: Db) -> None:
    answers = await together(db, db.arun(put, 1), db.arun(put_then_fail, 2), db.arun(put, 3), db.arun(put, 3))
    assert answers[0] == 1 and isinstance(answers[1], NotFound) and answers[2] == 3
    assert isinstance(answers[3], IntegrityError)
    assert db.read(ids) == [1, 3]


async def test_one_failing_freight_never_hurts_another(db: Db) -> None:
    loads = [
        Freight({outbox: [row(1), row(2)]}, tallies={"rows": 2}),
        Freight({outbox: [row(3), row(3)]}),
        Freight({outbox: [row(4)]}, [Signal("outbox", 4)], {"rows": 1}),
    ]
    heard: list[Signal] = []
    db.on_commit(heard.extend)
    answers = await together(db, *(db.aload(load) for load in loads), db.arun(put, 5))
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False, False]
    assert db.read(ids) == [1, 2, 4, 5]
    assert db.read(tally_of, "rows") == 3
    assert heard == [Signal("outbox", 4)]


async def test_numbers_are_gapless_across_merged_and_lone_freights(db: Db) -> None:
    def numbered(first: int) -> Freight:
        return Freight(
            {outbox: [row(first, ref=Next("uid:1"), due_at=Same("uid:1")), row(first + 1, ref=Next("uid:1"))]}
        )

    answers = await together(
        db, db.aload(numbered(10)), db.aload(numbered(20)), db.aload(numbered(10)), db.aload(numbered(30))
    )
    taken = [n for answer in answers if not isinstance(answer, Exception) for n in answer.numbers["uid:1"]]  # type: ignore[attr-defined]
    assert sorted(taken) == [1, 2, 3, 4, 5, 6]
    assert db.read(last_number, "uid:1") == 6


def test_derived_values_see_the_numbers(db: Db) -> None:
    load = Freight({outbox: [row(1, ref=Next("n"), last_error=Derived(lambda r: f"number {r['ref']}"))]})
    db.load(load)
    db.load(Freight({outbox: [row(2, ref=Next("n"), last_error=Derived(lambda r: f"number {r['ref']}"))]}))
    found = db.read(lambda session: list(session.execute(select(outbox.c.last_error).order_by(outbox.c.id)).scalars()))
    assert found == ["number 1", "number 2"]


def test_a_failed_work_gives_its_numbers_back(db: Db) -> None:
    def take_and_fail(session: Session) -> None:
        next_number(session, "n", 5)
        tally(session, "rows", 5)
        raise NotFound("no")

    with pytest.raises(NotFound):
        db.run(take_and_fail)
    assert db.run(next_number, "n") == 1
    assert db.read(tally_of, "rows") == 0


async def test_a_peer_that_hangs_up_does_not_stop_the_commit(db: Db) -> None:
    leave = hold_the_train(db)
    ride = asyncio.ensure_future(db.arun(put, 9))
    await asyncio.sleep(0)
    ride.cancel()
    asyncio.get_running_loop().call_later(0.05, leave.set)
    with pytest.raises(asyncio.CancelledError):
        await ride
    assert db.read(ids) == [9]


def test_signals_are_heard_after_the_commit_only(db: Db) -> None:
    heard: list[tuple[Signal, list[int]]] = []
    db.on_commit(lambda signals: heard.extend((s, db.read(ids)) for s in signals))

    def work(session: Session) -> None:
        put(session, 3)
        signal(session, "outbox", 3)

    def failing(session: Session) -> None:
        signal(session, "outbox", 4)
        raise NotFound("no")

    db.run(work)
    with pytest.raises(NotFound):
        db.run(failing)
    assert heard == [(Signal("outbox", 3), [3])]


def test_a_listener_that_fails_hurts_nobody(db: Db) -> None:
    def deaf(_signals: list[Signal]) -> None:
        raise RuntimeError("deaf")

    db.on_commit(deaf)
    db.run(lambda session: signal(session, "outbox", 1))
    assert db.run(put, 1) == 1


def test_readers_cannot_write(db: Db) -> None:
    with pytest.raises(Exception, match=r".*"):
        db.read(put, 1)
    assert db.read(ids) == []


def test_a_closed_database_says_so(database_url: str) -> None:
    database = Db.open(database_url, create=True)
    database.close()
    with pytest.raises(DatabaseDown):
        database.run(put, 1)


def test_what_was_answered_survives_a_new_start(database_url: str) -> None:
    first = Db.open(database_url, create=True)
    for number in range(20):
        first.run(put, number)
    first.close()
    second = Db.open(database_url)
    assert second.read(ids) == list(range(20))
    second.close()


@pytest.mark.slow  # it needs PostgreSQL
def test_other_processes_hear_on_postgresql(postgres, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import json
    import subprocess
    import sys

    url = postgres.create_database()
    database = Db.open(url, create=True)
    heard, some = [], threading.Event()

    def hear(signals: list[Signal]) -> None:
        heard.extend(signals)
        some.set()

    database.on_commit(hear)
    script = (
        "import sys; from core.db import Db, signal\n"
        "db = Db.open(sys.argv[1]); db.run(lambda s: signal(s, 'folder', 42)); db.close()"
    )
    for _ in range(20):  # the listener may still be connecting when the first is sent
        subprocess.run([sys.executable, "-c", script, url], check=True)
        if some.wait(0.5):
            break
    assert json.dumps(heard[0]) == '["folder", 42]'
    database.close()


async def test_many_at_once(db: Db) -> None:
    answers = await asyncio.gather(
        *(db.arun(put, n) for n in range(100)),
        *(db.aload(Freight({outbox: [row(1000 + n, ref=Next("m"))]})) for n in range(100)),
    )
    assert len(answers) == 200
    assert len(db.read(ids)) == 200
    assert db.read(lambda s: s.execute(select(counters.c.value).where(counters.c.name == "m")).scalar_one()) == 100


def test_a_train_that_derails_leaves_nobody_waiting(database_url: str) -> None:
    def derail(_session: Session) -> None:
        raise KeyboardInterrupt

    database = Db.open(database_url, create=True)
    for work in (derail, ids):
        with pytest.raises(DatabaseDown):
            database.run(work)
    assert database.failed.wait(60)
    database.close()


def test_a_read_sees_one_moment(db: Db) -> None:
    """What is committed while it looks, it does not see: not even in its next statement."""
    assert db.read(lambda session: (ids(session), db.run(put, 9), ids(session))) == ([], 9, [])
