"""Who comes or goes at the very moment at which a room's key is handed out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nio import ShareGroupSessionResponse

from instant import posts
from instant.client import Client
from instant.rooms import Room, open_rooms
from tests.support.chat_house import ChatHouse, Person
from tests.support.matrix_user import MatrixUser

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChatHouse]:
    async with ChatHouse(tmp_path_factory.mktemp("house")) as opened:
        yield opened


class Meeting:
    """Somebody's room, and the bridge's own client in it."""

    def __init__(self, house: ChatHouse, room: Room) -> None:
        self.house, self.room = house, room
        self.client: Client = house.app.chat.bridge._client
        self.readers: dict[str, set[str]] = {}  # by what was said: the users who had the key when it left
        self._watch(self.client._nio)

    async def say(self, words: str) -> None:
        """A notice of the bridge's."""
        content = {"msgtype": "m.notice", "body": words}
        await self.house.app.db.arun(
            posts.put_own, self.house.app.keyring, self.room.id, "m.room.message", content, words
        )

    def meanwhile(self, act: Callable[[], Awaitable[None]]) -> None:
        """A new key for the room; while it is on its way to those who are there, `act` happens, once."""
        nio, left = self.client._nio, [act]
        send = nio._send

        async def slow(kind: type, *args: Any, **more: Any) -> Any:
            if kind is ShareGroupSessionResponse and left:
                await left.pop()()
            return await send(kind, *args, **more)

        nio._send = slow
        nio.invalidate_outbound_session(self.room.room_id)

    def _watch(self, nio: Any) -> None:
        send = nio.room_send

        async def noted(room_id: str, kind: str, content: dict[str, Any], *args: Any, **more: Any) -> Any:
            key = nio.olm.outbound_group_sessions.get(room_id)
            if key and room_id == self.room.room_id:
                self.readers[content.get("body", "")] = {user for user, _device in key.users_shared_with}
            return await send(room_id, kind, content, *args, **more)

        nio.room_send = noted


async def test_whoever_comes_meanwhile_can_read(house: ChatHouse, tmp_path: Path) -> None:
    owner, other = await house.person(), await house.person()
    meeting = await _meeting(house, owner)

    async def invited() -> None:
        await meeting.client.invite(meeting.room.room_id, other.user_id)
        await _until(lambda: other.user_id in meeting.client.members(meeting.room.room_id))

    async with _user(house, owner, tmp_path / "owner") as first, _user(house, other, tmp_path / "other") as second:
        await first.joined(meeting.room.room_id)
        meeting.meanwhile(invited)
        await meeting.say("avant")
        await first.text(meeting.room.room_id, "avant")
        await second.joined(meeting.room.room_id)
        await meeting.say("ensuite")
        await second.text(meeting.room.room_id, "ensuite")
        await first.text(meeting.room.room_id, "ensuite")


async def test_whoever_goes_meanwhile_has_no_key_any_more(house: ChatHouse, tmp_path: Path) -> None:
    owner, other = await house.person(), await house.person()
    meeting = await _meeting(house, owner)
    room = meeting.room.room_id
    async with _user(house, owner, tmp_path / "owner") as first, _user(house, other, tmp_path / "other") as second:
        await meeting.client.invite(room, other.user_id)
        await first.joined(room)
        await second.joined(room)
        await _until(lambda: other.user_id in meeting.client.members(room))

        async def gone() -> None:
            await second.client.room_leave(room)
            await _until(lambda: other.user_id not in meeting.client.members(room))

        meeting.meanwhile(gone)
        await meeting.say("pendant")
        await first.text(room, "pendant")
        await meeting.say("sans lui")
        await first.text(room, "sans lui")
        assert meeting.readers["sans lui"] == {owner.user_id}


async def _meeting(house: ChatHouse, owner: Person) -> Meeting:
    room_id = await house.room(owner)
    found = await house.app.db.aread(open_rooms)
    return Meeting(house, next(room for room in found if room.room_id == room_id))


def _user(house: ChatHouse, person: Person, folder: Path) -> MatrixUser:
    return MatrixUser(house.url, person.user_id, person.code, folder)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.05)
