"""Open boards are told together; what was opened for them is kept in memory only as long as every key is there."""

import asyncio
import json

from sqlalchemy import delete, func, select

from core.errors import NotFound
from core.freight import Signal
from core.tables import audit
from directory.holders import TOPIC, destroy_holder
from directory.patients import get_patient
from mail.tables import message_keys
from portal.cards import Known
from portal.desk import Desk
from portal.mine import FOLLOWED
from portal.openings import OVERHEAD, Openings
from portal.reads import Reads
from portal.session import Visitor
from portal.telling import Board
from portal.together import Together
from record.order_detail import Detail
from record.order_facts import Order, Wish
from record.orders import State
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import OTHER, World, moved

LINES = "PARACÉTAMOL 1 g, comprimé : 1 comprimé matin et soir pendant 5 jours"


def visitor(world: World, login: str = PHARMACY) -> Visitor:
    """Somebody who has just signed in."""
    sessions = world.app.state.front.sessions
    found = sessions.find(world.signed_in(login).client.cookies[sessions.cookie], active=False)
    assert found is not None
    return found


def told(world: World, order: Order, *boards: Board) -> list[str]:
    """What boards get that wake at the same moment."""

    async def everybody() -> list[str]:
        return await asyncio.gather(*(world.app.state.work.telling.told(board, order.id) for board in boards))

    return asyncio.run(everybody())


def entries(world: World, action: str) -> int:
    query = select(func.count()).where(audit.c.action == action, audit.c.outcome == "allowed")
    return world.kept.db.read(lambda session: session.execute(query).scalar_one())


def test_each_board_gets_the_card_with_its_own_token_and_its_own_entry(world: World):
    order = ordered(world.kept, prescribed(world.kept), LINES)
    moved(world.kept, order, State.QUESTION, wish=Wish("La photo est floue."))
    readers = [visitor(world) for _ in range(3)]
    found = told(world, order, *(Board(reader, "fr") for reader in readers), Board(readers[0], "en"))
    assert entries(world, "order.read") == 3
    for reader, data in zip([*readers, readers[0]], found, strict=True):
        card = json.loads(data)
        assert card["order"] == order.number and card["column"] == "a-preciser"
        tokens = {each.form_token for each in readers if each.form_token in card["html"]}
        assert tokens == {reader.form_token} and card["html"].count('name="jeton"') == card["html"].count(
            f'value="{reader.form_token}"'
        )
    assert "Réponse reçue, reprendre" in found[0] and "Réponse reçue" not in found[3]


def test_another_pharmacy_is_told_nothing(world: World):
    order = ordered(world.kept, prescribed(world.kept), LINES)
    assert told(world, order, Board(visitor(world, OTHER), "fr")) == [""]
    assert entries(world, "order.read") == 0


def test_who_asks_together_is_answered_by_one_look():
    looks: list[tuple[int, tuple[str, ...]]] = []

    def look(ref: int, readers: tuple[str, ...]) -> int:
        looks.append((ref, readers))
        if ref == 13:
            raise NotFound("rien", "nothing")
        return ref * 2

    async def everybody() -> list[object]:
        together = Together(look)
        impatient = asyncio.create_task(together.ask(1, 4, "hangs up"))
        await asyncio.sleep(0)
        asking = [together.ask(1, 4, "a"), together.ask(1, 4, "b"), together.ask(1, 5, "c"), together.ask(2, 4, "d")]
        waiting = [asyncio.ensure_future(each) for each in (*asking, together.ask(1, 13, "e"))]
        await asyncio.sleep(0)
        impatient.cancel()
        return [*await asyncio.gather(*waiting, return_exceptions=True), await together.ask(1, 4, "late")]

    *answers, failed, late = asyncio.run(everybody())
    assert answers == [8, 8, 10, 8] and isinstance(failed, NotFound) and late == 8
    assert sorted(looks) == [(4, ("d",)), (4, ("hangs up", "a", "b")), (4, ("late",)), (5, ("c",)), (13, ("e",))]


