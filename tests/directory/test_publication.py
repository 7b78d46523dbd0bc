"""Publication in the national annuaire: told once and truly, in both encodings, and what is refused is said."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import outbox
from core.address import Address
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput, Refused
from crypto.keyring import SoftKeyring
from directory.holders import destroy_holder
from directory.mailboxes import create_mailbox
from directory.publication_client import NationalAnnuaire, NotReached, NotTold, carrier_of
from directory.publication_patch import METADATA, Mailbox, changes, contact_point, read_mailbox
from directory.publication_rows import (
    KIND,
    PUBLISHED,
    UNPUBLISHED,
    Publication,
    publication_of,
    put_publication,
    tell_again,
    unpublish_carrier,
)
from directory.publication_teller import TellPublication
from tests.support import national_annuaire

CLOCK = FakeClock()
NOW = CLOCK.now()
PERSON = "899000000019"
IDNPS = "urn:oid:1.2.250.1.71.4.2.1"
ADDRESS = "nom.invente@pharmacie-inventee.mssante.fr"


@pytest.fixture
def ans():
    with national_annuaire.serving() as server:
        server.carrier("Practitioner", "p-1", f"{IDNPS}|{PERSON}", {"system": "phone", "value": "0199000000"})
        server.carrier("PractitionerRole", "r-1", "https://rpps.esante.gouv.fr|1012345678")
        server.carrier("Organization", "o-1", "https://finess.esante.gouv.fr|990000010")
        yield server


@pytest.fixture
def keyring() -> SoftKeyring:
    return SoftKeyring.fresh()


def api(ans, encoding="concept", key="cle-inventee") -> NationalAnnuaire:
    return NationalAnnuaire(ans.url, key, encoding)


def box(db: Db, keyring, kind="PER", address=ADDRESS) -> int:
    return db.run(create_mailbox, keyring, Address.parse(address), kind, NOW).id


def decide(db: Db, mailbox_id: int, state=PUBLISHED, carrier="practitioner", key=PERSON, **more) -> None:
    facts = {"rank": 1, "service": "", "red_list": False} | more
    db.run(put_publication, Publication(mailbox_id, carrier, key, state=state, **facts), NOW)


def told(db: Db, keyring, ans, mailbox_id: int, encoding="concept") -> Publication:
    TellPublication(db, keyring, CLOCK, api(ans, encoding))(mailbox_id)
    return db.read(publication_of, mailbox_id)


@pytest.mark.parametrize("encoding", ["code", "concept"])
def test_published_changed_and_ended(db: Db, keyring, ans, encoding) -> None:
    mailbox = box(db, keyring)
    decide(db, mailbox)
    assert (found := told(db, keyring, ans, mailbox, encoding)).told == PUBLISHED and found.fault == ""
    first, second = ans.carriers["Practitioner"][0]["telecom"]
    assert read_mailbox(first) == Mailbox(ADDRESS, "PER", rank=1) and second["system"] == "phone"
    decide(db, mailbox, rank=2)
    told(db, keyring, ans, mailbox, encoding)
    first, second = ans.carriers["Practitioner"][0]["telecom"]
    assert read_mailbox(first).rank == 2 and second["system"] == "phone"
    decide(db, mailbox, UNPUBLISHED)
    assert told(db, keyring, ans, mailbox, encoding).told == UNPUBLISHED
    assert [one["system"] for one in ans.carriers["Practitioner"][0]["telecom"]] == ["phone"]


def test_telling_twice_changes_nothing(db: Db, keyring, ans) -> None:
    mailbox = box(db, keyring)
    decide(db, mailbox)
    told(db, keyring, ans, mailbox, "code")
    before = copy.deepcopy(ans.carriers)
    told(db, keyring, ans, mailbox, "concept")
    assert ans.carriers == before and [one[0] for one in ans.heard] == ["GET", "PATCH", "GET"]
    decide(db, mailbox, UNPUBLISHED)
    for _ in range(2):
        assert told(db, keyring, ans, mailbox).told == UNPUBLISHED


def test_the_other_carriers(db: Db, keyring, ans) -> None:
    service = box(db, keyring, "ORG", "accueil@pharmacie-inventee.mssante.fr")
    decide(db, service, carrier="organization", key="1990000010", service="Officine")
    assert told(db, keyring, ans, service).told == PUBLISHED
    assert read_mailbox(ans.carriers["Organization"][0]["telecom"][0]).service == "Officine"
    activity = box(db, keyring)
    decide(db, activity, carrier="role", key="1012345678", person=PERSON)
    assert told(db, keyring, ans, activity, "code").told == PUBLISHED
    assert db.run(unpublish_carrier, PERSON, NOW) == 1  # struck off: what hangs on an activity ends, too
    assert told(db, keyring, ans, activity).told == UNPUBLISHED and not ans.carriers["PractitionerRole"][0]["telecom"]


def test_what_is_refused_is_kept_in_one_word(db: Db, keyring, ans) -> None:
    mailbox = box(db, keyring)
    decide(db, mailbox, key="899000000028")
    found = told(db, keyring, ans, mailbox)
    assert (found.told, found.fault) == ("", "carrier-unknown")
    ans.carrier("Practitioner", "p-2", f"{IDNPS}|{PERSON}")
    decide(db, mailbox)
    assert told(db, keyring, ans, mailbox).fault == "carrier-ambiguous"
    decide(db, mailbox, carrier="organization", key="1990000010")
    assert told(db, keyring, ans, mailbox).fault == "kind-differs"
    ans.carriers["Practitioner"].pop()
    ans.carriers["Organization"][0]["telecom"].append(contact_point(Mailbox(ADDRESS, "ORG"), "code"))
    decide(db, mailbox)
    assert told(db, keyring, ans, mailbox).fault == "address-taken"


def test_an_unknown_carrier_has_nothing_to_end(db: Db, keyring, ans) -> None:
    mailbox = box(db, keyring)
    decide(db, mailbox, UNPUBLISHED, key="899000000028")
    assert told(db, keyring, ans, mailbox).told == UNPUBLISHED


def test_trouble_there_is_tried_again_and_quotes_nobody(db: Db, keyring, ans) -> None:
    mailbox = box(db, keyring)
    decide(db, mailbox)
    for status in (500, 429, 401, 302):
        ans.trouble = [status]
        with pytest.raises(NotReached) as failed:
            told(db, keyring, ans, mailbox)
        assert "Untel" not in f"{failed.value} {failed.value.public}"
    with pytest.raises(NotReached):
        TellPublication(db, keyring, CLOCK, api(ans, key="fausse"))(mailbox)
    with pytest.raises(NotReached):
        NationalAnnuaire("http://127.0.0.1:9/x", "k", "code").telecoms(carrier_of("practitioner", PERSON))
    assert db.read(publication_of, mailbox).told == ""


def test_without_an_api_nothing_is_lost(db: Db, keyring, ans) -> None:
    mailbox = box(db, keyring)
    decide(db, mailbox)
    TellPublication(db, keyring, CLOCK, None)(mailbox)
    for row in db.read(outbox.due, NOW):
        db.run(outbox.done, row)
    assert db.run(tell_again, NOW) == 1 and len(db.read(outbox.due, NOW)) == 1
    told(db, keyring, ans, mailbox)
    assert db.run(tell_again, NOW) == 0
    task = db.run(outbox.lease, db.read(outbox.due, NOW)[0], NOW, 60)
    assert (task.kind, task.ref) == (KIND, mailbox)


def test_a_destroyed_key_is_said(db: Db, keyring, ans) -> None:
    made = db.run(create_mailbox, keyring, Address.parse(ADDRESS), "PER", NOW)
    decide(db, made.id)
    db.run(destroy_holder, made.holder_id)
    assert told(db, keyring, ans, made.id).fault == "mailbox-gone" and not ans.heard
    TellPublication(db, keyring, CLOCK, api(ans))(404)


def test_red_listed_is_never_published(db: Db, keyring) -> None:
    with pytest.raises(Refused):
        decide(db, box(db, keyring), red_list=True)


@pytest.mark.parametrize("base", ["http://annuaire.example", "ftp://127.0.0.1/", "x"])
def test_no_publication_without_tls(base: str) -> None:
    with pytest.raises(BadInput):
        NationalAnnuaire(base, "k", "code")


@pytest.mark.parametrize("kind, key", [("practitioner", "8|9"), ("nobody", PERSON), ("role", ""), ("role", "é")])
def test_carriers_that_are_none(kind: str, key: str) -> None:
    with pytest.raises(BadInput):
        carrier_of(kind, key)


def test_an_answer_that_is_no_fhir(ans, monkeypatch) -> None:
    for entry in ([], [{"resource": {}}, {"resource": {}}]):
        monkeypatch.setattr(ans, "find", lambda *_, found=entry: [one["resource"] for one in found])
        with pytest.raises(NotTold):
            api(ans).telecoms(carrier_of("practitioner", PERSON))


@pytest.mark.parametrize(
    "fact",
    [
        {"valueCode": "PER"},
        {"valueCodeableConcept": {"coding": [{"system": "https://x/TRE_R256-TypeMessagerie", "code": "PER"}]}},
        {"valueCodeableConcept": {"coding": [{"system": "https://x/TRE_R257-TypeBAL", "code": "PER"}]}},
        {"valueCoding": {"code": "PER"}},
    ],
)
def test_every_way_of_writing_a_type_is_read(fact: dict) -> None:
    extension = {"url": METADATA, "extension": [{"url": "type", **fact}]}
    assert read_mailbox({"system": "email", "value": ADDRESS, "extension": [extension]}).kind == "PER"


@given(
    local=st.text(st.sampled_from("ab'\\.)("), min_size=1, max_size=12), encoding=st.sampled_from(["code", "concept"])
)
def test_no_address_ends_the_path(local: str, encoding) -> None:
    address = f"{local}@etab.mssante.fr"
    server = national_annuaire.NationalAnnuaire("k")
    held = server.carrier("Practitioner", "1", "s|1")
    for wanted in (Mailbox(address, "PER"), Mailbox(address, "PER", rank=3), None):
        change = changes("Practitioner", held["telecom"], address, wanted, encoding)
        server.patch("Practitioner", [held], change)
        assert [read_mailbox(one) for one in held["telecom"]] == ([wanted] if wanted else [])
