"""Holders, mailboxes, patients, resolve on both databases: nothing personal in clear, nothing after a key is gone."""

from pathlib import Path

import pytest

from core.address import Address
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput, NotFound, Refused
from core.ins import OID_DEMO, Ins
from crypto.keyring import SoftKeyring
from crypto.sealed import SealBroken
from directory.extracts.entry import Entry
from directory.holders import create_holder, destroy_holder, holder_key
from directory.importer import upsert
from directory.local_domains import add_local_domain, is_local_domain
from directory.mailboxes import address_of, close, create_mailbox, find_mailbox, get_mailbox, reopen, suspend
from directory.patients import Identity, create_patient, find_patient, get_patient, identity_of, patient_of_mailbox
from directory.resolve import is_pharmacy, resolve
from tests.support.record_world import patient_address, person

NOW = FakeClock().now()
ORG = Address.parse("Pharmacie.1@demo.mssante.test")


@pytest.fixture
def keyring() -> SoftKeyring:
    return SoftKeyring.fresh()


def box(db: Db, keyring: SoftKeyring, address: Address = ORG, kind: str = "ORG"):
    return db.run(create_mailbox, keyring, address, kind, NOW)


def test_a_holder_has_one_key_until_it_is_destroyed(db: Db, keyring: SoftKeyring) -> None:
    one, two = (db.run(create_holder, keyring, "mailbox", NOW) for _ in range(2))
    key = db.read(holder_key, keyring, one)
    assert len(key) == 32 and key == db.read(holder_key, keyring, one) != db.read(holder_key, keyring, two)
    assert db.run(destroy_holder, one) and not db.run(destroy_holder, one) and not db.run(destroy_holder, 404)
    for gone in (one, 404):
        with pytest.raises(NotFound):
            db.read(holder_key, keyring, gone)


def test_a_stranger_keyring_opens_nothing(db: Db, keyring: SoftKeyring) -> None:
    holder = db.run(create_holder, keyring, "mailbox", NOW)
    with pytest.raises(SealBroken):
        db.read(holder_key, SoftKeyring.fresh(), holder)
    with pytest.raises(ValueError):
        db.run(create_holder, keyring, "other", NOW)


def test_found_whatever_the_case_and_shown_as_given(db: Db, keyring: SoftKeyring) -> None:
    made = box(db, keyring)
    assert db.read(find_mailbox, keyring, Address.parse("PHARMACIE.1@DEMO.mssante.test")) == made
    assert db.read(address_of, keyring, made.id).text == "Pharmacie.1@demo.mssante.test"
    assert db.read(get_mailbox, made.id).is_open


@pytest.mark.parametrize(
    "address, kind", [(ORG, "PAT"), (ORG, "XXX"), (ORG, ""), (patient_address(person().ins), "PER")]
)
def test_kinds_that_do_not_fit(db: Db, keyring: SoftKeyring, address: Address, kind: str) -> None:
    with pytest.raises(BadInput):
        box(db, keyring, address, kind)


def test_an_address_is_given_once(db: Db, keyring: SoftKeyring) -> None:
    box(db, keyring)
    with pytest.raises(Refused):
        box(db, keyring, Address.parse("pharmacie.1@demo.mssante.test"))


def test_life_of_a_mailbox(db: Db, keyring: SoftKeyring) -> None:
    made = box(db, keyring)
    for change, state in ((suspend, "suspended"), (reopen, "open"), (close, "closed")):
        db.run(change, made.id)
        assert db.read(get_mailbox, made.id).state == state
    for change in (suspend, close):
        with pytest.raises(NotFound):
            db.run(change, made.id)
    db.run(reopen, made.id)
    assert db.read(get_mailbox, made.id).is_open
    with pytest.raises(NotFound):
        db.run(close, 404)
    with pytest.raises(NotFound):
        db.read(address_of, keyring, 404)


