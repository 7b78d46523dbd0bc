"""The database's one door: units of work in, frozen values out.

A unit of work is a plain function `work(session, *args)`. `Db` alone opens and commits sessions: writes ride the commit
train, reads run on a snapshot connection of their own. SQLite serves one process, PostgreSQL any number.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core import engines
from core.arrivals import expect
from core.freight import Derived, Freight, Loaded, Next, Same, Signal
from core.lookers import Lookers
from core.numbers import next_number, tally
from core.tables import metadata
from core.train import Train, Work

__all__ = ["Db", "Derived", "Freight", "Loaded", "Next", "Same", "Signal", "next_number", "signal", "tally"]

P = ParamSpec("P")
T = TypeVar("T")
Listening = Callable[[list[Signal]], None]


class Closing(Protocol):
    """What is closed with the database."""

    def close(self) -> None: ...


def signal(session: Session, topic: str, ref: int) -> None:
    """Say after the commit that `ref` of `topic` has changed; nothing is said when the work fails."""
    session.info.setdefault("signals", []).append(Signal(topic, ref))


class Db:
    """One database: its train, its readers, its listeners."""

    def __init__(self, url: str, *, create: bool = False) -> None:
        """Open `url` (sqlite:///… or postgresql://…); `create` makes missing tables, for tests and new instances."""
        self.url = engines.parse(url)
        self.failed = threading.Event()
        self._listeners: list[Listening] = []
        self._own_listeners: list[Listening] = []
        self._readers = engines.reader_engine(self.url)
        self._lookers = Lookers(engines.looker_engine(self.url, self._readers))
        self._threads = ThreadPoolExecutor(engines.READERS, thread_name_prefix="reader")
        writer = engines.writer_engine(self.url)
        if create:
            metadata.create_all(writer)
        self._train = Train(writer, _announcer(self.url), self._tell_own, self.failed.set)
        self._listener = _listener(self.url, self._tell)

    @classmethod
    def open(cls, url: str, *, create: bool = False) -> "Db":
        """The database at `url`. Raises DatabaseDown when `create` is asked and it does not answer."""
        try:
            return cls(url, create=create)
        except DBAPIError as error:
            raise engines.translate(error) from error

    def close(self) -> None:
        """Wait for the last commit, then let go of all connections."""
        self._train.close()
        if self._listener:
            self._listener.close()
        self._threads.shutdown()
        self._lookers.close()
        self._readers.dispose()

    def on_commit(self, heard: Listening) -> None:
        """`heard(signals)` is called after each commit that signals something, here or in another process.

        It runs on the train's or the listener's thread and must return at once.
        """
        self._listeners.append(heard)

    def on_own_commit(self, heard: Listening) -> None:
        """As `on_commit`, for what this process itself has committed: who acts on it must not act in each process."""
        self._own_listeners.append(heard)

    def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ride the train; return what `work` returns after the durable commit.

        Raises what `work` raises (its own changes are undone), StorageFull, DatabaseDown.
        """
        return cast("T", self._train.board(lambda session: work(session, *args, **kwargs)).result())

    def load(self, freight: Freight) -> Loaded:
        """Insert rows; return the numbers they took, after the durable commit. Raises as `run`."""
        return cast("Loaded", self._train.board(freight).result())

    def load_each(self, freights: Sequence[Freight]) -> list[Loaded | BaseException]:
        """`load` of each by itself, all at once: in their order the numbers, or the error that `load` would raise."""
        answers = [self._train.board(freight) for freight in freights]
        return [answer.exception() or answer.result() for answer in answers]

    async def arun(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`run` from the event loop."""
        return cast("T", await self._shielded(lambda session: work(session, *args, **kwargs)))

    async def aload(self, freight: Freight) -> Loaded:
        """`load` from the event loop."""
        return cast("Loaded", await self._shielded(freight))

    def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on a snapshot that cannot write. Raises what `work` raises, DatabaseDown."""
        try:
            with self._readers.connect() as connection, Session(bind=connection, autoflush=False) as session:
                return work(session, *args, **kwargs)
        except DBAPIError as error:
            raise engines.translate(error) from error

    def look(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read` for a few rows that are asked for all the time: no Session is made, and the connection stays this
        thread's, since both cost more than such a look. Raises as `read`."""
        try:
            with self._lookers.connection() as connection, connection.begin():
                return work(connection, *args, **kwargs)
        except DBAPIError as error:
            raise engines.translate(error) from error

    async def aread(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read` from the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self.read(work, *args, **kwargs))

    async def _shielded(self, load: Freight | Work) -> Any:
        """The peer may hang up; the commit still ends before we do."""
        arrival = expect()
        self._train.board_for(load, arrival)
        return await arrival.wait()

    def _tell(self, signals: list[Signal]) -> None:
        if signals:
            for heard in self._listeners:
                heard(signals)

    def _tell_own(self, signals: list[Signal]) -> None:
        if signals:
            for heard in (*self._listeners, *self._own_listeners):
                heard(signals)


def _announcer(url: URL) -> Callable[[Connection, list[Signal]], None]:
    if url.get_backend_name() == "sqlite":
        return _say_nothing
    from core.listen import notify  # PostgreSQL's driver, where PostgreSQL is used

    return notify


def _listener(url: URL, heard: Listening) -> Closing | None:
    if url.get_backend_name() == "sqlite":
        return None
    from core.listen import Listener

    return Listener(url, heard)


def _say_nothing(_connection: Connection, _signals: list[Signal]) -> None:
    """One process: everybody who listens is in it."""