def test_a_destroyed_patient_leaves_the_board_and_the_memory(world: World):
    kept = world.kept
    order = ordered(kept, prescribed(kept), LINES)
    reader = visitor(world)
    desk = Desk(world.services, Reads(world.services), openings := Openings())
    assert sum(len(column.cards) for column in desk.board(reader)) == 1
    assert openings.get(reader.holder_id, order) is not None
    assert openings.get(kept.patient.mailbox.holder_id, order) is None  # what one key opened is not for another's
    patient = kept.db.read(get_patient, kept.patient_id)
    kept.db.run(destroy_holder, patient.holder_id)
    assert not any(column.cards for column in desk.board(reader))  # asked of the database, before any signal came
    openings.heard([Signal("order", patient.holder_id)])
    assert openings.get(reader.holder_id, order) is not None
    openings.heard([Signal(TOPIC, patient.holder_id)])
    assert openings.get(reader.holder_id, order) is None


def test_the_pages_themselves_forget_with_the_key(world: World):
    kept = world.kept
    order = ordered(kept, prescribed(kept), LINES)
    browser = world.signed_in(PHARMACY)
    assert order.number in browser.get("/officine").text
    kept.db.run(destroy_holder, kept.db.read(get_patient, kept.patient_id).holder_id)
    assert order.number not in browser.get("/officine").text


def test_a_mail_that_is_gone_is_not_vouched_for_from_memory(world: World):
    kept = world.kept
    order = ordered(kept, prescribed(kept), LINES)
    browser = world.signed_in(PHARMACY)
    before = browser.get("/officine").text
    mine = message_keys.c.holder_id == kept.pharmacy.mailbox.holder_id
    gone = delete(message_keys).where(message_keys.c.message_id == order.message_id, mine)
    kept.db.run(lambda session: session.execute(gone) and None)
    after = browser.get("/officine").text
    assert order.number in after and 'class="badge none"' in before and before != after


def test_the_memory_is_bounded():
    openings, people = Openings(most=3 * OVERHEAD), iter(range(100, 200))
    made = [Order(each, "AAA-AAAA", 1, 2, 3, State.RECEIVED, 1, 0, 0) for each in range(5)]
    for order in made:
        openings.put(7, next(people), Known(order, None, Detail(), None))  # type: ignore[arg-type]
    held = [order.id for order in made if openings.get(7, order)]
    assert held == [3, 4]  # two, with what their texts take
    openings.heard([Signal(TOPIC, 7)])
    assert not [order for order in made if openings.get(7, order)]


def test_an_order_that_moves_while_it_is_looked_at_is_looked_at_again(world: World):
    """Between the entry in the trail and the look at it a colleague moved it: the new version is traced and shown."""
    order = ordered(world.kept, prescribed(world.kept), "Compression stockings")
    reader = visitor(world)

    class Meanwhile(Reads):
        def trace_for(self, visitors, orders):
            super().trace_for(visitors, orders)
            if entries(world, "order.read") == 1:
                moved(world.kept, order, State.TAKEN)

    desk = Desk(world.services, Meanwhile(world.services), Openings())
    (card,) = (card for column in desk.board(reader) for card in column.cards)
    assert card.order.state is State.TAKEN and entries(world, "order.read") == 2


def test_a_patient_with_many_orders_opens_the_mails_of_the_later_ones_by_hand(world: World):
    message_id = prescribed(world.kept)
    numbers = [
        ordered(world.kept, message_id if not place else prescribed(world.kept), LINES).number
        for place in range(FOLLOWED + 2)
    ]
    browser = world.signed_in(world.patient_login)
    page = browser.get("/p").text
    assert page.count('<ol class="thread">') == FOLLOWED
    closed = [number for number in numbers if f'href="/p?fil={number}#f{number}"' in page]
    assert len(closed) == 2 and all(f"/p/repondre/{number}" not in page for number in closed)
    asked = browser.get(f"/p?fil={closed[0]}").text
    assert f'<details id="f{closed[0]}" open>' in asked and f"/p?auto=1&amp;fil={closed[0]}" in asked
    assert asked.count('<ol class="thread">') == FOLLOWED + 1
    hostile = browser.get("/p?fil=%22%3E%3Cscript%3E").text
    assert "><script>" not in hostile


def test_mails_are_traced_once_a_session(world: World):
    order = ordered(world.kept, prescribed(world.kept), LINES)
    browser = world.signed_in(PHARMACY)
    path = f"/officine/commande/{order.number}"
    world.kept.clock.advance(1)
    page = browser.get(path).text
    browser.post(f"{path}/repondre", jeton=page.split('name="jeton" value="', 1)[1].split('"', 1)[0], texte="Bonjour.")
    for _ in range(2):
        assert "Bonjour." in browser.get(path).text
    assert entries(world, "order.letter") == 1
    world.signed_in(PHARMACY).get(path)
    assert entries(world, "order.letter") == 2
