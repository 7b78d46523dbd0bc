"""Registered software hears of its patients' records: promised after the work, signed, scope-checked twice, and saying
nothing of anybody's health."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete

from core import outbox
from ops.demo_files import demo_patient
from ops.keeper import Keeper
from portal.app import build
from portal.hook_calls import CallHook
from portal.hook_signature import is_genuine
from portal.hooks import CALL_KIND, HookPromises
from portal.record_hooks import CONSENT_ASKED, DOCUMENT_FILED, EMERGENCY, TO_RECONCILE, RecordHooks, Then
from portal.tables import web_hook_calls, web_hooks
from record import consent, software
from record.break_glass import GLASS_KIND, open_glass
from record.consent import ASK_KIND, MOVED_KIND
from record.erasure import forget_record
from record.order_book import OrderBook
from record.software import DOCUMENTS, LETTERS, PATIENTS, READERS, SCOPES
from record.tables import consents
from tests.support.full_cda import full_cda
from tests.support.hook_receiver import Receiver, receiving
from tests.support.kept import PHARMACY, filing
from tests.support.portal_clinic import Clinic
from tests.support.portal_world import World, taken

DONE = {DOCUMENT_FILED, TO_RECONCILE, CONSENT_ASKED, EMERGENCY}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


class Surgery(Clinic):
    """The physician's mailbox with a registered program that wants to be called."""

    def __init__(self, world: World, url: str, scopes: tuple[str, ...] = SCOPES) -> None:
        kept = world.kept
        orders = OrderBook(kept.keyring, kept.trail, (HookPromises(kept.clock),))
        services = replace(world.services, orders=orders, hooks_inside=True)
        super().__init__(replace(world, services=services, app=build(services)))
        args = (self.home.mailbox.id, "Logiciel de cabinet", frozenset(scopes), "1", kept.clock.now())
        self.entry, self.key = kept.db.run(software.register, kept.keyring, kept.trail, *args)
        self.url, self.secret = url, ""

    def call(self, method: str, path: str, body: object = None, key: str = ""):
        headers = {"authorization": f"Bearer {key or self.key}"}
        return self.world.browser().client.request(method, f"/api/record/{path}", json=body, headers=headers)

    def listens(self) -> str:
        """Its hook's id."""
        made = self.call("POST", "webhooks", {"url": self.url})
        assert made.status_code == 201, made.text
        self.secret = made.json()["secret"]
        return made.json()["id"]

    def agreed_to_all(self) -> None:
        """The patient files, lets this physician read, and lets the program, too."""
        self.agreed(consent.FILING)
        self.agreed(consent.ACCESS, self.home.mailbox.id)
        self.agreed(consent.SOFTWARE, self.entry.id)

    def works(self) -> None:
        """Keeps what is promised, as the house wires it."""
        kept = self.world.kept
        hooks = RecordHooks(kept.db, kept.keyring, kept.clock)
        handlers = {
            CALL_KIND: CallHook(kept.db, kept.keyring, kept.clock, inside=True),
            MOVED_KIND: hooks.moved,
            ASK_KIND: Then(lambda _ref: None, hooks.asked),
            GLASS_KIND: Then(lambda _ref: None, hooks.emergency),
        }
        keeper = Keeper(kept.db, kept.clock, handlers, 60, 12)
        for _ in range(2):  # what a promise promises, too
            for row_id in kept.db.read(outbox.due, kept.clock.now(), 100, frozenset()):
                keeper.run_one(row_id)

    def files(self, number: str = "7", **more: str) -> int:
        """A letter about the patient comes and is filed; the document's id."""
        kept, data = self.world.kept, full_cda(demo_patient(), number=number, text="Diabète équilibré.", **more)
        (row,) = self.received(("a.xml", "text/xml", data))
        hooks = RecordHooks(kept.db, kept.keyring, kept.clock)
        Then(filing(kept), hooks.filed)(row.message_id)
        return row.id


@pytest.fixture
def surgery(world: World, receiver: Receiver) -> Surgery:
    return Surgery(world, receiver.url)


def told(receiver: Receiver) -> list[tuple[str, dict[str, str]]]:
    found = [json.loads(body) for _headers, body in receiver.calls]
    return [(each["type"], each["data"]) for each in found]


