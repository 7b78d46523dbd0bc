"""Reminders by the calendar and by renewals; documents whose time is over."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record import consent
from record.lines import Line
from record.reminders import SUBJECT, Remind, calendar, due, later, renewal
from record.retention import Retention
from tests.support.record_files import cda
from tests.support.record_world import World, mail, person

BORN = date(2025, 3, 28)


def child(day: date = BORN):
    return person(8, given="Zoé", birth_date=day.isoformat(), sex="M")


def keys_on(day: date, **who: str) -> list[str]:
    return [each.key for each in due(calendar(person(8, **who)), day)]


def test_twenty_examinations_in_the_order_of_the_decree() -> None:
    exams = [each for each in calendar(child()) if each.key.startswith("exam")]
    assert len(exams) == 20 and [each.due for each in exams] == sorted(each.due for each in exams)
    assert sum(each.due < later(BORN, 36) for each in exams) == 13
    assert sum(later(BORN, 36) <= each.due < later(BORN, 72) for each in exams) == 3
    assert exams[-1].due == date(2040, 3, 28) and "n° 20 sur 20 de Zoé" in exams[-1].text


def test_screening_by_age_and_sex() -> None:
    assert keys_on(date(2029, 3, 28), birth_date="1979-03-28", sex="F") == ["colon:50", "breast:50", "cervix:50"]
    assert keys_on(date(2029, 3, 28), birth_date="1979-03-28", sex="M") == ["colon:50"]
    assert keys_on(date(2054, 3, 28), birth_date="1979-03-28", sex="F") == []


@given(st.dates(date(1900, 1, 1), date(2090, 12, 31)), st.integers(0, 900))
def test_so_many_months_on_is_a_day_of_that_month(start: date, months: int) -> None:
    found = later(start, months)
    assert (found.year * 12 + found.month) - (start.year * 12 + start.month) == months
    assert found.day == start.day or (found + timedelta(days=1)).day == 1


@given(st.dates(date(1900, 1, 1), date(2090, 1, 1)), st.integers(0, 20_000))
def test_a_missed_night_is_caught_up_and_nothing_is_said_early(born: date, days: int) -> None:
    today = born + timedelta(days=days)
    assert all(today - timedelta(days=5) <= each.due <= today for each in due(calendar(child(born)), today))


@pytest.mark.parametrize(
    ("duration", "renewals", "expected"),
    [("3 mois", 1, date(2026, 8, 23)), ("28 jours", 2, date(2026, 6, 22)), ("3 mois", None, None), ("", 1, None)],
)
def test_a_renewal_is_told_a_week_ahead(duration: str, renewals: int | None, expected: date | None) -> None:
    found = renewal(Line("x", "AMLODIPINE", duration=duration, renewals=renewals), date(2026, 6, 1))
    assert (found.due if found else None) == expected


def remind(world: World) -> int:
    return Remind(world.db, world.keyring, world.book, world.post, world.desk.id).run(world.clock.now())


def test_a_reminder_is_sent_once_to_the_childs_own_mailbox_without_a_word_of_health_outside(world: World) -> None:
    who = child(world.clock.now().date() - timedelta(days=2))
    world.another_patient(who)
    assert remind(world) == 1
    world.clock.advance(86_400)
    remind(world)
    (letter,) = world.post.letters
    assert letter.subject == SUBJECT and [to.ins for to in letter.recipients] == [who.ins]
    assert "examen" in letter.text and "examen" not in letter.subject and letter.sender_mailbox_id == world.desk.id


def test_who_refuses_gets_none(world: World) -> None:
    made, _box = world.another_patient(child(world.clock.now().date()))
    args = (made.id, consent.REMINDERS, False, "patient", world.clock.now())
    world.db.run(consent.settle, world.trail, *args)
    assert remind(world) == 0 and world.post.letters == []


def test_documents_go_when_the_time_of_their_class_is_over(world: World) -> None:
    (old,) = world.file(mail(("doc.xml", "text/xml", cda(world.identity, section="Texte."))))
    (other,) = world.file(mail(("a.txt", "text/plain", b"Sans type.")))
    retention = Retention(world.db, world.keyring, world.trail, world.blobs, {"42": 5})
    assert retention.run(world.clock.now()) == 0
    world.clock.advance(5 * 366 * 86_400)
    assert retention.run(world.clock.now()) == 1 and retention.run(world.clock.now()) == 0
    states = {row.id: (row.state, row.reason) for row in world.rows()}
    assert states[old.id] == ("removed", "retention") and states[other.id][0] == "filed"
    assert ("worker", "done") in world.trace("document.remove")
    everything = Retention(world.db, world.keyring, world.trail, world.blobs, {"other": 1})
    assert everything.run(world.clock.now()) == 1
    assert Retention(world.db, world.keyring, world.trail, world.blobs, {}).run(world.clock.now()) == 0
