"""Calls to a pharmacy's software: promised with the change, signed so that Standard Webhooks' own library agrees."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core import outbox
from core.errors import BadInput, Refused, Temporary
from ops.keeper import Keeper
from portal import hook_target
from portal.app import build
from portal.hook_calls import CallHook
from portal.hook_signature import REPLAY_S, is_genuine, new_secret, signed
from portal.hooks import CALL_KIND, HookPromises
from portal.tables import web_hooks
from record.order_book import OrderBook
from record.orders import State
from tests.support.hook_receiver import Receiver, receiving
from tests.support.kept import PHARMACY
from tests.support.portal_world import OTHER, World, api_key, pharmacist, taken


@pytest.fixture
def software() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def hooked(world: World) -> World:
    """The world, with an order book that tells of changes, and our own network open."""
    orders = OrderBook(world.kept.keyring, world.kept.trail, (HookPromises(world.kept.clock),))
    services = replace(world.services, orders=orders, hooks_inside=True)
    return replace(world, services=services, app=build(services))


def made(world: World, url: str, login: str = PHARMACY) -> tuple[dict[str, str], dict[str, str]]:
    key = api_key(world, login)
    answer = world.browser().client.post("/api/webhooks", json={"url": url}, headers=key)
    assert answer.status_code == 201, answer.text
    return answer.json(), key


def keeper(world: World, *, inside: bool = True) -> Keeper:
    kept = world.kept
    handler = CallHook(kept.db, kept.keyring, kept.clock, inside=inside)
    return Keeper(kept.db, kept.clock, {CALL_KIND: handler}, 60, 12)


def keep_promises(world: World, *, inside: bool = True) -> None:
    ids = world.kept.db.read(outbox.due, world.kept.clock.now(), 100, frozenset())
    for row_id in ids:
        keeper(world, inside=inside).run_one(row_id)


def test_a_change_is_told_signed_and_names_an_order_alone(hooked: World, software: Receiver):
    hook, key = made(hooked, software.url)
    order = taken(hooked)
    keep_promises(hooked)
    ((headers, body),) = software.calls
    now = int(hooked.kept.clock.now().timestamp())
    assert is_genuine(hook["secret"], headers, body, now)
    assert json.loads(body)["data"] == {"order": order.number, "version": order.version}
    assert set(json.loads(body)) == {"type", "timestamp", "data"} and json.loads(body)["type"] == "order.changed"
    for secret in ("LÉVÊQUE", "PARACÉTAMOL", "2790399", "taken"):
        assert secret not in body.decode() + str(headers)
    (call,) = hooked.browser().client.get("/api/webhook-calls", headers=key).json()
    assert (call["state"], call["status"], call["attempts"], call["order"]) == ("sent", 204, 1, order.number)
    page = hooked.signed_in(PHARMACY).get("/officine/reglages").text
    assert "reçu (204)" in page and software.url in page and hook["secret"] not in page


def test_the_standard_s_own_library_agrees(hooked: World, software: Receiver):
    hook, _key = made(hooked, software.url)
    at = time.time()
    secret, body = hook["secret"], b'{"type":"ping"}'
    headers = signed(secret, "914", int(at), body)
    assert Webhook(secret).verify(body, headers) == {"type": "ping"}
    for wrong in (headers | {"webhook-id": "915"}, headers | {"webhook-timestamp": str(int(at) + 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, wrong)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, signed(secret, "914", int(at) - REPLAY_S - 5, body))
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


@given(st.binary(max_size=300), st.integers(0, 2**33), st.integers(-400, 400), st.text(max_size=60))
def test_only_the_secret_signs_and_only_for_a_while(body: bytes, at: int, late: int, forged: str):
    secret = new_secret()
    headers = signed(secret, "7", at, body)
    assert is_genuine(secret, headers, body, at + late) == (abs(late) <= REPLAY_S)
    assert not is_genuine(secret, headers, body + b" ", at)
    assert not is_genuine(secret, headers | {"webhook-signature": forged}, body, at)
    assert not is_genuine(secret, headers | {"webhook-timestamp": forged}, body, at) or forged == str(at)
    assert is_genuine(secret, headers | {"webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}, body, at)


def test_what_failed_is_tried_again_with_the_same_id(hooked: World, software: Receiver):
    _hook, key = made(hooked, software.url)
    software.answers = [500, 302, 200]
    taken(hooked)
    for _ in range(3):
        keep_promises(hooked)
        hooked.kept.clock.advance(3600)
    assert len({headers["webhook-id"] for headers, _body in software.calls}) == 1 and len(software.calls) == 3
    assert len({headers["webhook-timestamp"] for headers, _body in software.calls}) == 3
    (call,) = hooked.browser().client.get("/api/webhook-calls", headers=key).json()
    assert (call["state"], call["attempts"], call["status"]) == ("sent", 3, 200)
    keep_promises(hooked)
    assert len(software.calls) == 3


def test_a_dead_receiver_loses_nothing_and_harms_nobody(hooked: World):
    _hook, key = made(hooked, "http://127.0.0.1:1/")
    order = taken(hooked)
    keep_promises(hooked)
    (call,) = hooked.browser().client.get("/api/webhook-calls", headers=key).json()
    assert (call["state"], call["status"]) == ("failed", 0)
    assert hooked.kept.db.read(hooked.services.orders.get, order.id).state is State.TAKEN
    hooked.kept.clock.advance(60)
    assert hooked.kept.db.read(outbox.due, hooked.kept.clock.now(), 100, frozenset())


def test_gone_stops_for_good(hooked: World, software: Receiver):
    _hook, key = made(hooked, software.url)
    software.answers = [410]
    taken(hooked)
    keep_promises(hooked)
    taken(hooked)
    keep_promises(hooked)
    assert len(software.calls) == 1
    assert hooked.browser().client.get("/api/webhooks", headers=key).json()[0]["stopped"]


def test_each_pharmacy_has_its_own(hooked: World, software: Receiver):
    hook, _key = made(hooked, software.url, OTHER)
    taken(hooked)
    keep_promises(hooked)
    assert not software.calls
    mine = api_key(hooked)
    client = hooked.browser().client
    assert client.get("/api/webhooks", headers=mine).json() == []
    assert client.delete(f"/api/webhooks/{hook['id']}", headers=mine).status_code == 404
    assert client.post(f"/api/webhooks/{hook['id']}/ping", headers=mine).status_code == 404


def test_by_hand_on_the_page(hooked: World, software: Receiver):
    browser = hooked.signed_in(PHARMACY)
    page = browser.act("/officine/reglages", "/officine/reglages/appels", adresse=software.url).text
    secret = page.split('class="number key">', 1)[1].split("<", 1)[0]
    hook_id = page.split('name="appel" value="', 1)[1].split('"', 1)[0]
    browser.act("/officine/reglages", "/officine/reglages/appels/essai", appel=hook_id)
    keep_promises(hooked)
    ((headers, body),) = software.calls
    assert json.loads(body)["type"] == "ping" and json.loads(body)["data"] == {}
    assert is_genuine(secret, headers, body, int(hooked.kept.clock.now().timestamp()))
    browser.act("/officine/reglages", "/officine/reglages/appels/retirer", appel=hook_id)
    taken(hooked)
    keep_promises(hooked)
    assert len(software.calls) == 1


def test_nothing_leaves_when_the_change_is_undone(hooked: World, software: Receiver):
    made(hooked, software.url)
    order = taken(hooked)
    keep_promises(hooked)
    with pytest.raises(Refused):
        hooked.kept.db.run(
            hooked.services.orders.move,
            order.id,
            State.PREPARING,
            pharmacist(hooked.kept),
            hooked.kept.clock.now(),
            version=order.version - 1,
        )
    keep_promises(hooked)
    assert len(software.calls) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/", "https://169.254.169.254/",
        "https://[::ffff:127.0.0.1]/", "https://192.168.1.1:8443/x", "https://localhost/", "https://0.0.0.0/",
    ],
)  # fmt: skip
def test_our_own_network_is_not_asked(url: str):
    with pytest.raises((BadInput, Refused, Temporary)):
        hook_target.found(url, inside=False)


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://a.example/", "https://", "https://u:p@a.example/", "https://a.example/#x", "https://a.example:0/",
        "https://a.example:99999/", "https://é.example/", "https://a.example/a b", "https://a.example/\r\nHost: b",
        "javascript:alert(1)", "https://" + "a" * 600, "https://[::1", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(BadInput):
        hook_target.checked(url, inside=True)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(text: str):
    try:
        assert hook_target.checked(text, inside=False).startswith("https://")
    except BadInput:
        pass


def test_at_most_five(hooked: World):
    key = api_key(hooked)
    client = hooked.browser().client
    for number in range(5):
        made_one = client.post("/api/webhooks", json={"url": f"https://a{number}.example/"}, headers=key)
        assert made_one.status_code == 201
    assert client.post("/api/webhooks", json={"url": "https://b.example/"}, headers=key).status_code == 400


def test_secret_and_address_are_sealed(hooked: World, software: Receiver):
    hook, _key = made(hooked, software.url)
    row = hooked.kept.db.read(lambda session: session.execute(select(web_hooks)).one())
    assert software.url.encode() not in row.sealed and hook["secret"].encode() not in row.sealed
