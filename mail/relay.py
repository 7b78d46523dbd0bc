"""The way out: takes what is due, destination by destination, and hands it to the other operators.

One task ("lane") is one connection: it leases a few consignments, sends them one after another on that connection,
writes down the results while the next one travels, and leaves when nothing is due. Handlers are harmless twice: what
was sent and not written down is sent again, and the peer knows repeats.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO

import structlog

from core import outbox
from core.clock import Clock
from core.db import Db
from core.errors import PliError
from core.freight import Signal
from crypto.committing import SealBroken
from crypto.sealed import SealedReader, unseal, unwrap_key
from mail import relay_queue
from mail.blobs import Blobs
from mail.consign import RELAY_TOPIC, Queue
from mail.envelope import Envelope
from mail.meta import key_aad
from mail.relay_connection import Connection, Dialler, Failed, Result
from mail.relay_queue import Load, Patience
from mail.relay_settle import Attempt, settle
from mail.spool import body_aad

BATCH = 20  # consignments leased at a time by one lane
LOOK_S = 5.0  # how often due mail is looked for when nobody wakes us
PAUSE_S = 0.02  # between two looks: what comes meanwhile is seen by the second

log = structlog.get_logger()


@dataclass(frozen=True)
class Rules:
    """`lanes`: connections at a time to one destination; `lanes_in_all` to all of them."""

    patience: Patience = field(default_factory=Patience)
    lanes: int = 4
    lanes_in_all: int = 50
    lease_s: float = 120.0
    linger_s: float = 2.0  # an idle connection is kept so long for the next mail


class Relay:
    """Give `heard` to `Db.on_commit`; `run` until cancelled, on any event loop."""

    def __init__(self, db: Db, clock: Clock, blobs: Blobs, queue: Queue, dialler: Dialler, rules: Rules) -> None:
        self._db = db
        self._clock = clock
        self._blobs = blobs
        self._queue = queue
        self._dialler = dialler
        self._rules = rules
        self._lanes: dict[str, set[asyncio.Task[None]]] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._book = _Book(self._write)
        self._wake: Callable[[], None] = lambda: None

    def heard(self, signals: list[Signal]) -> None:
        """Something is due. From any thread."""
        if any(signal.topic == RELAY_TOPIC for signal in signals):
            self._wake()

    async def run(self) -> None:
        """Relay until cancelled; what is on its way then is taken up again when its lease has run out."""
        loop, due = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(due.set)

        self._wake = wake
        try:
            while True:
                due.clear()
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(due.wait(), LOOK_S)
                await asyncio.sleep(PAUSE_S)
        finally:
            await self._stop()

    async def flush(self) -> None:
        """All that is due now, once: for tests and `pli queue retry`."""
        await self._look()
        while running := [task for tasks in self._lanes.values() for task in tasks]:
            await asyncio.wait(running)

    async def _look(self) -> None:
        try:
            due = await self._db.aread(relay_queue.due_domains, self._clock.now())
        except PliError as error:
            log.warning("relay.cannot_look", cause=error.cause)
            return
        for domain, count in due.items():
            running = self._lanes.setdefault(domain, set())
            if domain in self._news:
                self._news[domain].set()
            wanted = min(self._rules.lanes, -(-count // BATCH))
            room = self._rules.lanes_in_all - sum(map(len, self._lanes.values()))
            for _ in range(min(wanted - len(running), room)):
                task = asyncio.create_task(self._lane(domain))
                running.add(task)
                task.add_done_callback(running.discard)

    async def _stop(self) -> None:
        tasks = [task for tasks in self._lanes.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._book.closed()

    async def _lane(self, domain: str) -> None:
        """One connection's life."""
        trip = _Trip()
        try:
            while not trip.failure:
                loads = await self._lease(domain)
                if loads:
                    async with _held(self._db, self._clock, loads, self._rules.lease_s):
                        await self._work(domain, loads, trip)
                elif trip.connection is None or not await self._more(domain):
                    break
        except PliError as error:
            log.warning("relay.failed", domain=domain, cause=error.cause)
        except Exception:
            log.exception("relay.failed", domain=domain)
        finally:
            if trip.connection is not None:
                await trip.connection.quit()

    async def _more(self, domain: str) -> bool:
        """Whether mail for the domain comes while an idle connection lingers."""
        try:
            async with asyncio.timeout(self._rules.linger_s):
                await self._news.setdefault(domain, asyncio.Event()).wait()
        except TimeoutError:
            return False
        self._news[domain].clear()
        return True

    async def _lease(self, domain: str) -> list[Load]:
        rules, holder = self._rules, self._queue.holder_id
        return await self._db.arun(relay_queue.lease, domain, self._clock.now(), rules.lease_s, BATCH, holder)

    async def _work(self, domain: str, loads: list[Load], trip: "_Trip") -> None:
        """Send them; results are written while the next one travels. Nobody answers: the others need not try."""
        written: list[asyncio.Future[None]] = []
        for load in loads:
            try:
                key = unwrap_key(self._queue.key, load.wrapped, key_aad(load.message_id))
                envelope = Envelope.unseal(key, load.sealed, load.id)
                results = await self._attempt(domain, load, envelope, key, trip)
            except (SealBroken, OSError) as error:
                log.error("relay.unreadable", message_id=load.message_id, cause=type(error).__name__)
                continue  # its lease runs out; `pli verify-data` names the damage
            written.append(self._book.put(Attempt(load, envelope, key, results)))
        await _all_of(written)

    async def _attempt(self, domain: str, load: Load, envelope: Envelope, key: bytes, trip: "_Trip") -> list[Result]:
        try:
            if trip.failure:
                raise trip.failure
            raw = await self._raw(load, key)
            if trip.connection is None or not trip.connection.is_open:
                trip.connection = None
                trip.connection = await self._dialler.dial(domain)
            return await trip.connection.send(envelope, load.places, raw)
        except Failed as error:
            trip.failure = error if trip.connection is None else None
            trip.connection = None
            return [Result(place, error.reason, error.reply) for place in load.places]

    async def _raw(self, load: Load, key: bytes) -> bytes:
        if load.storage == "row":
            return unseal(key, load.sealed_body or b"", body_aad(load.body_id))
        return await asyncio.to_thread(self._from_file, load.body_id, key)

    def _from_file(self, body_id: int, key: bytes) -> bytes:
        with self._blobs.open(body_id) as file:
            reader, buffer = SealedReader(file, key, body_aad(body_id)), BytesIO()
            for offset in range(0, reader.size, 1024 * 1024):
                buffer.write(reader.read_range(offset, 1024 * 1024))
        return buffer.getvalue()

    async def _write(self, attempts: list[Attempt]) -> None:
        now, holder = self._clock.now(), self._queue.holder_id
        await self._db.arun(settle, attempts, now, self._rules.patience, holder)
        for attempt in attempts:
            if attempt.results:
                self._tell(attempt.load, attempt.results)

    def _tell(self, load: Load, results: Sequence[Result]) -> None:
        taken = sum(result.reason is None for result in results)
        words = sorted({result.reason.value for result in results if result.reason})
        report = log.info if taken == len(results) else log.warning
        report("relay.sent", message_id=load.message_id, domain=load.domain, taken=taken, count=len(results), why=words)


