"""Orders on both databases: drafted once, moved by those who may, on fresh sight only; the patient is told once."""

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.errors import BadInput, NotFound, Refused
from record.lines import Line
from record.order_book import NOTIFY_KIND
from record.order_facts import SYSTEM, Actor, Order, Wish
from record.orders import Role, State
from record.pharmacy import DraftOrder, NotifyOrder
from tests.support.record_files import PRESCRIPTION, cda, photo, photo_pdf, text_pdf
from tests.support.record_world import World, mail, person

PDF = ("ordonnance.pdf", "application/pdf", text_pdf(*PRESCRIPTION))
PHOTO = ("photo.pdf", "application/pdf", photo_pdf())
TOMORROW = Wish(promised=("RAMIPRIL 5 mg",), promised_on=date(2026, 6, 2))


def drafting(world: World) -> DraftOrder:
    return DraftOrder(world.db, world.keyring, world.clock, world.letters, world.book, world.rules)


def notifying(world: World) -> NotifyOrder:
    return NotifyOrder(world.db, world.keyring, world.clock, world.letters, world.book, world.post)


def draft(world: World, *files, **options) -> tuple[Order, ...]:
    message_id = world.deliver(mail(*files), **options)
    world.filing(message_id)
    return drafting(world).draft(message_id)


def pharmacist(world: World) -> Actor:
    return Actor(Role.PHARMACIST, 11, world.pharmacy.id)


def patient(world: World) -> Actor:
    return Actor(Role.PATIENT, 12, world.patient_box.id)


def move(world: World, order: Order, to: State, actor: Actor | None = None, wish: Wish = Wish()) -> Order:
    actor = actor or pharmacist(world)
    return world.db.run(world.book.move, order.id, to, actor, world.clock.now(), version=order.version, wish=wish)


def confirm(world: World, order: Order, lines: tuple[Line, ...] = ()) -> Order:
    now = world.clock.now()
    return world.db.run(world.book.confirm_lines, order.id, lines, pharmacist(world), now, version=order.version)


def test_a_text_layer_proposes_lines(world: World) -> None:
    (order,) = draft(world, PDF)
    detail = world.db.read(world.book.detail, order)
    assert [(line.name, line.strength) for line in detail.lines] == [("DOLIPRANE", "1000 mg"), ("LÉVOTHYROX", "75 µg")]
    assert detail.provenance == "pdf" and detail.unconfirmed == 2 and detail.documents
    assert (order.state, order.version, order.pharmacy_mailbox_id) == (State.RECEIVED, 1, world.pharmacy.id)


@pytest.mark.parametrize("file", [PHOTO, ("p.jpg", "image/jpeg", photo())])
def test_a_photo_is_read_by_people(world: World, file) -> None:
    (order,) = draft(world, file)
    detail = world.db.read(world.book.detail, order)
    assert detail.lines == () and detail.to_read_on_picture and detail.provenance == "photo"


def test_once_however_often(world: World) -> None:
    message_id = world.deliver(mail(PDF))
    world.filing(message_id)
    for _ in range(3):
        drafting(world)(message_id)
    assert len(world.db.read(world.book.of_pharmacy, world.pharmacy.id)) == 1


