"""Break-glass: a reason, sixty minutes, one patient; the patient is told, somebody else reviews."""

from datetime import timedelta

import pytest

from core.errors import BadInput, NotFound, Refused
from directory.holders import destroy_holder
from record import break_glass, consent
from record.access import Reader, Records
from record.break_glass import GLASS_KIND, JUSTIFIED, UNJUSTIFIED, Glass, OpenGlasses, TellPatient
from record.erasure import forget_record
from tests.support.record_files import PRESCRIPTION, text_pdf
from tests.support.record_world import World, mail, person

WHY = "Patient inconscient aux urgences, allergies inconnues"
AUTHOR, REVIEWER = 7, 8


def opened(world: World, *, box=None, patient=None, reason: str = WHY, account: int = AUTHOR) -> Glass:
    return world.db.run(
        lambda session: break_glass.open_glass(
            session,
            world.keyring,
            world.trail,
            account_id=account,
            mailbox_id=(box or world.physician).id,
            patient_id=(patient or world.patient).id,
            reason=reason,
            now=world.clock.now(),
        )
    )


def is_open(world: World, account: int = AUTHOR, patient=None) -> bool:
    return world.db.read(OpenGlasses().standing, (patient or world.patient).id, account, world.clock.now())


def test_it_opens_one_record_for_one_account_for_an_hour(world: World) -> None:
    other, _ = world.another_patient(person(2))
    glass = opened(world)
    assert is_open(world)
    assert not is_open(world, patient=other) and not is_open(world, account=REVIEWER)
    assert glass.until - glass.opened_at == timedelta(minutes=60)
    world.clock.advance(59 * 60)
    assert is_open(world)
    world.clock.advance(61)
    assert not is_open(world)


@pytest.mark.parametrize("reason", ["", "urgent", " " * 40, "x" * 501])
def test_without_a_sentence_nothing_opens(world: World, reason: str) -> None:
    with pytest.raises(BadInput):
        opened(world, reason=reason)
    assert not is_open(world) and world.trace("glass.open") == []


def test_only_professionals_open_it(world: World) -> None:
    for box in (world.patient_box, world.desk):
        with pytest.raises(Refused):
            opened(world, box=box)
    with pytest.raises(NotFound):
        world.db.run(break_glass.close_glass, world.trail, 1, AUTHOR, world.clock.now())


def test_it_opens_what_is_read_and_the_trail_says_why(world: World) -> None:
    (row,) = world.file(mail(("ordonnance.pdf", "application/pdf", text_pdf(*PRESCRIPTION))))
    records = Records(world.db, world.keyring, world.trail, world.blobs, world.clock, OpenGlasses())
    physician = Reader(AUTHOR, world.physician.id)
    with pytest.raises(Refused):
        records.list(physician, world.patient.id)
    opened(world)
    assert [shown.row.id for shown in records.list(physician, world.patient.id)] == [row.id]
    assert records.read(physician, row.id).content
    world.clock.advance(3601)
    with pytest.raises(Refused):
        records.read(physician, row.id)


def test_whoever_objected_is_left_alone(world: World) -> None:
    now = world.clock.now()
    asked = world.db.run(consent.ask, world.patient.id, consent.EMERGENCY, now)
    world.db.run(consent.answer, world.trail, asked.id, False, "patient", now)
    with pytest.raises(Refused, match="will"):
        opened(world)


def test_opening_twice_is_one_opening(world: World) -> None:
    assert opened(world).id == opened(world).id
    assert world.trace("glass.open") == [(str(AUTHOR), "allowed")]


def test_whoever_needs_it_too_often_is_stopped(world: World) -> None:
    for _ in range(break_glass.A_DAY):
        opened(world)
        world.clock.advance(3601)
    with pytest.raises(Refused, match="too many"):
        opened(world)
    opened(world, account=9)
    world.clock.advance(24 * 3600)
    opened(world)


def test_the_patient_is_told_at_once_and_once(world: World) -> None:
    glass = opened(world)
    assert world.promises(GLASS_KIND) == [glass.id]
    tell = TellPatient(world.db, world.keyring, world.clock, world.post, world.desk.id)
    tell(glass.id)
    tell(glass.id)
    (letter,) = world.post.letters
    assert letter.recipients == (world.patient_address,)
    assert WHY in letter.text and "dr.aubin" in letter.text and "60 minutes" in letter.text
    assert WHY not in letter.subject


def test_the_reason_is_sealed_for_the_patient(world: World) -> None:
    glass = opened(world)
    assert [each.reason for each in world.db.read(break_glass.of_patient, world.keyring, world.patient.id)] == [WHY]
    assert WHY not in repr(glass)
    world.db.run(destroy_holder, world.patient.holder_id)
    with pytest.raises(NotFound):
        world.db.read(break_glass.of_patient, world.keyring, world.patient.id)
    assert world.db.read(break_glass.to_review, world.keyring) == ()
    TellPatient(world.db, world.keyring, world.clock, world.post, world.desk.id)(glass.id)
    assert world.post.letters == []


def test_somebody_else_reviews_it_once(world: World) -> None:
    glass = opened(world)
    review = lambda who, verdict: world.db.run(  # noqa: E731
        break_glass.review, world.trail, glass.id, who, verdict, world.clock.now()
    )
    assert [each.id for each in world.db.read(break_glass.to_review, world.keyring)] == [glass.id]
    with pytest.raises(BadInput):
        review(REVIEWER, "peut-être")
    with pytest.raises(Refused, match="author"):
        review(AUTHOR, JUSTIFIED)
    review(REVIEWER, UNJUSTIFIED)
    with pytest.raises(Refused, match="already"):
        review(REVIEWER, JUSTIFIED)
    assert world.db.read(break_glass.to_review, world.keyring) == ()
    (shown,) = world.db.read(break_glass.of_patient, world.keyring, world.patient.id)
    assert (shown.reviewed, shown.reviewer_id) == (UNJUSTIFIED, REVIEWER)
    assert world.trace("glass.review") == [(str(REVIEWER), UNJUSTIFIED)]


def test_it_can_be_closed_before_its_time_by_its_author(world: World) -> None:
    glass = opened(world)
    with pytest.raises(NotFound):
        world.db.run(break_glass.close_glass, world.trail, glass.id, REVIEWER, world.clock.now())
    assert is_open(world)
    for _ in range(2):
        world.db.run(break_glass.close_glass, world.trail, glass.id, AUTHOR, world.clock.now())
    assert not is_open(world)
    assert world.trace("glass.close") == [(str(AUTHOR), "allowed")]


def test_a_closed_mailbox_opens_nothing(world: World) -> None:
    from directory.mailboxes import suspend

    world.db.run(suspend, world.physician.id)
    with pytest.raises(Refused):
        opened(world)


def test_an_erased_patient_takes_it_along(world: World) -> None:
    opened(world)
    world.db.run(forget_record, world.patient.id)
    assert world.db.read(break_glass.of_patient, world.keyring, world.patient.id) == ()
