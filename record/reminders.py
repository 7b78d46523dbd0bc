"""Reminders to patients: a child's obligatory examinations, screening, a renewal that comes to its end.

Sent as signed mail to the person's own mailbox (a child's own, which its parents open); the subject, which notices
show, says nothing of health. What began within the last days is due: a night that was missed is caught up, and the
mail's key sends it once. The calendar of a child's twenty examinations is that in force since 1 January 2025: 13 in
the first three years, 3 in the next three, 4 until sixteen (CSP R2132-1).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.address import Address
from core.db import Db
from core.errors import NotFound, PliError
from crypto.keyring import Keyring
from directory.mailboxes import address_of, get_mailbox
from directory.patients import Identity, identity_of
from directory.tables import patients
from record import consent
from record.lines import Line
from record.order_book import OrderBook
from record.orders import State
from record.post import Submitter

SUBJECT = "Un rappel vous attend dans votre messagerie"
CAUGHT_UP = timedelta(days=5)  # shorter than a mail's key is remembered
RENEWAL_AHEAD = timedelta(days=7)
_STOP = "Pour ne plus recevoir de rappels : page « Mes droits » de votre dossier."
# When each examination's time begins: in days, months, years.
_DAYS, _MONTHS, _YEARS = (0, 7), (1, 2, 3, 4, 5, 8, 11, 12, 16, 23), (2, 3, 4, 5, 6, 8, 11, 15)
_COLON = range(50, 75, 2)
_BREAST = range(50, 75, 2)
_CERVIX = (25, 26, 29, *range(30, 66, 5))
_SPAN = re.compile(r"([0-9]{1,3})\s*(jour|semaine|mois|an)")
_SPANS = {"jour": 1, "semaine": 7, "mois": 30, "an": 365}


@dataclass(frozen=True, slots=True, repr=False)
class Reminder:
    """`key` is the same for the same occasion, `due` the day on which it begins."""

    key: str
    due: date
    text: str


def calendar(who: Identity) -> Iterator[Reminder]:
    """Every occasion that age and sex alone decide. Pure; nothing for a birth date that no calendar has."""
    try:
        born = date.fromisoformat(who.birth_date)
    except ValueError:
        return
    starts = [born + timedelta(days=n) for n in _DAYS]
    starts += [later(born, months=n) for n in _MONTHS] + [later(born, months=12 * n) for n in _YEARS]
    for number, start in enumerate(starts, 1):
        text = f"C'est le moment de l'examen obligatoire n° {number} sur 20 de {who.given}. Il est pris en charge."
        yield Reminder(f"exam:{number}", start, text)
    for word, ages, text in _screenings(who.sex):
        for age in ages:
            yield Reminder(f"{word}:{age}", later(born, months=12 * age), text)


def renewal(line: Line, collected: date) -> Reminder | None:
    """A week before a renewable line comes to its end, where its duration is written. Pure."""
    found = _SPAN.search(line.duration.lower())
    if not found or not line.renewals:
        return None
    end = collected + timedelta(days=int(found[1]) * _SPANS[found[2]])
    text = f"Votre traitement ({line.name}) peut être renouvelé : pensez à votre pharmacie avant le {end:%d/%m/%Y}."
    return Reminder(f"renewal:{end:%Y%m%d}:{line.name}", end - RENEWAL_AHEAD, text)


def due(reminders: Iterable[Reminder], today: date) -> tuple[Reminder, ...]:
    """Those that began within the last days."""
    return tuple(each for each in reminders if today - CAUGHT_UP <= each.due <= today)


def later(start: date, months: int) -> date:
    """The same day so many months on, or the month's last."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=start.day - 1), following - timedelta(days=1))


class Remind:
    """The nightly chore. `desk_id` is the mailbox of the service."""

    def __init__(self, db: Db, keyring: Keyring, orders: OrderBook, submitter: Submitter, desk_id: int) -> None:
        self._db, self._keyring, self._orders = db, keyring, orders
        self._submitter, self._desk_id = submitter, desk_id

    def run(self, now: datetime) -> int:
        """How many were sent. One patient's failure is no other's; it is tried again the next night."""
        return sum(self._patient(number, now) for number in self._db.read(_everybody))

    def _patient(self, patient_id: int, now: datetime) -> int:
        try:
            to, found = self._db.read(self._due, patient_id, now.date())
        except NotFound:  # erased meanwhile
            return 0
        sent = 0
        if to is None:
            return 0
        for each in found:
            try:
                text = f"Bonjour,\n\n{each.text}\n\n{_STOP}\n"
                self._submitter.submit(self._desk_id, (to,), SUBJECT, text, "", f"reminder:{patient_id}:{each.key}")
                sent += 1
            except PliError:
                continue
        return sent

    def _due(self, session: Session, patient_id: int, today: date) -> tuple[Address | None, tuple[Reminder, ...]]:
        if consent.is_denied(session, patient_id, consent.REMINDERS):
            return None, ()
        who = identity_of(session, self._keyring, patient_id)
        found = due([*calendar(who), *self._renewals(session, patient_id)], today)
        return (self._address(session, patient_id), found) if found else (None, ())

    def _renewals(self, session: Session, patient_id: int) -> Iterator[Reminder]:
        for order in self._orders.of_patient(session, patient_id):
            if order.state is State.COLLECTED:
                collected = datetime.fromtimestamp(order.updated_at / 1000).astimezone().date()
                lines = (line for line in self._orders.detail(session, order).lines if line.confirmed)
                yield from (found for line in lines if (found := renewal(line, collected)))

    def _address(self, session: Session, patient_id: int) -> Address | None:
        mailbox_id = session.execute(select(patients.c.mailbox_id).where(patients.c.id == patient_id)).scalar_one()
        if mailbox_id is None or not get_mailbox(session, mailbox_id).is_open:
            return None
        return address_of(session, self._keyring, mailbox_id)


def _screenings(sex: str) -> Iterator[tuple[str, Iterable[int], str]]:
    """Organised screening, by age at its invitation."""
    yield "colon", _COLON, "Vous avez l'âge du dépistage organisé du cancer colorectal : parlez-en à votre pharmacie."
    if sex == "F":
        yield (
            "breast",
            _BREAST,
            "Vous avez l'âge du dépistage organisé du cancer du sein : un rendez-vous est possible.",
        )
        yield "cervix", _CERVIX, "C'est le moment du dépistage du cancer du col de l'utérus : prenez rendez-vous."


def _everybody(session: Session) -> list[int]:
    query = select(patients.c.id).where(patients.c.mailbox_id.is_not(None)).order_by(patients.c.id)
    return list(session.execute(query).scalars())
