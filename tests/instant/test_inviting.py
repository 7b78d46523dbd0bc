"""Whom `!inviter` asks in, and on whose behalf: the bridge opens no door that is shut to the one who asks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from directory.tables import directory_struck
from instant.accounts import may_speak_for, put_behind
from instant.names import BRIDGE, user_id
from instant.tables import accounts
from tests.support.chat_house import SERVER, Api, ChatHouse, Person
from tests.support.matrix_user import MatrixUser
from tests.support.talk import answers

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class World:
    """Ana, in her room; a pharmacy, with Bob on call and Eve behind it; Max."""

    house: ChatHouse
    ana: MatrixUser
    room: str
    people: dict[str, Person]

    async def told(self, name: str) -> str:
        """The answer to Ana's `!inviter`."""
        said = await self.ana.say(self.room, f"!inviter {self.people[name].address}")
        found = await self.ana.until(lambda _room, event: answers(event, said) and hasattr(event, "body"), name)
        return str(found.body)

    async def until_in(self, *names: str) -> None:
        """These, and the bridge, are in Ana's room or asked in, and nobody else."""
        wanted = {self.people[name].user_id for name in names} | {user_id(BRIDGE, SERVER)}
        async with asyncio.timeout(60):
            while set(self.house.app.chat.bridge._client.members(self.room)) != wanted:
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with ChatHouse(tmp_path_factory.mktemp("chat")) as house:
        world = World()
        world.house = house
        kinds = {"ana": "PER", "bob": "PER", "eve": "PER", "max": "PER", "pharmacy": "ORG"}
        world.people = {name: await house.person(kind) for name, kind in kinds.items()}
        for name in ("bob", "eve", "max", "pharmacy"):
            async with Api(house.url) as api:
                assert (await api.login(world.people[name].user_id, world.people[name].code))[0] == 200
        for name in ("bob", "eve"):
            role, person = world.people["pharmacy"].account.id, world.people[name].account.id
            await house.app.db.arun(
                lambda session, r, p, c: put_behind(session, r, p, on_call=c), role, person, name == "bob"
            )
        ana = world.people["ana"]
        world.room = await house.room(ana)
        folder: Path = tmp_path_factory.mktemp("ana")
        async with MatrixUser(house.url, ana.user_id, ana.code, folder) as world.ana:
            await world.ana.joined(world.room)
            yield world


async def test_an_organisation_that_is_away_is_stood_for_by_who_is_on_call(world: World) -> None:
    await world.house.away(world.people["pharmacy"])
    assert "Invitation envoyée" in await world.told("pharmacy")
    await world.until_in("ana", "bob")
    await world.house.away(world.people["pharmacy"], False)
    assert "2 invitations" in await world.told("pharmacy")
    await world.until_in("ana", "bob", "pharmacy")


async def test_the_bridge_invites_nobody_past_his_own_list(world: World) -> None:
    await world.house.rule(world.people["max"], world.people["ana"].user_id, False)
    assert "ne souhaite pas" in await world.told("max")
    await world.house.rule(world.people["max"], world.people["ana"].user_id, None)
    assert "Invitation envoyée" in await world.told("max")


async def test_who_is_struck_off_speaks_for_nobody_at_once(world: World) -> None:
    """Before the homeserver is told: what he wrote a moment ago does not leave any more."""
    role, bob = world.people["pharmacy"], world.people["bob"]
    speaks = (may_speak_for, role.mailbox_id, bob.user_id)
    assert await world.house.app.db.aread(*speaks)
    await world.house.app.db.arun(_strike, bob.account.id)
    assert not await world.house.app.db.aread(*speaks)


def _strike(session: Session, account_id: int) -> None:
    number = session.execute(select(accounts.c.national_id).where(accounts.c.id == account_id)).scalar_one()
    session.execute(insert(directory_struck), {"national_id": number, "at": 1})


async def test_named_people_are_asked_into_their_organisation_s_room(world: World) -> None:
    room = await world.house.room(world.people["pharmacy"])
    async with Api(world.house.url) as api:
        await api.login(world.people["eve"].user_id, world.people["eve"].code)
        assert (await api.in_room("POST", room, "join", {}))[0] == 200
