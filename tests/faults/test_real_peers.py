"""The real peers of the flow and fault tests: each starts, serves, goes away, comes back with what it held."""

import socket
from collections.abc import Iterator
from pathlib import Path

import kombu
import psycopg
import pytest
from celery import Celery

from tests.support.brokers import Broker, RabbitMq, Redis
from tests.support.postgres import PostgresCluster
from tests.support.process import answers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[Redis, RabbitMq])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with request.param() as broker:
        yield broker


def send(app: Celery, number: int) -> None:
    app.send_task("pli.test", args=[number], queue="tests", retry=False)


def received(broker: Broker, count: int) -> list[int]:
    with kombu.Connection(broker.url) as connection, connection.SimpleQueue("tests") as queue:
        messages = [queue.get(timeout=60) for _ in range(count)]
        for message in messages:
            message.ack()
        return [message.payload[0][0] for message in messages]


def test_broker_keeps_tasks_over_a_stop(broker: Broker) -> None:
    app = Celery(broker=broker.url)
    send(app, 1)
    send(app, 2)
    broker.stop()
    assert not answers(broker.port)
    with pytest.raises(kombu.exceptions.OperationalError):
        send(app, 3)
    broker.start()
    send(app, 4)
    assert received(broker, 3) == [1, 2, 4]
    app.close()


HELLO = {"redis": b"PING\r\n", "amqp": b"AMQP\x00\x00\x09\x01"}


def test_broker_is_silent_while_paused(broker: Broker) -> None:
    broker.pause()
    with socket.create_connection(("127.0.0.1", broker.port), timeout=0.5) as client:
        client.sendall(HELLO[broker.url.partition(":")[0]])
        with pytest.raises(TimeoutError):
            client.recv(1)
        broker.resume()
        client.settimeout(60)
        assert client.recv(1)


def test_postgres_keeps_commits_over_a_crash(tmp_path: Path) -> None:
    with PostgresCluster() as cluster:
        url = cluster.create_database()
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("CREATE TABLE t (n int)")
            db.execute("INSERT INTO t VALUES (1)")
            assert db.execute("SHOW fsync").fetchone() == ("on",)
            assert db.execute("SHOW synchronous_commit").fetchone() == ("on",)
            cluster.stop()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        cluster.start()
        with psycopg.connect(url) as db:
            assert db.execute("SELECT n FROM t").fetchall() == [(1,)]
