"""Moments between two steps, each made to last: what was under way is neither lost nor doubled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import nio
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from core.address import Address
from core.errors import Temporary
from directory.mailboxes import get_mailbox
from instant import bridge as bridge_module
from instant import client as client_module
from instant import inbound, status
from instant.device import Device
from instant.rooms import MAILBOX, find_room, open_rooms, want_room
from mail.tables import message_keys
from tests.support.chat_house import ChatHouse, Person
from tests.support.flow import header
from tests.support.matrix_user import MatrixUser
from tests.support.talk import answers

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class World:
    """Ana in the room of her mailbox."""

    house: ChatHouse
    ana: MatrixUser
    person: Person
    room: str
    folders: Callable[[str], Any]

    @property
    def bridge(self) -> Any:
        return self.house.app.chat.bridge

    async def still_answers(self, user: MatrixUser | None = None, room: str = "") -> None:
        """The bridge does what is asked, and nothing waits for its key."""
        user = user or self.ana
        asked = await user.say(room or self.room, "!aide")
        await user.until(lambda _room, event: answers(event, asked), "the bridge's answer")
        assert (await self.house.app.db.aread(status.counts))["without_key"] == 0

    def new_key(self) -> None:
        """Ana's next message needs a room key that the bridge has not."""
        self.ana.client.invalidate_outbound_session(self.room)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        world = World()
        world.folders = tmp_path_factory.mktemp
        world.house = await stack.enter_async_context(ChatHouse(world.folders("chat")))
        world.person = await world.house.person()
        world.room = await world.house.room(world.person)
        world.ana = MatrixUser(world.house.url, world.person.user_id, world.person.code, world.folders("ana"))
        await stack.enter_async_context(world.ana)
        await world.ana.joined(world.room)
        await world.still_answers()
        yield world


class Ended(Exception):
    """The process ends here; nothing that it had not committed is left."""


