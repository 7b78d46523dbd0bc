"""Who may see what: marks, representatives, oppositions, emergencies, registered software."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core.address import Address
from core.errors import BadInput, NotFound, Refused
from core.tables import audit
from record import consent, representatives
from record.access import Reader, Records
from record.documents import AWAITING, REMOVED, DocumentRow
from record.masking import Masking
from record.representatives import Kind, Representative
from record.visibility import Ground, Mask, checked, codes_of, is_visible, mask_of
from tests.support.record_files import cda
from tests.support.record_world import World, mail, patient_address, person

NOTE = ("lettre.txt", "text/plain", b"Une lettre.")
CHILD = {"given": "Zoé", "birth_date": "2015-03-28"}


class Broken:
    """Somebody broke the glass."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id

    def standing(self, _session: object, _patient_id: int, account_id: int, _now: datetime) -> bool:
        return account_id == self.account_id


def records(world: World, emergency: Broken | None = None) -> Records:
    return Records(world.db, world.keyring, world.trail, world.blobs, world.clock, emergency)


def grounds(world: World) -> list[str]:
    query = select(audit.c.detail).where(audit.c.action == "document.read").order_by(audit.c.seq)
    return world.db.read(lambda session: list(session.execute(query).scalars()))


def settle(world: World, purpose: str, granted: bool, grantee: int = 0) -> None:
    world.db.run(consent.settle, world.trail, world.patient.id, purpose, granted, "patient", world.clock.now(), grantee)


def filed(world: World, codes: tuple[str, ...] = (), to: str = "pharmacie.1") -> DocumentRow:
    document = cda(world.identity, section="Texte.")
    for code in codes:
        document = document.replace(b'code="N"', f'code="{code}"'.encode())
    (row,) = world.file(mail(("doc.xml", "text/xml", document)), to=(world.address(to),))
    return row


def mask(world: World, reader: Reader, row: DocumentRow, mark: Mask, is_set: bool = True) -> DocumentRow:
    return world.db.run(Masking(world.keyring, world.trail).mask, reader, row.id, mark, is_set, world.clock.now())


@given(st.sampled_from([each for each in range(8) if each & 3 != 3]))
def test_codes_and_marks_are_the_same_thing(bits: int) -> None:
    assert mask_of(codes_of(bits)) == bits


@given(st.lists(st.sampled_from(["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX", "N", "X"])))
def test_nobody_is_hidden_from_by_both_sides(codes: list[str]) -> None:
    if {"MASQUE_PS", "INVISIBLE_PATIENT"} <= set(codes):
        with pytest.raises(BadInput):
            mask_of(codes)
    else:
        assert any(is_visible(mask_of(codes), ground) for ground in (Ground.OWN, Ground.CONSENT))


def test_what_is_hidden_from_professionals_is_hidden_from_consent_and_emergency(world: World) -> None:
    row = filed(world, ("MASQUE_PS",))
    settle(world, consent.ACCESS, True, world.physician.id)
    physician = Reader(3, world.physician.id)
    assert records(world).list(physician, world.patient.id) == ()
    for found in (records(world), records(world, Broken(3))):
        with pytest.raises(Refused):
            found.read(physician, row.id)
    records(world).read(Reader(1, world.patient_box.id), row.id)
    records(world).read(Reader(2, world.pharmacy.id), row.id)  # has the message that brought it
    assert grounds(world) == ["", "", "own", "message"]


def test_what_the_patient_is_not_to_see_yet_is_announced_by_the_professional(world: World) -> None:
    row = filed(world, ("INVISIBLE_PATIENT",))
    mine, pharmacy = Reader(1, world.patient_box.id), Reader(2, world.pharmacy.id)
    assert records(world).list(mine, world.patient.id) == ()
    with pytest.raises(Refused):
        records(world).read(mine, row.id)
    with pytest.raises(NotFound):
        mask(world, mine, row, Mask.PATIENT, False)
    mask(world, pharmacy, row, Mask.PATIENT, False)
    assert records(world).read(mine, row.id).row.id == row.id


def test_nobody_sets_a_mark_that_is_not_theirs_or_that_hides_from_all(world: World) -> None:
    row = filed(world, ("INVISIBLE_PATIENT",))
    with pytest.raises(Refused):
        mask(world, Reader(2, world.pharmacy.id), row, Mask.PROFESSIONALS)
    with pytest.raises(BadInput):
        checked(Mask.PROFESSIONALS | Mask.PATIENT)


def test_the_patient_hides_and_shows_again(world: World) -> None:
    row, mine, physician = filed(world), Reader(1, world.patient_box.id), Reader(3, world.physician.id)
    settle(world, consent.ACCESS, True, world.physician.id)
    mask(world, mine, row, Mask.PROFESSIONALS)
    with pytest.raises(Refused):
        records(world).read(physician, row.id)
    mask(world, mine, row, Mask.PROFESSIONALS, False)
    assert records(world).read(physician, row.id)
    assert world.trace("document.mask") == [("1", "done")] and world.trace("document.unmask") == [("1", "done")]