def test_workers_at_once_draft_once(world: World) -> None:
    message_id = world.deliver(mail(PDF))
    world.filing(message_id)
    threads = [threading.Thread(target=drafting(world), args=(message_id,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.db.read(world.book.of_patient, world.patient.id)) == 1


def test_each_pharmacy_has_its_own(world: World) -> None:
    world.another_pharmacy()
    to = (world.address("pharmacie.1"), world.address("pharmacie.2"), world.address("dr.aubin"))
    assert len(draft(world, PDF, to=to)) == 2


def test_no_order_from_what_is_no_prescription(world: World) -> None:
    assert draft(world, ("labo.xml", "text/xml", cda(world.identity, code="11502-2"))) == ()
    assert draft(world, ("autre.xml", "text/xml", cda(person(2)))) == ()
    assert draft(world, ("x.exe", "image/png", b"MZ\0\0")) == ()
    assert draft(world, PDF, verdict="fail") == ()
    assert draft(world) == ()
    assert draft(world, PDF, to=(world.address("dr.aubin"),)) == ()


def test_alerts(world: World) -> None:
    doubtful = ("o.pdf", "application/pdf", text_pdf("LEVOTHYROX 75 Ug comprimé", "1 comprimé le matin"))
    (order,) = draft(world, doubtful, ("autre.xml", "text/xml", cda(person(2))), verdict="none")
    alerts = set(world.db.read(world.book.detail, order).alerts)
    assert {"doubt", "no_identity", "set_aside", "unsigned"} <= alerts


def test_the_whole_way(world: World) -> None:
    (order,) = draft(world, PDF)
    order = move(world, order, State.TAKEN)
    lines = world.db.read(world.book.detail, order).lines
    order = confirm(world, order, (replace(lines[0], dose="2 comprimés"), lines[1]))
    assert world.db.read(world.book.detail, order).unconfirmed == 0
    order = move(world, order, State.PREPARING)
    order = move(world, order, State.PARTLY_READY, wish=TOMORROW)
    assert world.db.read(world.book.detail, order).promised_on == TOMORROW.promised_on
    order = move(world, order, State.READY)
    order = move(world, order, State.COLLECTED)
    steps = world.db.read(world.book.steps, order)
    assert [step.to_state for step in steps] == [
        State.TAKEN,
        State.PREPARING,
        State.PARTLY_READY,
        State.READY,
        State.COLLECTED,
    ]
    assert world.db.read(world.book.of_pharmacy, world.pharmacy.id) == ()
    assert len(world.promises(NOTIFY_KIND)) == 3


def test_nothing_is_prepared_unconfirmed(world: World) -> None:
    (order,) = draft(world, PDF)
    order = move(world, order, State.TAKEN)
    with pytest.raises(Refused, match="unconfirmed"):
        move(world, order, State.PREPARING)


def test_who_is_not_theirs_does_not_see_it(world: World) -> None:
    (order,) = draft(world, PHOTO)
    other = world.another_pharmacy()
    _stranger, box = world.another_patient(person(2))
    for actor in (
        Actor(Role.PHARMACIST, 1, other.id),
        Actor(Role.PHARMACIST, 1, None),
        Actor(Role.PHARMACIST, 1, world.patient_box.id),
        Actor(Role.PATIENT, 1, box.id),
        Actor(Role.PATIENT, 1, world.pharmacy.id),
    ):
        with pytest.raises(NotFound):
            move(world, order, State.CANCELLED, actor)
    with pytest.raises(Refused):
        move(world, order, State.TAKEN, patient(world))
    with pytest.raises(Refused):
        move(world, order, State.TAKEN, SYSTEM)
    with pytest.raises(Refused):
        world.db.run(world.book.confirm_lines, order.id, (), patient(world), world.clock.now(), version=1)
    assert move(world, order, State.CANCELLED, patient(world)).state is State.CANCELLED


def test_old_sight_is_refused(world: World) -> None:
    (order,) = draft(world, PHOTO)
    move(world, order, State.TAKEN)
    with pytest.raises(Refused, match="stale"):
        move(world, order, State.CANCELLED)


def test_of_two_at_once_one_wins(world: World) -> None:
    (order,) = draft(world, PHOTO)
    outcomes: list[str] = []

    def work() -> None:
        try:
            outcomes.append(move(world, order, State.TAKEN).state)
        except Refused:
            outcomes.append("refused")

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 4 + ["taken"]
    assert len(world.promises(NOTIFY_KIND)) == 1


@pytest.mark.parametrize(
    "to, wish",
    [
        (State.QUESTION, Wish()),
        (State.QUESTION, Wish(note="  ")),
        (State.NOT_DISPENSABLE, Wish()),
        (State.QUESTION, Wish(note="x" * 1001)),
    ],
)
def test_moves_that_need_words(world: World, to: State, wish: Wish) -> None:
    (order,) = draft(world, PHOTO)
    with pytest.raises(BadInput):
        move(world, order, to, wish=wish)


@pytest.mark.parametrize(
    "wish",
    [
        Wish(),
        Wish(promised=("x",)),
        Wish(promised_on=date(2026, 6, 2)),
        Wish(promised=(" ",), promised_on=date(2026, 6, 2)),
        Wish(promised=("x",), promised_on=date(2026, 5, 31)),
        Wish(promised=("x",) * 41, promised_on=date(2026, 6, 2)),
        Wish(promised=("x" * 201,), promised_on=date(2026, 6, 2)),
    ],
)
def test_a_promise_is_whole_or_none(world: World, wish: Wish) -> None:
    (order,) = draft(world, PHOTO)
    order = move(world, move(world, order, State.TAKEN), State.PREPARING)
    with pytest.raises(BadInput):
        move(world, order, State.PARTLY_READY, wish=wish)


def test_unmoved_orders_expire(world: World) -> None:
    (old,) = draft(world, PHOTO)
    world.clock.advance(timedelta(days=20).total_seconds())
    (young,) = draft(world, PDF)
    world.clock.advance(timedelta(days=11).total_seconds())
    assert world.db.run(world.book.expire_due, world.clock.now(), 30) == (old.id,)
    assert world.db.run(world.book.expire_due, world.clock.now(), 30) == ()
    assert world.db.read(world.book.get, old.id).state is State.EXPIRED
    assert world.db.read(world.book.get, young.id).state is State.RECEIVED
    assert world.db.read(world.book.by_number, f" {old.number.lower()}").id == old.id


def test_the_patient_is_told_once(world: World) -> None:
    (order,) = draft(world, PDF)
    order = move(world, order, State.QUESTION, wish=Wish(note="Quel dosage pour l'inventine ?"))
    (step_id,) = world.promises(NOTIFY_KIND)
    for _ in range(3):
        notifying(world)(step_id)
    (letter,) = world.post.letters
    assert letter.recipients == (world.patient_address,) and letter.sender_mailbox_id == world.pharmacy.id
    assert letter.in_reply_to == "<m1@demo.mssante.test>"
    assert "inventine" in letter.text and "inventine" not in letter.subject
    assert order.number in letter.text and "PHARMACIE pharmacie.1" in letter.text


def test_promised_items_are_in_the_letter(world: World) -> None:
    (order,) = draft(world, PHOTO)
    order = move(world, move(world, order, State.TAKEN), State.PREPARING)
    move(world, order, State.PARTLY_READY, wish=TOMORROW)
    notifying(world)(world.promises(NOTIFY_KIND)[-1])
    (letter,) = world.post.letters
    assert "- RAMIPRIL 5 mg" in letter.text and "mardi 2 juin 2026" in letter.text
    assert "RAMIPRIL" not in letter.subject


def test_a_patient_elsewhere_is_answered_where_they_wrote_from(world: World) -> None:
    world.patients_are_elsewhere()
    (order,) = draft(world, PHOTO, listener="mx")
    move(world, order, State.TAKEN)
    notifying(world)(world.promises(NOTIFY_KIND)[0])
    assert world.post.letters[0].recipients == (world.patient_address,)


def test_unknown_refs_do_no_harm(world: World) -> None:
    drafting(world)(404)
    notifying(world)(404)
    with pytest.raises(NotFound):
        world.db.read(world.book.get, 404)
    assert world.post.letters == []