def once(inner: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
    """Ends the bridge at its first call, before or after what it does."""
    left = [1]

    def step(*args: Any) -> Any:
        if not left or not left.pop():
            return inner(*args)
        if after:
            inner(*args)
        raise Ended

    return step


async def test_between_a_ratchet_and_the_room_key_that_came_by_it(world: World) -> None:
    olm = world.bridge._client._nio.olm
    olm.save_inbound_group_session = once(olm.save_inbound_group_session)
    world.new_key()
    await world.still_answers()
    assert world.bridge._client._nio.olm is not olm


async def test_between_a_taken_one_time_key_and_its_session(world: World) -> None:
    """A new device of Ana's takes one."""
    olm = world.bridge._client._nio.olm
    olm.save_account = once(olm.save_account, after=True)
    async with MatrixUser(world.house.url, world.person.user_id, world.person.code, world.folders("new")) as second:
        await second.joined(world.room)
        await world.still_answers(second)
    assert world.bridge._client._nio.olm is not olm


async def test_between_a_late_key_and_the_message_that_it_opens(world: World) -> None:
    """The message waits; its key is in the store, and nobody will say so again."""
    bridge, device = world.bridge, world.bridge._client._nio
    read, look, left = device._handle_timeline_event, bridge._open_waiting, [1]

    def late(event: Any, *args: Any) -> Any:
        return None if isinstance(event, nio.MegolmEvent) and left and left.pop() else read(event, *args)

    async def ended(*args: Any) -> None:
        if left:
            return await look(*args)
        del bridge._open_waiting
        raise Ended

    device._handle_timeline_event, bridge._open_waiting = late, ended
    world.new_key()
    await world.still_answers()
    assert not left and world.bridge._client._nio is not device


async def test_between_keys_that_were_offered_and_the_answer(world: World) -> None:
    """The homeserver has them, and the bridge does not know."""
    device: Device = world.bridge._client._nio
    receive = device.receive_response

    async def ends(answer: Any) -> None:
        if isinstance(answer, nio.KeysUploadResponse):
            raise Ended
        await receive(answer)

    device.receive_response = ends
    for name in ("third", "fourth"):  # each takes a key: after the first, new ones are offered
        async with MatrixUser(world.house.url, world.person.user_id, world.person.code, world.folders(name)) as more:
            await more.joined(world.room)
            await world.still_answers(more)
    assert world.bridge._client._nio is not device


async def test_when_all_keys_are_taken_a_newcomer_is_still_heard(world: World) -> None:
    path, bridge = "/_matrix/client/v3/keys/claim", world.bridge.user_id
    wanted = {"one_time_keys": {bridge: {world.bridge._client.device: "signed_curve25519"}}}
    taken, last = 0, {}
    while not any(key.get("fallback") for key in last.values()):
        _status, answer = await world.ana.call("POST", path, wanted)
        last = answer["one_time_keys"][bridge][world.bridge._client.device]
        taken += 1
        assert taken < 500
    async with MatrixUser(world.house.url, world.person.user_id, world.person.code, world.folders("late")) as late:
        await late.joined(world.room)
        await world.still_answers(late)


async def test_a_room_whose_making_was_not_noted_is_ours(world: World) -> None:
    """What is said in it after the crash, before it is found again, is heard."""
    other = await world.house.person()
    client, kept = world.bridge._client, world.bridge._make_rooms
    made: list[str] = []

    async def unnoted(_client: Any) -> None:
        return None

    world.bridge._make_rooms = unnoted
    wanted = await world.house.app.db.arun(want_room, other.account.id, other.mailbox_id, MAILBOX, datetime.now(UTC))
    made.append(await bridge_module._create(client, wanted, [other.user_id]))
    async with MatrixUser(world.house.url, other.user_id, other.code, world.folders("other")) as user:
        await user.joined(made[0])
        asked = await user.say(made[0], "!aide")
        await _until_kept(world, asked)
        world.bridge._make_rooms = kept
        await user.until(lambda _room, event: answers(event, asked), "the bridge's answer")
    rooms = await world.house.app.db.aread(open_rooms)
    assert [room.room_id for room in rooms if room.mailbox_id == other.mailbox_id] == made


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_gap_is_filled(world: World, fresh: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """More is said than a batch holds while the bridge does not listen: in its room, and in one where nobody spoke."""
    monkeypatch.setitem(client_module._FILTER["room"]["timeline"], "limit", 20)
    monkeypatch.setattr(client_module, "PAGE", 10)
    person = await world.house.person() if fresh else world.person
    room = await world.house.room(person)
    listens = _deaf(world.bridge._client)
    async with AsyncExitStack() as stack:
        user = world.ana
        if fresh:
            user = MatrixUser(world.house.url, person.user_id, person.code, world.folders("gap"))
            await stack.enter_async_context(user)
        await user.joined(room)
        said = [f"dit {number}" for number in range(60)]
        for words in said:
            content = {"msgtype": "m.text", "body": words}
            await user.client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        listens.set()
        number = (await world.house.app.db.aread(find_room, room)).id
        async with asyncio.timeout(120):
            while len(found := await _said(world, number)) < len(said):
                await asyncio.sleep(0.2)
    assert found == said


def _deaf(client: Any) -> asyncio.Event:
    """The bridge's next batch waits for this."""
    listens, batch = asyncio.Event(), client.batch

    async def late(since: str) -> Any:
        await listens.wait()
        return await batch(since)

    client.batch = late
    return listens


async def _said(world: World, room: int) -> list[str]:
    events = await world.house.app.db.aread(inbound.history, world.house.app.keyring, room)
    return [body for event in events if (body := str(event.content.get("body"))).startswith("dit ")]


async def _until_kept(world: World, event_id: str) -> None:
    async with asyncio.timeout(60):
        while not await world.house.app.db.aread(inbound.knows, event_id):
            await asyncio.sleep(0.1)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not holds():
            await asyncio.sleep(0.1)


async def test_an_answer_that_is_tried_again_names_itself_nowhere(world: World) -> None:
    """Tied to its thread before it leaves: after a failure it is neither what it answers, nor in its own chain."""
    app = world.house.app
    pharmacy = await world.house.person("ORG")
    to = Address.parse(world.person.address)
    question = (pharmacy.mailbox_id, (to,), "Stock", "Avez-vous ce produit ?\n", "", "question")
    await asyncio.to_thread(app.submitter.submit, *question)
    stop = asyncio.Event()
    work = asyncio.ensure_future(_keep_promises(app, stop))
    shown = await world.ana.text(world.room, "Avez-vous ce produit")
    desk = world.bridge._ground.desk
    desk._submitter = _BusyOnce(app.submitter)
    said = await world.ana.say(world.room, "Oui, demain", thread=shown.event_id)
    await world.ana.until(lambda _room, event: getattr(event, "reacts_to", "") == said, "the mark")
    stop.set()
    await work
    raw = await app.db.aread(_newest, app, pharmacy.mailbox_id)
    own, asked = header(raw, "Message-ID"), header(raw, "In-Reply-To")
    assert own != asked
    assert header(raw, "References").split() == [asked]


async def test_a_session_that_was_revoked_is_taken_up_with_its_keys(world: World) -> None:
    """By a client that has not seen the device go: matrix-nio believes in no device that comes back."""
    first, admin = world.bridge._client, world.house.app.chat.admin
    path = f"/_synapse/admin/v2/users/{first.user_id}/devices/{first.device}"
    await asyncio.to_thread(admin._admin, "DELETE", path)
    await _until(lambda: world.bridge._client is not first and world.bridge.taken_in.is_set())
    async with MatrixUser(world.house.url, world.person.user_id, world.person.code, world.folders("after")) as after:
        await after.joined(world.room)
        await world.still_answers(after)


async def test_what_stays_unreadable_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_module, "TELL_AFTER_MS", 0)
    content = {"algorithm": "m.megolm.v1.aes-sha2", "sender_key": "k", "ciphertext": "x", "session_id": "s"}
    content["device_id"] = world.ana.client.device_id
    status_code, _ = await world.ana.call(
        "PUT", f"/_matrix/client/v3/rooms/{world.room}/send/m.room.encrypted/unreadable", content
    )
    assert status_code == 200
    await world.ana.text(world.room, "m'est illisible")


class _BusyOnce:
    """A submitter whose first answer is that it is busy."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._calls = inner, 0

    def submit(self, *args: Any) -> int:
        self._calls += 1
        if self._calls == 1:
            raise Temporary("occupé", "busy once")
        return self._inner.submit(*args)


async def _keep_promises(app: Any, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await asyncio.to_thread(app.work.keeper.sweep)
        await asyncio.sleep(0.1)


def _newest(session: Any, app: Any, mailbox_id: int) -> bytes:
    """The newest mail that this mailbox's holder can open."""
    holder = get_mailbox(session, mailbox_id).holder_id
    query = select(func.max(message_keys.c.message_id)).where(message_keys.c.holder_id == holder)
    return app.store.open_message(session.execute(query).scalar_one(), holder).raw
