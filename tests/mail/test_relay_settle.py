"""What became of mails on their way out is written down, several at a time, by one process or by more."""

import asyncio
from contextlib import closing
from threading import Event

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.db import Db
from crypto.sealed import unwrap_key
from mail import relay_queue, relay_settle
from mail.envelope import Envelope
from mail.meta import key_aad
from mail.relay import BATCH
from mail.relay_connection import Result
from mail.relay_queue import Load, Patience
from mail.relay_reasons import Reason
from mail.relay_settle import Attempt
from mail.tables import message_keys
from tests.support.databases import ENGINES
from tests.support.operators import OTHER, PEER, World, numbered, peer_of, states, submit
from tests.support.post_office import PHARMACY, PostOffice

BOTH = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "sqlite"))


def attempt(office: PostOffice, load: Load, reason: Reason | None) -> Attempt:
    key = unwrap_key(office.queue.key, load.wrapped, key_aad(load.message_id))
    return Attempt(load, Envelope.unseal(key, load.sealed, load.id), key, [Result(0, reason)])


@BOTH
async def test_what_became_of_several_is_written_down_for_each(world: World) -> None:
    """One taken, one to be tried again, one refused for good: in one unit of work, each by itself."""
    peer = await peer_of(world)
    taken, later, never = (submit(world.office, OTHER, raw=numbered(number)) for number in range(3))
    office, rules = world.office, Patience()
    loads = await office.db.arun(relay_queue.lease, PEER, office.clock.now(), 60.0, BATCH, office.queue.holder_id)
    replies = {taken: None, later: Reason.PEER_LATER, never: Reason.PEER_REFUSED}
    attempts = [attempt(office, load, replies[load.message_id]) for load in loads]
    await office.db.arun(relay_settle.settle, attempts, office.clock.now(), rules, office.queue.holder_id)
    assert sorted(states(office)) == [
        ("failed", "peer-refused", "", "failed"),
        ("relayed", "", "", ""),
        ("waiting", "peer-later", "", ""),
    ]
    kept = office.db.read(relay_settle.keeps, [taken, later, never])
    assert kept == {later, never} and not peer.mails


async def test_one_that_cannot_be_written_down_has_no_other_sent_again(world: World) -> None:
    """All came while another was being written."""
    await peer_of(world)
    for number in range(3):
        submit(world.office, OTHER, raw=numbered(number))
    office, relay = world.office, world.relay()
    loads = await office.db.arun(relay_queue.lease, PEER, office.clock.now(), 60.0, BATCH, office.queue.holder_id)
    trigger = f"CREATE TRIGGER broken BEFORE UPDATE ON consigned WHEN NEW.consignment_id = {loads[1].id} "
    await office.db.arun(lambda session: session.execute(text(trigger + "BEGIN SELECT RAISE(ABORT, 'no'); END")))
    written = [relay._book.put(attempt(office, load, None)) for load in loads]
    failed = await asyncio.gather(*written, return_exceptions=True)
    assert [error is None for error in failed] == [True, False, True]
    assert sorted(state for state, *_ in states(office)) == ["relayed", "relayed", "waiting"]


@BOTH
async def test_of_two_processes_that_settle_one_mail_at_once_the_later_lets_go(world: World) -> None:
    """Each for an operator of its own; neither sees what the other has not committed."""
    await peer_of(world)
    world.list_peer(PEER, "autre.test")
    office, rules = world.office, Patience()
    submit(office, OTHER, "medecin@autre.test", PHARMACY)
    held = select(message_keys.c.message_id).where(message_keys.c.holder_id == office.queue.holder_id)
    assert office.db.read(lambda s: s.execute(held).all())
    now, holder = office.clock.now(), office.queue.holder_id
    first, second = (
        [attempt(office, load, None) for load in office.db.run(relay_queue.lease, domain, now, 60.0, 1, holder)]
        for domain in (PEER, "autre.test")
    )
    written, other_written = Event(), Event()

    def slow(session: Session) -> None:
        relay_settle.settle(session, first, now, rules, holder)
        written.set()
        other_written.wait(1.0)  # not for ever: it may have to wait for us

    with closing(Db.open(str(office.db.url.render_as_string(hide_password=False)))) as other:
        begun = asyncio.create_task(office.db.arun(slow))
        await asyncio.to_thread(written.wait)
        await other.arun(relay_settle.settle, second, now, rules, holder)
        other_written.set()
        await begun
    assert not office.db.read(lambda s: s.execute(held).all())