def test_patient_is_found_by_number_and_oid_alone(db: Db, keyring: SoftKeyring) -> None:
    me = person()
    mailbox = box(db, keyring, patient_address(me.ins), "PAT")
    made = db.run(create_patient, keyring, me, mailbox.id, NOW)
    assert db.read(find_patient, keyring, me.ins) == made == db.read(patient_of_mailbox, mailbox.id)
    assert db.read(identity_of, keyring, made.id) == me
    assert db.read(find_patient, keyring, Ins(me.ins.matricule, OID_DEMO)) is None
    assert db.read(find_patient, keyring, person(2).ins) is None
    assert db.read(patient_of_mailbox, 404) is None
    with pytest.raises(Refused):
        db.run(create_patient, keyring, me, None, NOW)
    for call in (lambda: db.read(get_patient, 404), lambda: db.read(identity_of, keyring, 404)):
        with pytest.raises(NotFound):
            call()


def test_a_forgotten_patient_has_no_identity(db: Db, keyring: SoftKeyring) -> None:
    made = db.run(create_patient, keyring, person(), None, NOW)
    db.run(destroy_holder, made.holder_id)
    with pytest.raises(NotFound):
        db.read(identity_of, keyring, made.id)


@pytest.mark.parametrize(
    "traits",
    [
        {"family": ""},
        {"given": "  "},
        {"family": "A\x00"},
        {"family": "A" * 101},
        {"birth_date": "28/03/1979"},
        {"birth_date": "1979-13-01"},
        {"birth_date": ""},
        {"sex": "X"},
        {"sex": ""},
    ],
)
def test_an_identity_is_whole_or_none(traits: dict[str, str]) -> None:
    with pytest.raises(BadInput) as refusal:
        person(**traits)
    assert "1979" not in str(refusal.value)


def test_an_identity_prints_nothing() -> None:
    shown = repr(person())
    assert isinstance(person(), Identity) and person().ins.matricule not in shown and "DUPR" not in shown


def test_resolve(db: Db, keyring: SoftKeyring) -> None:
    db.run(add_local_domain, "Demo.mssante.test")
    db.run(add_local_domain, "demo.mssante.test")
    db.run(upsert, [Entry(ORG.key, "ORG", structure_name="PHARMACIE", sector="SA33"), Entry("dr@ailleurs.test", "PER")])
    assert db.read(resolve, keyring, Address.parse("nobody@demo.mssante.test")) is None
    unmade = db.read(resolve, keyring, ORG)
    assert unmade and unmade.is_local and unmade.mailbox_id is None and not unmade.takes_mail
    made = box(db, keyring)
    found = db.read(resolve, keyring, ORG)
    assert found and (found.mailbox_id, found.holder_id, found.kind) == (made.id, made.holder_id, "ORG")
    assert found.takes_mail and found.entry and found.entry.label == "PHARMACIE"
    db.run(suspend, made.id)
    assert not db.read(resolve, keyring, ORG).takes_mail
    far = db.read(resolve, keyring, Address.parse("dr@ailleurs.test"))
    assert far and not far.is_local and far.takes_mail and far.mailbox_id is None
    assert db.read(is_local_domain, "DEMO.mssante.test") and not db.read(is_local_domain, "ailleurs.test")


@pytest.mark.parametrize(
    "kind, sector, expected", [("ORG", "SA33", True), ("ORG", "SA07", False), ("PER", "SA33", False)]
)
def test_what_a_pharmacy_is(db: Db, keyring: SoftKeyring, kind: str, sector: str, expected: bool) -> None:
    made = box(db, keyring, ORG, kind)
    assert not db.read(is_pharmacy, keyring, made)  # not in the directory yet
    db.run(upsert, [Entry(ORG.key, kind, sector=sector)])
    assert db.read(is_pharmacy, keyring, made) is expected


def test_nothing_personal_on_the_disk(db: Db, keyring: SoftKeyring, tmp_path: Path) -> None:
    me = person()
    db.run(create_patient, keyring, me, box(db, keyring, patient_address(me.ins), "PAT").id, NOW)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert me.ins.matricule.encode() not in data and me.family.encode() not in data
