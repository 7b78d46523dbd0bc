"""Replacement, removal, and decisions taken back. ANS errors 900 and 901 (DOMAIN.md §5, §9)."""

import pytest

from core.errors import NotFound, Refused
from record import consent
from record.access import Reader, Records
from record.documents import AWAITING, FILED, RECONCILE, REFUSED, SUPERSEDED, DocumentRow
from record.reconcile import decide, decided_for, undo
from tests.support.record_files import cda
from tests.support.record_world import World, mail, person

RPLC = '<relatedDocument typeCode="RPLC"><parentDocument><id root="2.25.1" extension="{}"/></parentDocument>{}'


def version(world: World, number: int, replaces: int = 0, author: str = "899000042015") -> bytes:
    extra = RPLC.format(f"doc{replaces}", "</relatedDocument>") if replaces else ""
    document = cda(world.identity, section=f"Version {number}.", extra=extra)
    return document.replace(b'extension="doc1"', f'extension="doc{number}"'.encode(), 1).replace(
        b"899000042015", author.encode()
    )


def send(world: World, document: bytes, **options: object) -> DocumentRow:
    (row,) = world.file(mail(("doc.xml", "text/xml", document)), **options)
    return row


def state(world: World, row: DocumentRow) -> str:
    return next(each for each in world.rows() if each.id == row.id).state


def test_a_new_version_by_the_same_author_replaces_the_old_one(world: World) -> None:
    first = send(world, version(world, 1))
    second = send(world, version(world, 2, replaces=1))
    assert (state(world, first), state(world, second)) == (SUPERSEDED, FILED)
    found = Records(world.db, world.keyring, world.trail, world.blobs, world.clock)
    mine = Reader(1, world.patient_box.id)
    assert [each.row.id for each in found.list(mine, world.patient.id)] == [second.id]
    assert b"Version 1." in found.read(mine, first.id).content  # its history stays readable


def test_another_author_replaces_nothing_by_themselves(world: World) -> None:
    first = send(world, version(world, 1))
    second = send(world, version(world, 2, replaces=1, author="899000042999"))
    assert (state(world, first), second.state, second.reason) == (FILED, RECONCILE, "replaces_other_author")


def test_an_old_version_is_not_replaced_twice(world: World) -> None:
    send(world, version(world, 1))
    second = send(world, version(world, 2, replaces=1))
    third = send(world, version(world, 3, replaces=1))
    assert (third.state, third.reason, state(world, second)) == (RECONCILE, "replaces_old_version", FILED)


def test_what_replaces_a_document_that_is_not_here_is_filed(world: World) -> None:
    assert send(world, version(world, 2, replaces=1)).state == FILED


@pytest.mark.parametrize("granted", [True, False])
def test_the_old_version_stays_current_until_the_patient_agrees(world: World, granted: bool) -> None:
    first = send(world, version(world, 1))
    letter = {"sender": world.address("dr.aubin"), "to": (world.patient_address,), "holders": (world.patient_box,)}
    second = send(world, version(world, 2, replaces=1), **letter)
    assert (state(world, first), second.state) == (FILED, AWAITING)
    args = (world.patient.id, consent.FILING, granted, "patient", world.clock.now())
    world.db.run(consent.settle, world.trail, *args)
    assert (state(world, first), state(world, second)) == ((SUPERSEDED, FILED) if granted else (FILED, REFUSED))


def other(world: World) -> DocumentRow:
    """A document that speaks of somebody else."""
    return send(world, cda(person(9), section="Texte."))


def run(world: World, work, *args: object):
    return world.db.run(work, world.trail, *args)


def test_a_document_filed_by_mistake_waits_again(world: World) -> None:
    row = other(world)
    assert row.state == RECONCILE
    now, holder = world.clock.now(), world.pharmacy.holder_id
    run(world, decide, world.keyring, row.id, True, "7", holder, now)
    assert state(world, row) == FILED and len(world.db.read(decided_for, holder)) == 1
    run(world, undo, row.id, "7", holder, now)
    (again,) = world.rows(row.message_id)
    assert (again.state, again.reason) == (RECONCILE, row.reason)
    assert world.trace("document.reconcile") == [("7", "filed"), ("7", "undone")]


def test_a_document_refused_by_mistake_is_read_again_from_its_message(world: World) -> None:
    row = other(world)
    now, holder = world.clock.now(), world.pharmacy.holder_id
    run(world, decide, world.keyring, row.id, False, "7", holder, now)
    run(world, undo, row.id, "7", holder, now)
    assert world.promises("record.file") == [row.message_id] and world.rows(row.message_id) == []
    world.filing(row.message_id)
    assert [each.state for each in world.rows(row.message_id)] == [RECONCILE]


def test_a_decision_is_taken_back_by_who_has_the_message_and_once(world: World) -> None:
    row, now = other(world), world.clock.now()
    run(world, decide, world.keyring, row.id, True, "7", world.pharmacy.holder_id, now)
    with pytest.raises(NotFound):
        run(world, undo, row.id, "8", world.physician.holder_id, now)
    run(world, undo, row.id, "7", world.pharmacy.holder_id, now)
    with pytest.raises(NotFound):
        run(world, undo, row.id, "7", world.pharmacy.holder_id, now)


def test_a_broken_signature_is_healed_by_no_decision(world: World) -> None:
    row = send(world, version(world, 1), verdict="fail")
    with pytest.raises(Refused):
        run(world, decide, world.keyring, row.id, True, "7", world.pharmacy.holder_id, world.clock.now())
