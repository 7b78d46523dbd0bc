"""The production shape from the first day: server and workers as processes of their own on PostgreSQL, with RabbitMQ
and with Redis between them.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import aioimaplib
import pytest

from core.ids import token
from ops.demo.cast import PATIENTS
from ops.demo.client import Post
from ops.demo.papers import Papers
from ops.demo.scenario import Scenario
from ops.demo.stage import Stage
from ops.demo_files import PHOTO_DATE, prescription_pdf
from tests.support.brokers import RabbitMq, Redis
from tests.support.flow import STEPS, Flow
from tests.support.letters import PDF
from tests.support.pli_server import START_SECONDS, PliServer
from tests.support.postgres import PostgresCluster
from tests.support.process import wait_until
from tests.support.shape import Shape

pytestmark = pytest.mark.slow

LETTERS = 6


@pytest.fixture(scope="module", params=[RabbitMq, Redis], ids=["rabbitmq", "redis"])
def shape(request: pytest.FixtureRequest, postgres: PostgresCluster, folder: Path) -> Iterator[Shape]:
    place = folder / request.param.__name__.lower()
    place.mkdir()
    with request.param() as broker, Shape(place, broker, postgres) as shape:
        yield shape
    shape.flow.assert_clean(broker.url)


async def test_the_whole_main_job(shape: Shape) -> None:
    stage = Stage(Post(shape.flow.info, Papers(shape.home)), shape.home, lambda *_: None)
    await Scenario(stage).play()
    assert [step.step for step in stage.steps] == STEPS
    assert all(step.ok for step in stage.steps)
    shape.flow.wait_work_done()


async def test_what_a_worker_delivers_wakes_who_waits_at_the_server(shape: Shape) -> None:
    flow = shape.flow
    number = prescribed(flow)
    patient = await idle(flow)
    for to in ("taken", "preparing"):
        flow.ask("order.move", number=number, to=to, by=flow.pharmacy["login"])
        if to == "taken":
            flow.ask("order.confirm", number=number, by=flow.pharmacy["login"])
    waiting = await patient.idle_start(timeout=120)
    flow.ask("order.move", number=number, to="ready", by=flow.pharmacy["login"])
    said = b" ".join(await patient.wait_server_push(timeout=120))
    patient.idle_done()
    await waiting
    assert b"EXISTS" in said
    newest = (await patient.uid_search("ALL", charset=None)).lines[0].split()[-1].decode()
    fetched = await patient.uid("fetch", newest, "(BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])")
    assert flow.pharmacy["address"].encode() in b" ".join(bytes(line) for line in fetched.lines)
    await patient.logout()


def prescribed(flow: Flow) -> str:
    """A new prescription's order, drafted by a worker; its number."""
    seen = {row["number"] for row in flow.ask("order.list", by=flow.pharmacy["login"])}
    text = f"Bonjour, ma demande n° {time.monotonic_ns()}."
    files = [("ordonnance-inventée.pdf", PDF, prescription_pdf(PATIENTS[1], PHOTO_DATE))]
    letter = flow.write(flow.patient(1), flow.pharmacy["address"], "Ordonnance inventée", text=text, files=files)
    assert flow.submit(flow.patient(1), letter.raw, flow.pharmacy["address"]).code == 250
    by = flow.pharmacy["login"]
    new = flow.until(
        lambda: [row["number"] for row in flow.ask("order.list", by=by) if row["number"] not in seen], "the order"
    )
    assert len(new) == 1
    return new[0]


async def idle(flow: Flow) -> aioimaplib.IMAP4_SSL:
    """The patient's mail program, INBOX selected, ready to wait."""
    client = aioimaplib.IMAP4_SSL("localhost", flow.server.port("imaps"), timeout=120, ssl_context=flow.context())
    await client.wait_hello_from_server()
    await client.login(flow.patient(1)["login"], flow.patient(1)["password"])
    assert (await client.select("INBOX")).result == "OK"
    return client


def test_mail_is_taken_read_and_worked_on_without_the_broker(shape: Shape) -> None:
    flow, by = shape.flow, shape.flow.pharmacy["login"]
    seen = {row["number"] for row in flow.ask("order.list", by=by)}
    shape.broker.stop()
    try:
        files = [("ordonnance-inventée.pdf", PDF, prescription_pdf(PATIENTS[2], PHOTO_DATE))]
        letter = flow.write(flow.patient(2), flow.pharmacy["address"], "Sans courtier", files=files)
        assert flow.submit(flow.patient(2), letter.raw, flow.pharmacy["address"]).code == 250
        assert flow.fetch(flow.pharmacy, letter.message_id)[0] == letter.raw
        flow.until(lambda: {row["number"] for row in flow.ask("order.list", by=by)} - seen, "the order", seconds=120)
        ends_as_asked(shape.workers[0])
        shape.workers[0].start(wait=False)
    finally:
        shape.broker.start()
    flow.wait_work_done()


def test_either_worker_does_all_of_the_work_while_the_other_is_away(shape: Shape) -> None:
    either_does_all(shape)


def test_a_worker_that_has_never_met_its_broker_works(shape: Shape) -> None:
    shape.broker.stop()
    try:
        either_does_all(shape)
    finally:
        shape.broker.start()


def either_does_all(shape: Shape) -> None:
    """Each worker in turn, the other away."""
    flow, before = shape.flow, filed(shape.flow)
    for away in shape.workers:
        ends_as_asked(away)
        for _ in range(LETTERS):
            write_note(flow)
        flow.wait_work_done()
        away.start(wait=False)
    assert all(worker.running for worker in shape.workers)
    sent = LETTERS * len(shape.workers)
    assert [now - then for now, then in zip(filed(flow), before, strict=True)] == [sent, sent]
    assert flow.pli("verify-data", "--json")["problems"] == []


def ends_as_asked(worker: PliServer) -> None:
    """By itself, not killed after the patience of `stop`, whether it has a broker or looks for one."""
    wait_until(worker.heeds, seconds=START_SECONDS, what="the worker")
    worker.stop()
    assert worker.process.returncode == 0


def write_note(flow: Flow) -> None:
    """A text of its own from the patient to the pharmacy."""
    number = token(4)
    files = [(f"note-inventée-{number}.txt", "text/plain", f"Note inventée numéro {number}".encode())]
    letter = flow.write(flow.patient(0), flow.pharmacy["address"], f"Note inventée {number}", files=files)
    assert flow.submit(flow.patient(0), letter.raw, flow.pharmacy["address"]).code == 250


def filed(flow: Flow) -> tuple[int, int]:
    """Documents, and messages that have some."""
    return flow.rows("SELECT count(*), count(DISTINCT message_id) FROM documents")[0]


def test_the_log_names_nobody(shape: Shape) -> None:
    shape.flow.assert_clean("ordonnance-inventée", shape.broker.url)
