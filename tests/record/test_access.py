"""Reading: the trail first, then the data; no trail, no data; nobody else's data."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.errors import DatabaseDown, NotFound, Refused
from directory.holders import destroy_holder
from record import consent
from record.access import Reader, Records
from record.documents import AWAITING, DUPLICATE, FILED, REFUSED
from record.reconcile import decide
from tests.support.record_files import PRESCRIPTION, cda, text_pdf
from tests.support.record_world import World, mail, person

PDF = ("ordonnance.pdf", "application/pdf", text_pdf(*PRESCRIPTION))
LONG = ("long.txt", "text/plain", b"ligne\n" * 30_000)


def records(world: World) -> Records:
    return Records(world.db, world.keyring, world.trail, world.blobs, world.clock)


@pytest.mark.parametrize("file", [PDF, LONG])
def test_what_comes_out_is_what_went_in(world: World, file) -> None:
    (row,) = world.file(mail(file))
    found = records(world).read(Reader(7, world.patient_box.id), row.id)
    assert found.content == file[2] and found.meta.title == file[0]
    assert world.trace("document.read") == [("7", "allowed")]


def test_who_may_read(world: World) -> None:
    (row,) = world.file(mail(PDF))
    records(world).read(Reader(1, world.patient_box.id), row.id)
    records(world).read(Reader(2, world.pharmacy.id), row.id)  # holds the message
    with pytest.raises(Refused):
        records(world).read(Reader(3, world.physician.id), row.id)
    assert world.trace("document.read") == [("1", "allowed"), ("2", "allowed"), ("3", "refused")]


def test_consent_opens_the_record_and_its_end_closes_it(world: World) -> None:
    (row,) = world.file(mail(PDF))
    physician = Reader(3, world.physician.id)
    asked = world.db.run(consent.ask, world.patient.id, consent.ACCESS, world.clock.now(), world.physician.id)
    with pytest.raises(Refused):
        records(world).list(physician, world.patient.id)
    world.db.run(consent.answer, world.trail, asked.id, True, "patient", world.clock.now())
    assert [shown.row.id for shown in records(world).list(physician, world.patient.id)] == [row.id]
    assert records(world).read(physician, row.id).content == PDF[2]
    world.db.run(consent.answer, world.trail, asked.id, False, "patient", world.clock.now())
    with pytest.raises(Refused):
        records(world).read(physician, row.id)


def test_consent_for_one_is_not_for_another(world: World) -> None:
    (row,) = world.file(mail(PDF))
    other = world.another_pharmacy()
    asked = world.db.run(consent.ask, world.patient.id, consent.ACCESS, world.clock.now(), world.physician.id)
    world.db.run(consent.answer, world.trail, asked.id, True, "patient", world.clock.now())
    with pytest.raises(Refused):
        records(world).read(Reader(9, other.id), row.id)


def test_another_patient_sees_nothing(world: World) -> None:
    (row,) = world.file(mail(PDF))
    stranger, box = world.another_patient(person(2))
    for attempt in (lambda r: records(world).read(r, row.id), lambda r: records(world).list(r, world.patient.id)):
        with pytest.raises(Refused):
            attempt(Reader(8, box.id))
    assert records(world).list(Reader(8, box.id), stranger.id) == ()


def test_what_waits_is_for_the_patient_and_holders_only(world: World) -> None:
    letter = {"sender": world.address("dr.aubin"), "to": (world.patient_address,), "holders": (world.patient_box,)}
    (row,) = world.file(mail(PDF), **letter)
    assert row.state == AWAITING
    assert records(world).read(Reader(1, world.patient_box.id), row.id).content == PDF[2]
    with pytest.raises(Refused):
        records(world).read(Reader(2, world.pharmacy.id), row.id)


def test_unknown_documents_are_traced_too(world: World) -> None:
    with pytest.raises(NotFound):
        records(world).read(Reader(1, world.patient_box.id), 999)
    with pytest.raises(NotFound):
        records(world).list(Reader(1, world.patient_box.id), 999)
    with pytest.raises(NotFound):
        records(world).of_message(Reader(1, world.physician.id), 999)
    assert world.trace("document.read") == [("1", "not_found")]


def test_no_trail_no_data(world: World) -> None:
    (row,) = world.file(mail(PDF))
    world.db.run(lambda s: s.execute(text("ALTER TABLE audit RENAME TO audit_gone")) and None)
    for read in (records(world).read, records(world).list):
        with pytest.raises((DatabaseDown, DBAPIError)):
            read(Reader(1, world.patient_box.id), row.id if read.__name__ == "read" else world.patient.id)


def test_a_destroyed_key_leaves_nothing_to_read(world: World) -> None:
    (row,) = world.file(mail(PDF))
    world.db.run(destroy_holder, world.patient.holder_id)
    with pytest.raises(NotFound):
        records(world).read(Reader(1, world.patient_box.id), row.id)
    (shown,) = records(world).list(Reader(1, world.patient_box.id), world.patient.id)
    assert shown.meta is None


def test_list_to_reconcile_is_for_those_who_hold_the_message(world: World) -> None:
    (row,) = world.file(mail(("autre.xml", "text/xml", cda(person(2)))))
    (shown,) = records(world).to_reconcile(Reader(2, world.pharmacy.id))
    assert shown.row.id == row.id and shown.meta and "other_ins" in shown.meta.reasons
    assert records(world).to_reconcile(Reader(3, world.physician.id)) == ()
    assert records(world).list(Reader(1, world.patient_box.id), world.patient.id) == ()


def settle(world: World, document_id: int, accept: bool, holder_id: int | None = None):
    holder = holder_id or world.pharmacy.holder_id
    return world.db.run(decide, world.trail, world.keyring, document_id, accept, "2", holder, world.clock.now())


def test_a_person_files_or_drops(world: World) -> None:
    first, second = world.file(mail(("a.xml", "text/xml", cda(person(2))), ("b.xml", "text/xml", cda(person(3)))))
    assert settle(world, first.id, True)[0].state == FILED
    assert settle(world, second.id, False)[0].state == REFUSED
    with pytest.raises(NotFound):
        settle(world, first.id, False)
    with pytest.raises(NotFound):
        records(world).read(Reader(2, world.pharmacy.id), second.id)
    assert [outcome for _actor, outcome in world.trace("document.reconcile")] == [FILED, REFUSED]


def test_a_decision_heals_no_signature_and_is_not_everybodys(world: World) -> None:
    (row,) = world.file(mail(PDF), verdict="fail")
    with pytest.raises(NotFound):
        settle(world, row.id, True, world.physician.holder_id)
    with pytest.raises(Refused):
        settle(world, row.id, True)
    assert settle(world, row.id, False)[0].state == REFUSED


def test_accepting_what_is_filed_already(world: World) -> None:
    file = ("a.xml", "text/xml", cda(person(2)))
    (first,), (second,) = world.file(mail(file)), world.file(mail(file))
    settle(world, first.id, True)
    assert settle(world, second.id, True)[0].state == DUPLICATE


def test_large_files_are_dropped_with_their_document(world: World) -> None:
    other = f"NIR {person(2).ins.matricule}\n".encode() * 6000
    (row,) = world.file(mail(("long.txt", "text/plain", other)))
    assert settle(world, row.id, False)[1] == (row.id,)
