"""What becomes of Celery's own part of a worker where its broker goes away, or turns it away."""

import threading
import time
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.worker.loops import _quick_drain
from structlog.testing import capture_logs

from core.setting_groups import Worker
from core.settings import Settings
from ops.crew import Crew
from ops.tasks import make_celery
from tests.support.brokers import Broker, RabbitMq, Redis
from tests.support.process import wait_until

HANDS = 2
AWAY_S = 3  # until each acknowledgement has failed
WAIT_S = 60
HEARD_S = 30  # by then no heartbeat has failed: the first is looked for after a minute

pytestmark = pytest.mark.slow


@pytest.fixture(params=[RabbitMq, Redis])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with request.param() as broker:
        yield broker


def made(url: str) -> tuple[Celery, Crew]:
    """A worker with nothing but a broker: no promises to sweep up."""
    app = make_celery(Settings(worker=Worker(broker=url)))
    return app, Crew(app, [], HANDS, embedded=False)


def test_hands_that_are_full_when_the_broker_goes_take_messages_when_it_is_back(broker: Broker) -> None:
    app, crew = made(broker.url)
    begun, ended = threading.Semaphore(0), threading.Semaphore(0)
    let_go, heard = threading.Event(), threading.Event()

    @app.task(name="tests.hold", shared=False)
    def hold() -> None:
        begun.release()
        assert let_go.wait(WAIT_S)
        ended.release()

    @app.task(name="tests.hear", shared=False)
    def hear() -> None:
        heard.set()

    crew.start()
    try:
        for _ in range(HANDS):
            hold.delay()
        assert all(begun.acquire(timeout=WAIT_S) for _ in range(HANDS))
        broker.stop()
        let_go.set()
        assert all(ended.acquire(timeout=WAIT_S) for _ in range(HANDS))
        time.sleep(AWAY_S)  # the length of the fault, not a wait for something
        broker.start()
        hear.delay()
        assert heard.wait(WAIT_S)
    finally:
        crew.stop()


def test_a_farewell_that_nobody_heard_is_missed_at_once() -> None:
    with RabbitMq() as broker:
        app, crew = made(broker.url)
        ready, heard = threading.Event(), threading.Event()

        @app.task(name="tests.ready", shared=False)
        def tell_ready() -> None:
            ready.set()

        @app.task(name="tests.hear", shared=False)
        def hear() -> None:
            heard.set()

        crew.start()
        try:
            tell_ready.delay()
            assert ready.wait(WAIT_S)
            first_read_of(crew)
            broker.hang_up()
            hear.delay()
            assert heard.wait(HEARD_S)
        finally:
            crew.stop()


def first_read_of(crew: Crew) -> None:
    """The worker's loop does again what it begins with: for a while it reads, and drops what it is told."""
    reads = threading.Event()

    def read() -> None:
        reads.set()
        _quick_drain(worker.consumer.connection, timeout=WAIT_S)

    worker = crew._worker
    assert worker
    worker.hub.call_soon(read)
    assert reads.wait(WAIT_S)


def test_who_is_turned_away_asks_again() -> None:
    with RabbitMq() as broker:
        app, crew = made(broker.url.replace("pli:", "late:"))
        heard = threading.Event()

        @app.task(name="tests.hear", shared=False)
        def hear() -> None:
            heard.set()

        with capture_logs() as logs:
            crew.start()
            try:
                wait_until(lambda: {"event": "worker.gave_up", "log_level": "error"} in logs, what="the refusal")
                broker.admit("late")
                hear.delay()
                assert heard.wait(WAIT_S)
            finally:
                crew.stop()
