"""The rules as a homeserver keeps them: each case is a request of the client API, past any client's good manners."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from urllib.parse import quote

import pytest
import pytest_asyncio
from sqlalchemy import insert, select

from core.address import Address
from core.errors import NotFound, Refused
from core.tables import audit
from directory.generate import DOMAIN
from directory.mailboxes import close, create_mailbox, suspend
from directory.tables import directory_struck
from instant.policy import refuse
from instant.tables import accounts
from ops.demo.cast import PATIENTS, address_of
from tests.support.chat_house import SERVER, Api, ChatHouse, Person

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
ENCRYPTED = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "s"}


class World:
    """Who plays: `ana` and `bob` in good standing, a pharmacy, and those who are not."""

    house: ChatHouse
    ana: Api
    bob: Api
    people: dict[str, Person]
    room: str

    def id(self, name: str) -> str:
        return self.people[name].user_id


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        world = World()
        world.house = await stack.enter_async_context(ChatHouse(tmp_path_factory.mktemp("chat")))
        names = "ana bob new suspended struck blocking fussy hidden".split()
        world.people = {
            name: await world.house.person(red_list=name == "hidden", profession="Médecin") for name in names
        }
        world.people["pharmacy"] = await world.house.person("ORG")
        world.people["away"] = await world.house.person("ORG")
        for name, person in world.people.items():
            if name != "new":
                api = await stack.enter_async_context(Api(world.house.url))
                assert (await api.login(person.user_id, person.code))[0] == 200
                setattr(world, name, api)
        await world.house.rule(world.people["blocking"], world.id("ana"), False)
        await world.house.rule(world.people["fussy"], "*", False)
        await world.house.rule(world.people["fussy"], world.id("bob"), True)
        await world.house.away(world.people["away"])
        await world.house.app.db.arun(suspend, world.people["suspended"].mailbox_id)
        world.room = (await world.ana.create(name="Avis", invite=[world.id("bob")]))[1]["room_id"]
        assert (await world.bob.in_room("POST", world.room, "join", {}))[0] == 200
        yield world


def no(answer: tuple[int, dict], word: str) -> None:
    """Refused with our sentence."""
    status, body = answer
    assert (status, body.get("errcode"), body.get("error")) == (403, "M_FORBIDDEN", refuse(word).sentence)


def yes(answer: tuple[int, dict]) -> None:
    assert answer[0] == 200, answer


INVITES = [
    ("ana", "pharmacy", ""),
    ("ana", "new", "unverified"),
    ("ana", "suspended", "suspended"),
    ("ana", "blocking", "blocked"),
    ("bob", "blocking", ""),
    ("ana", "fussy", "blocked"),
    ("bob", "fussy", ""),
    ("ana", "away", "away"),
    ("ana", f"@nobody:{SERVER}", "unknown"),
    ("ana", "@mallory:elsewhere.test", "server"),
    ("suspended", "bob", "suspended"),
]


@pytest.mark.parametrize(("inviter", "invitee", "word"), INVITES)
async def test_invitations(world: World, inviter: str, invitee: str, word: str) -> None:
    who = invitee if invitee.startswith("@") else world.id(invitee)
    asked = await getattr(world, inviter).in_room("POST", world.room, "invite", {"user_id": who})
    if inviter == "suspended":
        assert asked[0] in (401, 403)
    elif word:
        no(asked, word)
    else:
        yes(asked)


CREATIONS = [
    ({}, ""),
    ({"is_direct": True, "preset": "trusted_private_chat"}, ""),
    ({"preset": "public_chat"}, "public"),
    ({"visibility": "public"}, "public"),
    ({"room_alias_name": "urgences"}, "alias"),
    ({"name": "Mme X 2 84 06 99 123 002 33"}, "patient"),
    ({"topic": "INS 284069912300233"}, "patient"),
    ({"invite_3pid": [{"id_server": "x", "id_access_token": "x", "medium": "email", "address": "a@b.fr"}]}, "email"),
    ({"initial_state": [{"type": "m.room.join_rules", "content": {"join_rule": "public"}}]}, "public"),
    ({"initial_state": [{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}]}, "public"),
    (
        {"initial_state": [{"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}}]},
        "history",
    ),
    ({"creation_content": {"type": "fr.mss.case"}}, "reserved"),
]


@pytest.mark.parametrize(("config", "word"), CREATIONS)
async def test_creations(world: World, config: dict, word: str) -> None:
    created = await world.ana.create(**config)
    if word:
        no(created, word)
    else:
        yes(created)


async def test_many_invitations_at_once(world: World) -> None:
    no(await world.ana.create(invite=[world.id("bob"), world.id("pharmacy")]), "many")
    no(await world.ana.create(invite=[world.id("new")]), "unverified")
    for name in ("blocking", "bob"):
        member = {"type": "m.room.member", "state_key": world.id(name), "content": {"membership": "invite"}}
        no(await world.ana.create(initial_state=[member]), "many")


STATES = [
    ("m.room.name", {"name": "284069912300233"}, "patient"),
    ("m.room.topic", {"topic": "2-84-06-99-123-002-33"}, "patient"),
    ("m.room.join_rules", {"join_rule": "public"}, "public"),
    ("m.room.history_visibility", {"history_visibility": "world_readable"}, "history"),
    ("m.room.guest_access", {"guest_access": "can_join"}, "guest"),
    ("m.room.encryption", {"algorithm": "none"}, "encryption"),
    ("fr.mss.bridge", {"ref": "x"}, "reserved"),
    ("x.any", {"note": ["284069912300233"]}, "patient"),
    ("x.any", {"284069912300233": True}, "patient"),
    ("m.room.name", {"name": "Avis cardiologie"}, ""),
]


@pytest.mark.parametrize(("kind", "content", "word"), STATES)
async def test_states(world: World, kind: str, content: dict, word: str) -> None:
    sent = await world.ana.in_room("PUT", world.room, f"state/{kind}/", content)
    if word:
        no(sent, word)
    else:
        yes(sent)


CLEAR = [
    ("m.room.encrypted", {**ENCRYPTED, "body": "clair"}),
    ("m.room.encrypted", {"body": "clair"}),
    (
        "m.reaction",
        {
            "m.relates_to": {
                "rel_type": "m.annotation",
                "event_id": "$x",
                "key": "toute une phrase, que personne ne chiffre",
            }
        },
    ),
    ("m.sticker", {"body": "clair"}),
    ("x.any", {"body": "clair"}),
]


async def test_nothing_goes_in_clear(world: World) -> None:
    no(
        await world.ana.in_room("PUT", world.room, "send/m.room.message/1", {"msgtype": "m.text", "body": "clair"}),
        "plain",
    )
    yes(await world.ana.in_room("PUT", world.room, "send/m.room.encrypted/2", ENCRYPTED))
    for number, (kind, content) in enumerate(CLEAR):
        no(await world.ana.in_room("PUT", world.room, f"send/{kind}/clear{number}", content), "plain")
    no(await world.ana.in_room("PUT", world.room, "state/x.any/284069912300233", {}), "patient")
    kick = {"user_id": world.id("bob"), "reason": "284069912300233"}
    no(await world.ana.in_room("POST", world.room, "kick", kick), "patient")
    status, state = await world.ana.in_room("GET", world.room, "state/m.room.encryption/")
    assert (status, state["algorithm"]) == (200, "m.megolm.v1.aes-sha2")


async def test_no_way_in_without_an_invitation(world: World) -> None:
    assert (await world.pharmacy.call("POST", f"/join/{quote(world.room)}", {}))[0] in (200, 403)  # invited above
    assert (await world.hidden.call("POST", f"/join/{quote(world.room)}", {}))[0] == 403
    assert (await world.hidden.call("POST", f"/knock/{quote(world.room)}", {}))[0] == 403
    assert (
        await world.hidden.in_room(
            "PUT", world.room, f"state/m.room.member/{quote(world.id('hidden'))}", {"membership": "join"}
        )
    )[0] == 403


async def test_no_alias_no_publication(world: World) -> None:
    alias = quote(f"#urgences:{SERVER}")
    assert (await world.ana.call("PUT", f"/directory/room/{alias}", {"room_id": world.room}))[0] == 403
    assert (await world.ana.call("PUT", f"/directory/list/room/{quote(world.room)}", {"visibility": "public"}))[
        0
    ] == 403
    body = {"id_server": "x", "id_access_token": "x", "medium": "email", "address": "a@b.fr"}
    assert (await world.ana.in_room("POST", world.room, "invite", body))[0] == 403


async def test_nobody_registers_or_renames_himself(world: World) -> None:
    async with Api(world.house.url) as stranger:
        for kind in ("user", "guest"):
            assert (await stranger.call("POST", f"/register?kind={kind}", {"username": "eve", "password": "x"}))[
                0
            ] == 403
    name = quote(world.id("ana"))
    assert (await world.ana.call("PUT", f"/profile/{name}/displayname", {"displayname": "Pr X"}))[0] in (400, 403)


async def test_who_is_found(world: World) -> None:
    _, found = await world.ana.call("POST", "/user_directory/search", {"search_term": "essai", "limit": 50})
    shown = {one["user_id"]: one["display_name"] for one in found["results"]}
    assert shown[world.id("bob")] == "Ana ESSAI2 · Médecin · BREST"
    assert re.fullmatch(rf"@p[a-z2-7]{{16}}:{SERVER}", world.id("bob")), "neither name nor number"
    assert not shown.keys() & {world.id(name) for name in ("hidden", "new", "suspended")}


async def test_wrong_codes_and_patients(world: World) -> None:
    async with Api(world.house.url) as api:
        assert (await api.login(world.id("new"), "aaaa-bbbb-cccc-dddd"))[0] == 403
        assert (await api.login(f"@nobody:{SERVER}", world.people["new"].code))[0] == 403


async def test_patients_and_strangers_get_no_account(world: World) -> None:
    """A patient with a mailbox, and no mailbox at all."""
    app, patient = world.house.app, Address.parse(address_of(PATIENTS[0]))
    await app.db.arun(lambda session: create_mailbox(session, app.keyring, patient, "PAT", app.clock.now()) and None)
    with pytest.raises(Refused, match="mailbox kind"):
        app.chat.enrolment.enrol(patient)
    with pytest.raises(NotFound):
        app.chat.enrolment.enrol(Address.parse(f"nobody@{DOMAIN}"))


async def test_a_code_opens_once(world: World) -> None:
    _, code = world.house.app.chat.enrolment.code(Address.parse(world.people["bob"].address), timedelta(minutes=5))
    async with Api(world.house.url) as first, Api(world.house.url) as second:
        assert (await first.login(world.id("bob"), code.upper()))[0] == 200
        assert (await second.login(world.id("bob"), code))[0] == 403


async def test_struck_off_is_out_at_once_and_signed_out_soon(world: World) -> None:
    """Refused by the gate in the same moment; deactivated, signed out and gone from the room within the minute."""
    yes(await world.ana.in_room("POST", world.room, "invite", {"user_id": world.id("struck")}))
    yes(await world.struck.call("POST", f"/join/{quote(world.room)}", {}))
    national_id = await world.house.app.db.aread(_national_id, world.people["struck"].account.id)
    row = {"national_id": national_id, "at": 1}
    await world.house.app.db.arun(lambda session: session.execute(insert(directory_struck), row) and None)
    assert (await world.struck.create())[0] in (401, 403)
    await world.house.app.db.arun(close, world.people["hidden"].mailbox_id)
    for name in ("struck", "hidden"):
        while (await getattr(world, name).call("GET", "/account/whoami"))[0] != 401:
            pass
    _, members = await world.ana.in_room("GET", world.room, "joined_members")
    while world.id("struck") in members["joined"]:
        _, members = await world.ana.in_room("GET", world.room, "joined_members")
    async with Api(world.house.url) as again:
        assert (await again.login(world.id("struck"), world.people["struck"].code))[0] == 403


async def test_refusals_are_in_the_trail(world: World) -> None:
    rows = await world.house.app.db.aread(
        lambda session: session.execute(select(audit.c.detail).where(audit.c.outcome == "refused")).scalars().all()
    )
    assert {"blocked", "unverified", "server", "plain", "public", "patient", "alias"} <= set(rows)


def _national_id(session, account_id: int) -> str:
    return session.execute(select(accounts.c.national_id).where(accounts.c.id == account_id)).scalar_one()
