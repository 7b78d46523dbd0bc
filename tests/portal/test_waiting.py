"""Nothing promised is forgotten: the posts ring again for what waits too long, and on the day of a promise."""

from datetime import timedelta

from sqlalchemy import func, select

from core.tables import outbox
from portal.waiting import Waiting, alarm
from record.order_book import WAIT_KIND
from record.order_facts import Wish, pharmacy_topic
from record.order_thread import add_letter, mark_seen, waits_since
from record.orders import State
from tests.support.kept import ordered, prescribed
from tests.support.portal_world import World, confirmed, moved


def armed(world: World) -> int:
    query = select(func.count()).where(outbox.c.kind == WAIT_KIND)
    return world.kept.db.read(lambda session: session.execute(query).scalar_one())


def rings(world: World, order_id: int) -> int:
    heard: list[int] = []
    topic = pharmacy_topic(world.kept.pharmacy.mailbox.id)
    world.kept.db.on_commit(lambda signals: heard.extend(ref for name, ref in signals if name == topic))
    kept = world.kept
    Waiting(kept.db, kept.keyring, kept.clock, world.services.orders)(order_id)
    return len(heard)


def test_a_new_order_rings_again_until_somebody_takes_it(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    assert armed(world) == 1 and rings(world, order.id) == 0 and armed(world) == 2
    world.kept.clock.advance(31 * 60)
    assert rings(world, order.id) == 1 and armed(world) == 3
    assert alarm(order, (), 30, world.kept.clock.now()) == ("sans réponse depuis %(count)s min.", 31)
    assert alarm(order, (), 0, world.kept.clock.now()) == ("", 0)
    moved(world.kept, order, State.TAKEN)
    assert rings(world, order.id) == 0 and armed(world) == 3


def test_on_the_day_of_a_promise(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    order = moved(world.kept, confirmed(world.kept, moved(world.kept, order, State.TAKEN)), State.PREPARING)
    day = world.kept.clock.now().date() + timedelta(days=2)
    order = moved(world.kept, order, State.PARTLY_READY, Wish("", ("A",), day))
    assert rings(world, order.id) == 0
    world.kept.clock.advance(2 * 86_400)
    assert rings(world, order.id) == 1


def test_a_message_that_nobody_reads_rings(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    order = moved(world.kept, order, State.TAKEN)
    message = prescribed(world.kept)
    world.kept.db.run(add_letter, world.kept.keyring, order, message, "<a@x.example>", True, world.kept.clock.now())
    before = armed(world)
    world.kept.db.run(world.services.orders.written, order, world.kept.clock.now())
    assert armed(world) == before + 1 and rings(world, order.id) == 0
    world.kept.clock.advance(31 * 60)
    since = world.kept.db.read(waits_since, order.id)
    said = ("un message du patient n'est pas lu depuis %(count)s min.", 31)
    assert alarm(order, (), 30, world.kept.clock.now(), since) == said
    assert rings(world, order.id) == 1
    world.kept.db.run(mark_seen, order, world.kept.clock.now())
    assert world.kept.db.read(waits_since, order.id) is None and rings(world, order.id) == 0


def test_an_order_that_is_gone_is_nobody_s_fault(world: World):
    assert rings(world, 12) == 0
