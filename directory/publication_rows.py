"""What we publish of our own mailboxes: one row a mailbox, changed here, told to the national annuaire by a worker."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, or_, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.clock import epoch_ms
from core.errors import Refused
from directory.tables import mailbox_publications

KIND = "directory.publish"  # the outbox's kind: tell the national annuaire
PRACTITIONER, ROLE, ORGANIZATION = "practitioner", "role", "organization"
PUBLISHED, UNPUBLISHED = "published", "unpublished"


@dataclass(frozen=True, slots=True)
class Publication:
    """`carrier_id`: national id of a practitioner, id of an activity, id of a structure. Rank 1: the preferred."""

    mailbox_id: int
    carrier: str
    carrier_id: str
    red_list: bool
    rank: int
    service: str
    state: str
    person: str = ""  # of an activity: the national id of whom it is, so that both end together
    told: str = ""  # the last state that the national annuaire took
    fault: str = ""  # why it took none, in one word


def publication_of(session: Session, mailbox_id: int) -> Publication | None:
    """What was last decided; None when it was never published."""
    query = select(mailbox_publications).where(mailbox_publications.c.mailbox_id == mailbox_id)
    row = session.execute(query).one_or_none()
    return _publication(row) if row else None


def put_publication(session: Session, wanted: Publication, now: datetime) -> None:
    """Write the decision and promise to tell it. Raises Refused: a red-listed mailbox is never published."""
    if wanted.red_list and wanted.state == PUBLISHED:
        raise Refused("une boîte en liste rouge n'est jamais publiée", "red-listed mailbox")
    before = publication_of(session, wanted.mailbox_id)
    row = {
        "mailbox_id": wanted.mailbox_id,
        "carrier": wanted.carrier,
        "carrier_id": wanted.carrier_id,
        "red_list": wanted.red_list,
        "rank": wanted.rank,
        "service": wanted.service,
        "state": wanted.state,
        "person": wanted.person,
        "told": before.told if before else "",
        "fault": "",
        "changed_at": epoch_ms(now),
    }
    session.execute(delete(mailbox_publications).where(mailbox_publications.c.mailbox_id == wanted.mailbox_id))
    session.execute(insert(mailbox_publications), row)
    outbox.put(session, KIND, wanted.mailbox_id, now=now)


def unpublish_carrier(session: Session, carrier_id: str, now: datetime) -> int:
    """End every publication of a person, on activities too, or of a structure; returns how many there were."""
    ours = mailbox_publications.c
    return _end(session, or_(ours.carrier_id == carrier_id, ours.person == carrier_id), now)


def unpublish_mailbox(session: Session, mailbox_id: int, now: datetime) -> int:
    """End the publication of a mailbox, if there is one."""
    return _end(session, mailbox_publications.c.mailbox_id == mailbox_id, now)


def note_told(session: Session, mailbox_id: int, told: str, fault: str, now: datetime) -> None:
    """What the national annuaire answered: the state that it took, or why it took none."""
    change = update(mailbox_publications).where(mailbox_publications.c.mailbox_id == mailbox_id)
    values: dict[str, Any] = {"fault": fault, "told_at": epoch_ms(now)}
    session.execute(change.values(values if fault else values | {"told": told}))


def tell_again(session: Session, now: datetime) -> int:
    """Promise anew whatever the national annuaire does not hold as we decided; returns how many."""
    ours = mailbox_publications.c
    told = func.coalesce(ours.told, "")
    never = and_(ours.state == UNPUBLISHED, told == "")
    query = select(ours.mailbox_id).where(told != ours.state, not_(never))
    waiting = session.execute(query).scalars().all()
    for mailbox_id in waiting:
        outbox.put(session, KIND, mailbox_id, now=now)
    return len(waiting)


def all_publications(session: Session) -> list[Publication]:
    """Every decision, oldest mailbox first."""
    return [
        _publication(row)
        for row in session.execute(select(mailbox_publications).order_by(mailbox_publications.c.mailbox_id))
    ]


def _end(session: Session, whose: ColumnElement[bool], now: datetime) -> int:
    change = (
        update(mailbox_publications)
        .where(whose, mailbox_publications.c.state == PUBLISHED)
        .values(state=UNPUBLISHED, changed_at=epoch_ms(now))
        .returning(mailbox_publications.c.mailbox_id)
    )
    ended = session.execute(change).scalars().all()
    for mailbox_id in ended:
        outbox.put(session, KIND, mailbox_id, now=now)
    return len(ended)


def _publication(row: Any) -> Publication:
    facts = (row.person or "", row.told or "", row.fault or "")  # nothing was known of them once
    known = (row.mailbox_id, row.carrier, row.carrier_id, row.red_list, row.rank, row.service, row.state)
    return Publication(*known, *facts)