def test_a_filed_document_is_told_signed_and_named_by_its_number(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    document = surgery.files()
    surgery.works()
    ((headers, body),) = receiver.calls
    assert is_genuine(surgery.secret, headers, body, int(surgery.world.kept.clock.now().timestamp()))
    assert told(receiver) == [(DOCUMENT_FILED, {"document": str(document)})]
    for secret in ("LÉVÊQUE", "Maëlys", "Diabète", "Ordonnance", "57833", demo_patient().ins.matricule):
        assert secret not in body.decode() + str(headers)
    found = surgery.call("GET", f"DocumentReference/{document}")
    assert found.status_code == 200 and found.json()["id"] == str(document)


def test_told_once_however_often_the_work_is_done(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    surgery.files()
    assert surgery.count(web_hook_calls) == 1
    for _ in range(3):
        surgery.files("7")  # the same document again: a duplicate is no news
    surgery.works()
    surgery.works()
    assert len(receiver.calls) == 1


def test_what_waited_for_the_patient_is_told_when_they_agree(surgery: Surgery, receiver: Receiver):
    surgery.agreed(consent.ACCESS, surgery.home.mailbox.id)
    surgery.agreed(consent.SOFTWARE, surgery.entry.id)
    kept = surgery.world.kept
    never_asked = delete(consents).where(consents.c.purpose == consent.FILING)
    kept.db.run(lambda session: session.execute(never_asked))
    surgery.listens()
    document = surgery.files()
    surgery.works()
    assert not receiver.calls
    kept.clock.advance(60)
    surgery.agreed(consent.FILING)
    surgery.works()
    assert (DOCUMENT_FILED, {"document": str(document)}) in told(receiver)


def test_a_document_to_reconcile_is_told_to_whoever_has_the_message(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    other = replace(demo_patient(), family="AUTRE", birth_date="1950-01-01")
    kept = surgery.world.kept
    (row, *_more) = surgery.received(("b.xml", "text/xml", full_cda(other, number="8", text="Texte.")))
    assert row.state == "to_reconcile"
    RecordHooks(kept.db, kept.keyring, kept.clock).filed(row.message_id)
    surgery.works()
    assert told(receiver) == [(TO_RECONCILE, {"document": str(row.id)})]


def test_a_question_to_the_patient_is_told_to_who_asked(surgery: Surgery, receiver: Receiver):
    surgery.listens()
    kept, now = surgery.world.kept, surgery.world.kept.clock.now()
    mine = kept.db.run(consent.ask, kept.patient_id, consent.SOFTWARE, now, surgery.entry.id)
    ours = kept.db.run(consent.ask, kept.patient_id, consent.ACCESS, now, surgery.home.mailbox.id)
    kept.db.run(consent.ask, kept.patient_id, consent.ACCESS, now, kept.pharmacy.mailbox.id)
    kept.db.run(consent.ask, kept.patient_id, consent.SOFTWARE, now, 12345)
    surgery.works()
    assert sorted(told(receiver), key=str) == sorted(
        [(CONSENT_ASKED, {"consent": str(each.id)}) for each in (mine, ours)], key=str
    )


def test_a_record_opened_in_an_emergency_is_told(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    kept = surgery.world.kept
    who = {"account_id": surgery.colleague.account_id, "mailbox_id": surgery.colleague.mailbox.id}
    reason = "Patiente inconsciente aux urgences, traitement inconnu."
    glass = kept.db.run(
        open_glass, kept.keyring, kept.trail, **who, patient_id=kept.patient_id, reason=reason, now=kept.clock.now()
    )
    surgery.works()
    assert told(receiver) == [(EMERGENCY, {"opening": str(glass.id)})]
    assert "inconsciente" not in receiver.calls[0][1].decode()


@pytest.mark.parametrize("purpose", [consent.SOFTWARE, consent.ACCESS])
def test_without_the_patient_s_consent_nothing_is_told(surgery: Surgery, receiver: Receiver, purpose: str):
    surgery.agreed_to_all()
    surgery.agreed(purpose, surgery.entry.id if purpose == consent.SOFTWARE else surgery.home.mailbox.id, False)
    surgery.listens()
    surgery.files()
    surgery.works()
    assert not receiver.calls and surgery.count(web_hook_calls) == 0


def test_consent_taken_back_between_promise_and_call_stops_the_call(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    surgery.files()
    assert surgery.count(web_hook_calls) == 1
    surgery.agreed(consent.SOFTWARE, surgery.entry.id, granted=False)
    surgery.works()
    assert not receiver.calls


def test_a_revoked_program_hears_nothing(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    surgery.files()
    kept = surgery.world.kept
    kept.db.run(software.revoke, kept.trail, surgery.entry.id, surgery.home.mailbox.id, "1", kept.clock.now())
    surgery.files("9")
    surgery.works()
    assert not receiver.calls
    assert surgery.call("GET", "webhooks").status_code == 401


@pytest.mark.parametrize(("scope", "hears"), [(PATIENTS, False), (READERS, False), (DOCUMENTS, True)])
def test_scopes_say_of_what(world: World, receiver: Receiver, scope: str, hears: bool):
    surgery = Surgery(world, receiver.url, (scope,))
    surgery.agreed_to_all()
    surgery.listens()
    surgery.files()
    surgery.works()
    assert bool(receiver.calls) is hears


def test_what_is_hidden_from_professionals_is_not_even_told(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    kept, name = surgery.world.kept, full_cda(demo_patient(), number="7", text="Secret.")
    (row,) = surgery.received(("a.xml", "text/xml", name.replace(b'code="N"', b'code="MASQUE_PS"')))
    RecordHooks(kept.db, kept.keyring, kept.clock).filed(row.message_id)
    surgery.works()
    assert row.state == "filed" and not receiver.calls


def test_an_erased_patient_is_told_of_no_more(surgery: Surgery, receiver: Receiver):
    surgery.agreed_to_all()
    surgery.listens()
    surgery.files()
    surgery.world.kept.db.run(forget_record, surgery.world.kept.patient_id)
    surgery.works()
    assert not receiver.calls


def test_a_program_without_a_scope_of_events_cannot_listen(world: World, receiver: Receiver):
    surgery = Surgery(world, receiver.url, (LETTERS,))
    answer = surgery.call("POST", "webhooks", {"url": receiver.url})
    assert answer.status_code == 400 and surgery.count(web_hooks) == 0


@pytest.mark.parametrize("body", [{}, {"url": "x"}, {"url": "ftp://a.example/x"}, {"url": "https://a@b.example/"}, []])
def test_bad_addresses_are_refused(surgery: Surgery, body: object):
    assert surgery.call("POST", "webhooks", body).status_code in (400, 422)
    assert surgery.count(web_hooks) == 0


def test_each_program_has_its_own_and_the_pharmacy_s_stay_apart(surgery: Surgery, receiver: Receiver):
    hook = surgery.listens()
    kept = surgery.world.kept
    args = (kept.pharmacy.mailbox.id, "Autre", frozenset(SCOPES), "1", kept.clock.now())
    _entry, key = kept.db.run(software.register, kept.keyring, kept.trail, *args)
    assert surgery.call("GET", "webhooks", key=key).json() == []
    assert surgery.call("DELETE", f"webhooks/{hook}", key=key).status_code == 404
    assert surgery.call("POST", f"webhooks/{hook}/ping", key=key).status_code == 404
    assert surgery.call("POST", "webhooks", {"url": receiver.url}, key=key).status_code == 201
    taken(surgery.world)  # an order of the pharmacy: its program's record hook does not hear of it
    surgery.works()
    assert not receiver.calls
    page = surgery.world.signed_in(PHARMACY).get("/officine/reglages").text
    assert receiver.url not in page


def test_a_ping_a_list_and_the_end(surgery: Surgery, receiver: Receiver):
    hook = surgery.listens()
    (known,) = surgery.call("GET", "webhooks").json()
    assert known["events"] == sorted(DONE) and "secret" not in known
    assert surgery.call("POST", f"webhooks/{hook}/ping").status_code == 202
    surgery.works()
    assert told(receiver) == [("ping", {})]
    assert surgery.call("DELETE", f"webhooks/{hook}").status_code == 204
    assert surgery.call("GET", "webhooks").json() == []
