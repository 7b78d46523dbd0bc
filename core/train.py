"""The commit train: concurrent units of work ride one durable commit.

One thread takes whatever waits, runs it in one transaction, commits once, then answers all. Two kinds of passengers:
a *work* (a function, inside its own SAVEPOINT) and *freight* (rows, merged into one executemany per table). One failing
passenger never hurts another: after a merged insert that failed the train starts again, each freight in a SAVEPOINT.
"""

import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Protocol, cast

import structlog
from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.engines import StoreBroken, is_collision, translate
from core.errors import DatabaseDown, StorageFull
from core.freight import Freight, Loaded, Row, Signal, fill, wanted
from core.inserts import insert_rows
from core.numbers import take_all, tally_all
from core.tables import metadata

MOST_PASSENGERS = 256
MOST_TRIES = 5
GATHER_S, GATHER_TURNS = 0.002, 4

Work = Callable[[Session], Any]

log = structlog.get_logger()


class Answer(Protocol):
    """What a passenger's owner waits for; given from the train's thread."""

    def done(self) -> bool: ...
    def set_result(self, result: Any) -> None: ...
    def set_exception(self, error: BaseException) -> None: ...


@dataclass(eq=False)
class Passenger:
    """One unit on the train, and what its owner waits for."""

    load: Freight | Work
    answer: Answer
    tries: int = 0
    result: Any = None
    error: BaseException | None = None
    signals: list[Signal] = field(default_factory=list)


class _TakeApart(Exception):
    """The merged insert has failed: the train starts again, each freight by itself."""


class Train:
    """Owns the writer connection; `board` may be called from any thread."""

    def __init__(
        self,
        engine: Engine,
        announce: Callable[[Connection, list[Signal]], None],
        committed: Callable[[list[Signal]], None],
        broken: Callable[[], None],
    ) -> None:
        """`announce` speaks inside the transaction, `committed` after it, `broken` when a sync failed."""
        self._engine = engine
        self._announce = announce
        self._committed = committed
        self._on_broken = broken
        self._waiting: queue.SimpleQueue[Passenger | None] = queue.SimpleQueue()
        self._rode = 1  # passengers of the last rides, about
        self._expected = sys.maxsize  # how many more the driver waits for, while it does
        self._complete = threading.Event()
        self._closed = False
        self._broken = False
        self._derailed = False
        self._thread = threading.Thread(target=self._drive, name="commit-train", daemon=True)
        self._thread.start()

    def board(self, load: Freight | Work) -> "Future[Any]":
        """Queue a passenger; its future is done after the durable commit, or holds the error."""
        answer: Future[Any] = Future()
        self.board_for(load, answer)
        return answer

    def board_for(self, load: Freight | Work, answer: Answer) -> None:
        """As `board`, with the answer that the owner has brought."""
        passenger = Passenger(load, answer)
        if self._closed or self._broken:
            passenger.answer.set_exception(_stopped())
        else:
            self._waiting.put(passenger)
            if self._waiting.qsize() >= self._expected:
                self._complete.set()
            if self._derailed:
                self._turn_away()

    def close(self) -> None:
        """Let everyone who waits ride, then stop."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def _drive(self) -> None:
        passengers: list[Passenger] = []
        try:
            while (first := self._waiting.get()) is not None:
                passengers = self._gather(first)
                self._ride(passengers)
                self._answer(passengers)
        except BaseException as error:  # unforeseen; with no train everybody would wait for ever
            self._derail(passengers)
            log.critical("train.derailed", cause=type(error).__name__)
        finally:
            self._engine.dispose()

    def _derail(self, passengers: list[Passenger]) -> None:
        """Nothing can be promised any more: all are told so, and the process must end."""
        self._broken = self._derailed = True
        for passenger in passengers:
            if not passenger.answer.done():
                passenger.answer.set_exception(_stopped())
        self._turn_away()
        self._on_broken()

    def _turn_away(self) -> None:
        with suppress(queue.Empty):
            while True:
                passenger = self._waiting.get_nowait()
                if passenger is not None:
                    passenger.answer.set_exception(_stopped())

    def _gather(self, first: Passenger) -> list[Passenger]:
        """Whoever waits; and while many ride, for a moment those who are about to come: a commit costs the same for
        one as for twenty. After a lone ride nobody is waited for. The driver sleeps meanwhile: to be woken for each
        who comes would cost them more than the ride."""
        self._wait_for_others()
        passengers = [first]
        with suppress(queue.Empty):
            while len(passengers) < MOST_PASSENGERS:
                following = self._waiting.get_nowait()
                if following is None:
                    self._waiting.put(None)  # close() speaks last
                    break
                passengers.append(following)
        self._rode = max(len(passengers), self._rode * 3 // 4)
        return passengers

    def _wait_for_others(self) -> None:
        """Until there are as many as rode lately, and as long as they keep coming. Whoever completes them wakes the
        driver: to be woken for each would cost more than the ride, and while it rides beside them they contend for the
        interpreter."""
        self._expected, come = self._rode - 1, -1
        for _ in range(GATHER_TURNS):
            self._complete.clear()
            waiting = self._waiting.qsize()
            if waiting >= self._expected or waiting == come:
                break
            come = waiting
            self._complete.wait(GATHER_S)
        self._expected = sys.maxsize

    def _ride(self, passengers: list[Passenger], *, merged: bool = True) -> None:
        """One transaction; whatever ends it badly is each passenger's error."""
        if self._broken:
            return _fail_all(passengers, DatabaseDown("the database does not answer", "an earlier sync failed"))
        try:
            with self._engine.connect() as connection, connection.begin():
                self._load_freight(connection, [p for p in passengers if isinstance(p.load, Freight)], merged)
                self._do_works(connection, [p for p in passengers if not isinstance(p.load, Freight)])
                signals = [s for p in passengers if p.error is None for s in p.signals]
                self._announce(connection, signals)
        except _TakeApart:  # nothing of it was kept
            return self._ride(passengers, merged=False)
        except Exception as error:
            return self._fail(passengers, translate(error))
        return self._tell(signals)

    def _fail(self, passengers: list[Passenger], error: BaseException) -> None:
        log.error("train.failed", passengers=len(passengers), cause=type(error).__name__)
        self._broken = self._broken or isinstance(error, StoreBroken)
        _fail_all(passengers, error)
        if isinstance(error, StoreBroken):
            self._on_broken()

    def _tell(self, signals: list[Signal]) -> None:
        try:
            self._committed(signals)
        except Exception:
            log.exception("train.listener_failed")

    def _load_freight(self, connection: Connection, freights: list[Passenger], merged: bool) -> None:
        if not merged:
            for passenger in freights:
                _alone(connection, passenger, partial(_insert, connection, [passenger]))
        elif freights:
            try:
                _insert(connection, freights)
            except DBAPIError as error:
                _rethrow_if_total(error)
                raise _TakeApart from error

    def _do_works(self, connection: Connection, works: list[Passenger]) -> None:
        for passenger in works:
            _alone(connection, passenger, partial(_do, connection, passenger))

    def _answer(self, passengers: list[Passenger]) -> None:
        for passenger in passengers:
            if passenger.error is not None and is_collision(passenger.error) and passenger.tries < MOST_TRIES:
                passenger.tries, passenger.error = passenger.tries + 1, None
                passenger.signals.clear()
                self._ride([passenger])
                self._answer([passenger])
            elif passenger.error is not None:
                passenger.answer.set_exception(translate(passenger.error))
            else:
                passenger.answer.set_result(passenger.result)