def test_an_opposition_to_all_is_stronger_than_a_consent_to_one(world: World) -> None:
    row, physician = filed(world), Reader(3, world.physician.id)
    settle(world, consent.ACCESS, True, world.physician.id)
    settle(world, consent.ACCESS, False)
    with pytest.raises(Refused):
        records(world).read(physician, row.id)
    settle(world, consent.ACCESS, True)
    assert records(world).read(physician, row.id)


def test_an_emergency_opens_what_is_not_hidden_unless_the_patient_objected(world: World) -> None:
    row, physician = filed(world), Reader(3, world.physician.id)
    with pytest.raises(Refused):
        records(world, Broken(4)).read(physician, row.id)
    assert records(world, Broken(3)).read(physician, row.id)
    settle(world, consent.EMERGENCY, False)
    with pytest.raises(Refused):
        records(world, Broken(3)).read(physician, row.id)
    assert grounds(world) == ["", "emergency", ""]


def test_software_reads_with_the_patients_consent_only_and_never_by_the_message(world: World) -> None:
    row = filed(world)
    settle(world, consent.ACCESS, True, world.pharmacy.id)
    program = Reader(2, world.pharmacy.id, software_id=77)
    with pytest.raises(Refused):
        records(world).read(program, row.id)
    settle(world, consent.SOFTWARE, True, 77)
    assert records(world).read(program, row.id)
    settle(world, consent.ACCESS, False, world.pharmacy.id)
    with pytest.raises(Refused):
        records(world).read(program, row.id)
    assert [actor for actor, _outcome in world.trace("document.read")] == ["software:77"] * 3


def test_a_parent_acts_until_the_child_is_of_age_and_sees_not_what_the_child_keeps(world: World) -> None:
    child, box = world.another_patient(person(5, **CHILD))
    note = mail(("a.txt", "text/plain", b"Pour l'enfant."))
    (row,) = world.file(note, sender=world.address("dr.aubin"), to=(address_of_child(),), holders=(box,))
    parent = Reader(1, world.patient_box.id)
    with pytest.raises(Refused):
        records(world).list(parent, child.id)
    appoint(world, child.id, world.patient_box.id, Kind.PARENT)
    assert row.state == AWAITING and [each.row.id for each in records(world).list(parent, child.id)] == [row.id]
    assert world.db.read(representatives.wards, world.keyring, world.patient_box.id, world.clock.now())
    mask(world, Reader(8, box.id), row, Mask.REPRESENTATIVES)
    assert records(world).list(parent, child.id) == ()
    world.clock.advance(7 * 366 * 86_400)  # past the eighteenth birthday
    with pytest.raises(Refused):
        records(world).list(parent, child.id)
    assert world.db.read(representatives.wards, world.keyring, world.patient_box.id, world.clock.now()) == ()


def address_of_child() -> Address:
    return patient_address(person(5, **CHILD).ins)


def appoint(world: World, patient_id: int, mailbox_id: int, kind: Kind) -> None:
    found = Representative(patient_id, mailbox_id, kind)
    world.db.run(representatives.appoint, world.keyring, world.trail, found, "operator", world.clock.now())


def test_who_may_not_be_a_representative(world: World) -> None:
    other, box = world.another_patient(person(6))
    with pytest.raises(Refused):  # of age
        appoint(world, other.id, world.patient_box.id, Kind.PARENT)
    with pytest.raises(Refused):  # oneself
        appoint(world, other.id, box.id, Kind.GUARDIAN)
    with pytest.raises(Refused):  # no patient
        appoint(world, other.id, world.physician.id, Kind.GUARDIAN)
    appoint(world, other.id, world.patient_box.id, Kind.GUARDIAN)
    appoint(world, other.id, world.patient_box.id, Kind.GUARDIAN)
    assert len(world.db.read(representatives.standing, world.keyring, other.id, world.clock.now())) == 1
    world.db.run(representatives.dismiss, world.trail, other.id, world.patient_box.id, "operator", world.clock.now())
    with pytest.raises(NotFound):
        world.db.run(
            representatives.dismiss, world.trail, other.id, world.patient_box.id, "operator", world.clock.now()
        )


def test_the_patient_alone_removes_a_document_and_nothing_of_it_is_left(world: World) -> None:
    row, masking = filed(world), Masking(world.keyring, world.trail)
    now = world.clock.now()
    with pytest.raises(Refused):
        world.db.run(masking.remove, Reader(2, world.pharmacy.id), row.id, now)
    with pytest.raises(NotFound):
        world.db.run(masking.remove, Reader(3, world.physician.id), row.id, now)
    world.db.run(masking.remove, Reader(1, world.patient_box.id), row.id, now)
    (left,) = world.rows(row.message_id)
    assert left.state == REMOVED and records(world).list(Reader(1, world.patient_box.id), world.patient.id) == ()
    with pytest.raises(NotFound):
        records(world).read(Reader(2, world.pharmacy.id), row.id)


def test_a_professional_with_consent_does_not_see_what_still_waits(world: World) -> None:
    settle(world, consent.ACCESS, True, world.physician.id)
    letter = {"sender": world.address("dr.aubin"), "to": (world.patient_address,), "holders": (world.patient_box,)}
    (row,) = world.file(mail(NOTE), **letter)
    assert row.state == AWAITING
    assert records(world).list(Reader(3, world.physician.id), world.patient.id) == ()
