"""What a member may send by its own requests, past any client, neither stops the bridge nor keeps others waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import nio
import pytest
import pytest_asyncio
from vodozemac import Account

from instant.device import Device
from instant.names import BRIDGE, user_id
from instant.posts import say_once
from instant.rooms import find_room
from instant.signing import canonical
from tests.support.chat_house import SERVER, Api, ChatHouse, Person
from tests.support.matrix_user import MatrixUser
from tests.support.talk import answers

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
PONT = user_id(BRIDGE, SERVER)
OLM, MEGOLM = "m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"


class Careful(Device):
    """Ana's own client is not to stop over Eve's keys either; it trusts whom nio trusts."""

    load_store = nio.AsyncClient.load_store


class World:
    """Ana in the room of her mailbox by a client; Eve, a professional too, by bare requests."""

    house: ChatHouse
    ana: MatrixUser
    eve: Api
    people: dict[str, Person]
    room: str

    async def still_answers(self) -> None:
        """The bridge does what Ana asks."""
        asked = await self.ana.say(self.room, "!aide")
        await self.ana.until(lambda _room, event: answers(event, asked), "the bridge's answer")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        world = World()
        world.house = await stack.enter_async_context(ChatHouse(tmp_path_factory.mktemp("chat")))
        world.people = {name: await world.house.person() for name in ("ana", "eve")}
        ana, eve = world.people["ana"], world.people["eve"]
        world.room = await world.house.room(ana)
        world.ana = MatrixUser(world.house.url, ana.user_id, ana.code, tmp_path_factory.mktemp("ana"), Careful)
        await stack.enter_async_context(world.ana)
        await world.ana.joined(world.room)
        world.eve = await stack.enter_async_context(Api(world.house.url))
        assert (await world.eve.login(eve.user_id, eve.code))[0] == 200
        yield world


def _olm(key: str, kind: Any, body: Any) -> dict[str, Any]:
    return {"algorithm": OLM, "sender_key": "x", "ciphertext": {key: {"type": kind, "body": body}}}


def to_device(key: str) -> list[tuple[str, Any]]:
    """Messages for the bridge's device, whose identity key is `key`."""
    encrypted = [
        *(_olm(key, kind, body) for kind in (0, 1, 7, -1, True) for body in ("", "garbage", "AwAA", "é", "A" * 9)),
        {"algorithm": OLM, "sender_key": 5, "ciphertext": []},
        {"algorithm": OLM, "ciphertext": {key: []}},
        {"algorithm": OLM, "sender_key": "x", "ciphertext": {"other": {"type": 0, "body": "AwAA"}}},
        {"algorithm": MEGOLM, "sender_key": "x", "ciphertext": "A", "session_id": "s", "device_id": "d"},
        {},
    ]
    asked = {"action": "request", "request_id": "1", "requesting_device_id": "D"}
    body = {"algorithm": MEGOLM, "room_id": "!x", "sender_key": "k", "session_id": "s"}
    start = {"from_device": "D", "transaction_id": "t", "method": "m.sas.v1"}
    other = [
        ("m.room_key_request", {**asked, "body": body}),
        ("m.room_key_request", {**asked, "body": {"algorithm": 5}}),
        ("m.room_key_request", {**asked, "action": "request_cancellation"}),
        ("m.room_key_request", {"action": []}),
        ("m.room_key", {"algorithm": MEGOLM, "room_id": "!x", "session_id": "s", "session_key": "é"}),
        ("m.forwarded_room_key", {"algorithm": MEGOLM}),
        ("m.key.verification.start", start),
        (
            "m.key.verification.start",
            {**start, "key_agreement_protocols": 5, "hashes": [], "short_authentication_string": 0},
        ),
        ("m.key.verification.accept", {"transaction_id": "t"}),
        ("m.key.verification.key", {"transaction_id": "t", "key": "é"}),
        ("m.key.verification.mac", {"transaction_id": "t", "mac": [], "keys": 5}),
        ("m.key.verification.cancel", {"transaction_id": []}),
        ("m.secret.request", {"action": "request", "name": []}),
        ("m.dummy", {"x": [[]]}),
        ("x.any", {"a": None}),
    ]
    return [("m.room.encrypted", content) for content in encrypted] + other