def _stopped() -> DatabaseDown:
    return DatabaseDown("the database does not answer", "the commit train has stopped")


def _fail_all(passengers: list[Passenger], error: BaseException) -> None:
    for passenger in passengers:
        passenger.error = passenger.error or error


def _alone(connection: Connection, passenger: Passenger, action: Callable[[], None]) -> None:
    """Run in a SAVEPOINT; an error stays with this passenger unless it takes the whole transaction along."""
    savepoint = connection.begin_nested()
    try:
        action()
    except Exception as error:
        _rethrow_if_total(error)
        savepoint.rollback()
        passenger.error = error
        passenger.signals.clear()
    else:
        savepoint.commit()


def _rethrow_if_total(error: Exception) -> None:
    """No room, no disk, no connection: the database itself has ended the transaction."""
    if not is_collision(error) and isinstance(translate(error), StorageFull | DatabaseDown):
        raise error


def _do(connection: Connection, passenger: Passenger) -> None:
    work = cast("Work", passenger.load)
    with Session(bind=connection, join_transaction_mode="rollback_only", autoflush=False) as session:
        passenger.result = work(session)
        session.commit()  # flushes only: the transaction is the train's
        passenger.signals = list(dict.fromkeys(session.info.get("signals", ())))


def _insert(connection: Connection, passengers: list[Passenger]) -> None:
    """All freights in one executemany per table and set of columns, parents first."""
    freights = [p.load for p in passengers if isinstance(p.load, Freight)]
    first = take_all(connection, wanted(freights))
    batches: dict[tuple[Table, tuple[str, ...]], list[Row]] = {}
    for passenger, freight in zip(passengers, freights, strict=True):
        tables, numbers = fill(freight, first)
        passenger.result, passenger.signals = Loaded(numbers), list(freight.signals)
        for table, rows in tables.items():
            for row in rows:
                batches.setdefault((table, tuple(row)), []).append(row)
    order = _order(len(metadata.tables))
    for (table, columns), rows in sorted(batches.items(), key=lambda batch: order[batch[0][0]]):
        insert_rows(connection, table, columns, rows)
    tally_all(connection, _sum(freight.tallies for freight in freights))


@lru_cache(maxsize=1)
def _order(_tables: int) -> dict[Table, int]:
    """Parents first; sorted again only when a table was registered since."""
    return {table: place for place, table in enumerate(metadata.sorted_tables)}


def _sum(counts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total
