"""A worker whose hands are full when the broker goes away takes messages again from the broker that comes back."""

import threading
import time
from collections.abc import Iterator

import pytest

from core.setting_groups import Outbox, Worker
from core.settings import Settings
from ops.crew import Crew
from ops.tasks import make_celery
from tests.support.brokers import Broker, RabbitMq, Redis

HANDS = 2
AWAY_S = 3  # until each acknowledgement has failed
WAIT_S = 60
FAR_S = 3600  # no sweep comes in between

pytestmark = pytest.mark.slow


@pytest.fixture(params=[RabbitMq, Redis])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with request.param() as broker:
        yield broker


def test_it_takes_messages_again(broker: Broker) -> None:
    settings = Settings(worker=Worker(broker=broker.url, concurrency=HANDS), outbox=Outbox(sweep_seconds=FAR_S))
    app, begun, ended = make_celery(settings), threading.Semaphore(0), threading.Semaphore(0)
    let_go, heard = threading.Event(), threading.Event()

    @app.task(name="tests.hold", shared=False)
    def hold() -> None:
        begun.release()
        assert let_go.wait(WAIT_S)
        ended.release()

    @app.task(name="tests.hear", shared=False)
    def hear() -> None:
        heard.set()

    crew = Crew(app, HANDS, embedded=False)
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