async def test_messages_to_its_device(world: World) -> None:
    client = world.house.app.chat.bridge._client
    for number, (kind, content) in enumerate(to_device(client.own_keys["curve25519"])):
        body = {"messages": {PONT: {"*": content}}}
        status, _ = await world.eve.call("PUT", f"/sendToDevice/{kind}/{number}", body)
        assert status == 200, (kind, content)
        if number % 8 == 0:
            await world.still_answers()
    await world.still_answers()


async def test_odd_events_in_its_room(world: World) -> None:
    """Whatever the homeserver lets through: what is said in the room afterwards is heard."""
    team = await _team(world)
    for number, (kind, content) in enumerate(odd_events()):
        status, _ = await world.eve.in_room("PUT", team, f"send/{kind}/{number}", content)
        assert status in (200, 400, 403), (kind, content)
    for kind, content in odd_states(world.people["eve"].user_id):
        status, _ = await world.eve.in_room("PUT", team, f"state/{kind}", content)
        assert status in (200, 400, 403), (kind, content)
    await world.still_answers()


def odd_events() -> list[tuple[str, Any]]:
    sealed = {"algorithm": MEGOLM, "sender_key": "k", "ciphertext": "é", "session_id": "s", "device_id": "d"}
    return [
        ("m.room.encrypted", {}),
        ("m.room.encrypted", sealed),
        ("m.room.encrypted", {**sealed, "session_id": "s" * 40_000}),
        *(("m.room.encrypted", {**sealed, name: ""}) for name in sealed),
        ("m.room.encrypted", {**sealed, "device_id": "a b\n@c:d E matrix-ed25519 F"}),
        *(("m.room.encrypted", {**sealed, name: odd}) for name in sealed for odd in (5, None, [], {})),
        ("m.room.encrypted", {**sealed, "m.relates_to": 5}),
        ("m.room.encrypted", _olm("x", 0, "é")),
        ("m.reaction", {"m.relates_to": []}),
        ("m.reaction", {"m.relates_to": {"rel_type": [], "event_id": {}, "key": 5}}),
        ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$x", "key": "k" * 3000}}),
        ("m.room.redaction", {"redacts": "$none"}),
    ]


def odd_states(own: str) -> list[tuple[str, Any]]:
    return [
        ("m.room.name/", {"name": 5}),
        ("m.room.name/", {}),
        ("m.room.topic/", {"topic": ["x"]}),
        ("m.room.avatar/", {"url": {}}),
        ("m.room.encryption/", {"algorithm": MEGOLM, "rotation_period_ms": "x", "rotation_period_msgs": -1}),
        ("m.room.history_visibility/", {"history_visibility": "joined"}),
        ("m.room.tombstone/", {"body": 5, "replacement_room": []}),
        ("m.room.pinned_events/", {"pinned": 5}),
        ("m.space.parent/!x", {"via": 5}),
        ("m.room.member/" + quote(own), {"membership": "join", "displayname": ["x"], "avatar_url": 5}),
        ("m.room.member/" + quote(own), {"membership": "join", "displayname": None}),
        ("m.room.power_levels/", {"users": {own: 100}, "events": {"x": 1}, "notifications": {"room": 1}}),
    ]


