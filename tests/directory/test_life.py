"""The life of mailboxes: nobody comes → warned, then closed; named delegates; patients from INSi alone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import outbox
from core.address import Address
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput, NotFound, PliError, Refused
from core.ins import OID_NIR, OID_TEST, WrongEnvironment
from crypto.keyring import SoftKeyring
from directory.activity import WARN_KIND, Patience, follow_use, note_use, warned_at
from directory.delegates import acts_for, add_delegate, delegates_of, remove_delegate
from directory.erasure import forget_patient
from directory.insi import read_answer
from directory.mailboxes import CLOSED, OPEN, close, create_mailbox, get_mailbox, reopen, suspend
from directory.patients import create_patient
from directory.publication_rows import PUBLISHED, UNPUBLISHED, Publication, publication_of, put_publication
from tests.support.record_world import patient_address, person

NOW = FakeClock().now()
DAY = timedelta(days=1)
PATIENCE = Patience(365 * DAY, 30 * DAY)


@pytest.fixture
def keyring() -> SoftKeyring:
    return SoftKeyring.fresh()


def box(db: Db, keyring, address: str, kind: str = "PER"):
    return db.run(create_mailbox, keyring, Address.parse(address), kind, NOW)


def patient(db: Db, keyring, rank: int, birth_date: str):
    identity = person(rank, birth_date=birth_date)
    made = db.run(create_mailbox, keyring, patient_address(identity.ins), "PAT", NOW)
    return made, db.run(create_patient, keyring, identity, made.id, NOW)


def states(db: Db, *boxes) -> list[str]:
    return [db.read(get_mailbox, one.id).state for one in boxes]


def test_warned_then_closed_then_reopened(db: Db, keyring) -> None:
    idle, busy = box(db, keyring, "a@etab.test"), box(db, keyring, "b@etab.test")
    app = box(db, keyring, "c@etab.test", "APP")
    publication = Publication(idle.id, "practitioner", "899000000019", False, 1, "", PUBLISHED)
    db.run(put_publication, publication, NOW)
    db.run(note_use, busy.id, NOW + 300 * DAY)
    assert db.run(follow_use, PATIENCE, NOW + 334 * DAY) == (0, 0)
    assert db.run(follow_use, PATIENCE, NOW + 336 * DAY) == (1, 0) and db.read(warned_at, idle.id)
    assert db.run(follow_use, PATIENCE, NOW + 364 * DAY) == (0, 0)
    assert db.run(follow_use, PATIENCE, NOW + 367 * DAY) == (0, 1)
    assert states(db, idle, busy, app) == [CLOSED, OPEN, OPEN]
    assert db.read(publication_of, idle.id).state == UNPUBLISHED
    kinds = [db.run(outbox.lease, row, NOW + 400 * DAY, 9).kind for row in db.read(outbox.due, NOW + 400 * DAY)]
    assert kinds.count(WARN_KIND) == 1
    db.run(reopen, idle.id)
    db.run(note_use, idle.id, NOW + 368 * DAY)
    assert states(db, idle) == [OPEN] and db.run(follow_use, PATIENCE, NOW + 368 * DAY) == (0, 0)


def test_a_login_answers_the_warning(db: Db, keyring) -> None:
    made = box(db, keyring, "a@etab.test")
    db.run(follow_use, PATIENCE, NOW + 340 * DAY)
    db.run(note_use, made.id, NOW + 341 * DAY)
    assert db.read(warned_at, made.id) is None
    assert db.run(follow_use, PATIENCE, NOW + 400 * DAY) == (0, 0) and states(db, made) == [OPEN]


def test_nobody_is_closed_before_the_notice_is_over(db: Db, keyring) -> None:
    """Put in force on an old instance, the rule warns first."""
    made = box(db, keyring, "a@etab.test")
    late = NOW + 900 * DAY
    assert db.run(follow_use, PATIENCE, late) == (1, 0)
    assert db.run(follow_use, PATIENCE, late + 29 * DAY) == (0, 0) and states(db, made) == [OPEN]
    assert db.run(follow_use, PATIENCE, late + 30 * DAY) == (0, 1)


def test_delegates_of_a_service(db: Db, keyring) -> None:
    service, one, other = (
        box(db, keyring, "urgences@etab.test", "ORG"), box(db, keyring, "a@etab.test"), box(db, keyring, "b@etab.test")
    )  # fmt: skip
    for _ in range(2):
        db.run(add_delegate, keyring, service.id, one.id, NOW)
    assert [found[0] for found in db.read(delegates_of, service.id)] == [one.id]
    assert db.read(acts_for, keyring, service, one.id, NOW) and not db.read(acts_for, keyring, service, other.id, NOW)
    for mailbox, delegate in ((service, service), (one, other), (service, 404), (404, one)):
        with pytest.raises((Refused, NotFound)):
            db.run(add_delegate, keyring, getattr(mailbox, "id", 404), getattr(delegate, "id", 404), NOW)
    db.run(close, service.id)
    assert not db.read(acts_for, keyring, db.read(get_mailbox, service.id), one.id, NOW)
    db.run(remove_delegate, service.id, one.id)
    with pytest.raises(NotFound):
        db.run(remove_delegate, service.id, one.id)


def test_a_parent_acts_for_a_minor_until_the_birthday(db: Db, keyring) -> None:
    (child, _), (parent, _) = patient(db, keyring, 1, "2014-03-28"), patient(db, keyring, 2, "1979-03-28")
    stranger = box(db, keyring, "a@etab.test")
    db.run(add_delegate, keyring, child.id, parent.id, NOW)
    before, on_the_day = NOW.replace(year=2032, month=3, day=27), NOW.replace(year=2032, month=3, day=28)
    assert db.read(acts_for, keyring, child, parent.id, before)
    assert not db.read(acts_for, keyring, child, parent.id, on_the_day)
    for mailbox, delegate in ((parent, child), (child, stranger)):
        with pytest.raises(Refused):
            db.run(add_delegate, keyring, mailbox.id, delegate.id, NOW)


def test_what_was_forgotten_never_comes_back(db: Db, keyring) -> None:
    made, whose = patient(db, keyring, 1, "1979-03-28")
    db.run(suspend, made.id)
    db.run(forget_patient, whose, made.holder_id)
    with pytest.raises(NotFound):
        db.run(reopen, made.id)


NIR, KEY = person().ins.matricule[:13], person().ins.matricule[13:]


def answer(code: str = "00", oid: str = OID_TEST, number: str = NIR, **changes: str) -> bytes:
    traits = {"NomNaissance": "DUPRÉ-L'HÔTE", "ListePrenom": "MAËLYS INÈS", "Sexe": "F",
              "DateNaissance": "1979-03-28", "LieuNaissance": "99124"} | changes  # fmt: skip
    inside = "".join(f"<r:{name}>{value}</r:{name}>" for name, value in traits.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        f'<r:RESULTAT xmlns:r="http://www.cnamts.fr/INSiResultat"><r:CR><r:CodeCR>{code}</r:CodeCR></r:CR>'
        f"<r:INDIVIDU><r:INSACTIF><r:IdIndividu><r:NumIdentifiant>{number}</r:NumIdentifiant><r:Cle>{KEY}</r:Cle>"
        f"</r:IdIndividu><r:OID>{oid}</r:OID></r:INSACTIF><r:TIQ>{inside}</r:TIQ></r:INDIVIDU></r:RESULTAT>"
        "</s:Body></s:Envelope>"
    ).encode()


def test_an_insi_answer_qualifies() -> None:
    found = read_answer(answer(), production=False)
    assert (found.ins, found.family, found.given) == (person().ins, "DUPRÉ-L'HÔTE", "MAËLYS")
    assert read_answer(answer(Prenom="MAËLYS-INÈS"), production=False).given == "MAËLYS-INÈS"
    assert read_answer(answer(oid=OID_NIR), production=True).ins.oid == OID_NIR


@pytest.mark.parametrize("oid, production", [(OID_TEST, True), (OID_NIR, False)])
def test_test_and_real_identities_never_meet(oid: str, production: bool) -> None:
    with pytest.raises(WrongEnvironment):
        read_answer(answer(oid=oid), production)


@pytest.mark.parametrize(
    "data",
    [
        answer("01"), answer("02"), answer(""), answer("99"), answer(oid="1.2.3"), answer(number="1"),
        answer(number=f"{NIR[:-1]}0"), answer(NomNaissance=""), answer(DateNaissance="1979-13-28"), answer(Sexe="X"),
        answer(ListePrenom=""), answer().replace(b"INSiResultat", b"Autre"), b"", b"<a/>", b"{}", answer()[:-30],
        b'<!DOCTYPE a [<!ENTITY x "y">]>' + answer().partition(b"?>")[2], answer() + b" " * 70_000,
        answer().replace(b"</r:TIQ>", b"<r:Sexe>M</r:Sexe></r:TIQ>"), answer().decode().encode("utf-16"),
    ],
)  # fmt: skip
def test_what_qualifies_nobody(data: bytes) -> None:
    with pytest.raises((BadInput, Refused)) as refused:
        read_answer(data, production=False)
    assert NIR not in f"{refused.value}{refused.value.public}" and "DUPR" not in refused.value.public


@given(st.data())
def test_octets_are_an_answer_or_refused(data: st.DataObject) -> None:
    whole = answer()
    at = data.draw(st.integers(0, len(whole)))
    cut = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + data.draw(st.integers(0, 9)) :]
    try:
        assert read_answer(cut, production=False).ins.oid == OID_TEST
    except PliError as refused:
        assert refused.public