@dataclass
class _Trip:
    """A lane's connection, or why there is none."""

    connection: Connection | None = None
    failure: Failed | None = None


class _Book:
    """Results are written while the next mails travel: those of all lanes that come meanwhile, together after that, or
    each by itself where one of them cannot be written."""

    def __init__(self, write: Callable[[list[Attempt]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[tuple[Attempt, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def put(self, attempt: Attempt) -> asyncio.Future[None]:
        """Done when it is written, or with the error that kept it from being: its lease runs out, it is sent again."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((attempt, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._all())
        return written

    async def closed(self) -> None:
        """What was put is written, or has failed."""
        if self._writer:
            await self._writer

    async def _all(self) -> None:
        while self._waiting:
            turn, self._waiting = self._waiting, []
            error = await _failure(self._write([attempt for attempt, _ in turn]))
            apart = error and len(turn) > 1 and not isinstance(error, PliError)  # else the database is away for all
            for attempt, written in turn:
                failed = await _failure(self._write([attempt])) if apart else error
                if not written.done():
                    written.set_exception(failed) if failed else written.set_result(None)


async def _all_of(written: Sequence[asyncio.Future[None]]) -> None:
    """Until nothing is under way any more. Raises the first error."""
    for error in await asyncio.gather(*written, return_exceptions=True):
        if error:
            raise error


async def _failure(work: Awaitable[None]) -> Exception | None:
    try:
        await work
    except Exception as error:
        return error
    return None


class _held:
    """Leases are renewed while their work goes on."""

    def __init__(self, db: Db, clock: Clock, loads: list[Load], seconds: float) -> None:
        self._db, self._clock, self._seconds = db, clock, seconds
        self._ids = [load.promise_id for load in loads]

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._renew())

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            with suppress(PliError):
                await self._db.arun(outbox.extend, self._ids, self._clock.now(), self._seconds)