async def test_keys_that_are_none(world: World) -> None:
    """A member's devices with keys that are no keys: the others still read, and she is passed over."""
    invited = await world.ana.say(world.room, f"!inviter {world.people['eve'].address}")
    await world.ana.until(lambda _room, event: answers(event, invited), "the invitation")
    assert (await world.eve.in_room("POST", world.room, "join", {}))[0] == 200
    eve = world.people["eve"]
    for number, (identity, one_time) in enumerate(no_keys()):
        async with Api(world.house.url) as api:
            await api.login(eve.user_id, eve.code, device_id=f"ODD{number}")
            device = _signed_device(eve.user_id, f"ODD{number}", identity)
            body = {"device_keys": device[0], "one_time_keys": _signed_one_time(*device, one_time)}
            assert (await api.call("POST", "/keys/upload", body))[0] in (200, 400)
        await world.still_answers()


def no_keys() -> list[tuple[str, str]]:
    """Of curve25519, an identity key and a one-time key: malformed, or of a point that makes no secret."""
    good, weak = Account().curve25519_key.to_base64(), "A" * 43
    return [("garbage", good), ("é", good), ("", good), (weak, weak), (good, "garbage"), (good, weak), (weak, good)]


def _signed_device(user: str, name: str, identity: str) -> tuple[dict[str, Any], Account]:
    account = Account()
    keys = {f"curve25519:{name}": identity, f"ed25519:{name}": account.ed25519_key.to_base64()}
    device = {"user_id": user, "device_id": name, "algorithms": [OLM, MEGOLM], "keys": keys}
    return _with_signature(device, user, name, account), account


def _signed_one_time(device: dict[str, Any], account: Account, key: str) -> dict[str, Any]:
    user, name = device["user_id"], device["device_id"]
    return {f"signed_curve25519:{n}": _with_signature({"key": key}, user, name, account) for n in ("A", "B")}


def _with_signature(value: dict[str, Any], user: str, name: str, account: Account) -> dict[str, Any]:
    signature = account.sign(canonical(value)).to_base64()
    return {**value, "signatures": {user: {f"ed25519:{name}": signature}}}


async def test_a_room_in_which_it_may_not_write_keeps_nobody_waiting(world: World) -> None:
    team = await _team(world)
    levels = {"events_default": 100}  # the creator stands above all levels (room version 12)
    assert (await world.eve.in_room("PUT", team, "state/m.room.power_levels/", levels))[0] == 200
    room = await world.house.app.db.aread(find_room, team)
    await world.house.app.db.arun(say_once, world.house.app.keyring, room.id, "interdit", "interdit")
    await world.still_answers()


async def test_put_out_and_asked_in_again(world: World) -> None:
    team = await _team(world)
    for _ in range(2):
        assert (await world.eve.in_room("POST", team, "kick", {"user_id": PONT}))[0] == 200
        await _until_member(world.eve, team, "leave")
        await world.still_answers()
        assert (await world.eve.in_room("POST", team, "invite", {"user_id": PONT}))[0] == 200
        await _until_member(world.eve, team, "join")
    await world.still_answers()


async def test_an_invitation_that_is_taken_back(world: World) -> None:
    made = (await world.eve.create(name="Avis"))[1]["room_id"]
    assert (await world.eve.in_room("POST", made, "invite", {"user_id": PONT}))[0] == 200
    assert (await world.eve.in_room("POST", made, "ban", {"user_id": PONT}))[0] == 200
    await world.still_answers()


async def test_what_is_too_long_for_a_room_is_said_to_be(world: World) -> None:
    room = await world.house.app.db.aread(find_room, world.room)
    await world.house.app.db.arun(say_once, world.house.app.keyring, room.id, "é" * 60_000, "long")
    await world.ana.text(world.room, "Trop long pour un salon")
    await world.still_answers()


async def _team(world: World) -> str:
    """A room of Eve's with the bridge in it."""
    made = (await world.eve.create(name="Avis", invite=[PONT]))[1]["room_id"]
    await _until_member(world.eve, made, "join")
    return made


async def _until_member(api: Api, room: str, membership: str) -> None:
    """Until the bridge is in the room, or out of it."""
    async with asyncio.timeout(60):
        while (await api.in_room("GET", room, f"state/m.room.member/{quote(PONT)}"))[1].get("membership") != membership:
            await asyncio.sleep(0.1)
