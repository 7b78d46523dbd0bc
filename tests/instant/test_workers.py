"""Synapse on PostgreSQL with workers, as `pli chat config` writes it: what holds with our child holds there, too."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urljoin

import nio
import pytest
import pytest_asyncio

from instant.policy import refuse
from ops.demo.cast import PATIENTS
from tests.support.chat_house import Api
from tests.support.flow import Flow
from tests.support.hook_receiver import receiving
from tests.support.matrix_user import MatrixUser
from tests.support.plaintext import found_in
from tests.support.pli_server import PliServer
from tests.support.postgres import PostgresCluster
from tests.support.synapse_workers import SynapseWorkers
from tests.support.talk import Talk

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
STATE = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


class World(Talk):
    """The physician by nginx, hence by a worker; her colleague at the main process."""

    colleague: MatrixUser
    synapse: SynapseWorkers


@pytest.fixture(scope="module")
def synapse(postgres: PostgresCluster) -> Iterator[SynapseWorkers]:
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        server = PliServer(Path(folder) / "home", chat=True)
        with SynapseWorkers(server, postgres) as synapse:
            yield synapse


@pytest.fixture(scope="module")
def flow(synapse: SynapseWorkers) -> Iterator[Flow]:
    with synapse.server:
        flow = Flow(synapse.server)
        yield flow
    flow.assert_clean()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(flow: Flow, synapse: SynapseWorkers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    matrix = flow.info["matrix"]
    assert matrix["url"] == synapse.url
    users = {user["role"]: user for user in matrix["users"]}
    room = next(one["room_id"] for one in matrix["rooms"] if one["user_id"] == users["physician"]["user_id"])
    async with AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(
                MatrixUser(url, users[role]["user_id"], users[role]["password"], tmp_path_factory.mktemp(role))
            )
            for role, url in (("physician", synapse.url), ("colleague", synapse.main))
        ]
        await people[0].joined(room)
        world = World(flow, people[0], room)
        world.colleague, world.synapse = people[1], synapse
        yield world


async def test_two_users_talk_encrypted_across_the_processes(world: World) -> None:
    ana, bob = world.physician, world.colleague
    made = await ana.client.room_create(name="Avis", invite=[bob.user_id], initial_state=[STATE])
    assert isinstance(made, nio.RoomCreateResponse), made
    await bob.joined(made.room_id)
    while bob.user_id not in ana.client.rooms[made.room_id].users:
        await asyncio.sleep(0.05)
    await ana.say(made.room_id, "par un ouvrier")
    heard = await bob.text(made.room_id, "par un ouvrier")
    assert heard.decrypted and heard.sender == ana.user_id
    await bob.say(made.room_id, "par le principal")
    assert (await ana.text(made.room_id, "par le principal")).decrypted


async def test_a_mail_enters_and_its_answer_leaves_signed(world: World) -> None:
    matricule, files = PATIENTS[0].ins.matricule, [("bilan-secret.pdf", "application/pdf", b"%PDF-1.4 bilan\n")]
    written = world.mail("Objet de ce jour", f"posologie secrète pour {matricule} ?", files=files)
    shown = await world.physician.text(world.room, "posologie secrète")
    assert shown.decrypted and "signature vérifiée" in shown.body
    assert await world.physician.fetch(await world.physician.text(world.room, "bilan-secret.pdf")) == files[0][2]
    original = await world.physician.text(world.room, "message-original.eml")
    assert await world.physician.fetch(original) == written.raw
    await world.physician.say(world.room, "réponse inventée", thread=shown.event_id)
    answer = await asyncio.to_thread(world.answer, "Objet de ce jour")
    assert "réponse inventée" in answer.get_body().get_content()


async def test_workers_did_the_work(world: World) -> None:
    """Reading, writing, making of rooms and asking for keys; of the bridge and of her."""
    workers = set(world.synapse.workers)
    served = world.synapse.served()
    for path in ("/sync", "/createRoom", "/keys/query", "/send/"):
        by = {who for who, asked in served if path in asked}
        assert by and by <= workers, path
    assert not [asked for _, asked in served if asked.startswith("/_synapse/admin")]


async def test_the_rules_are_in_force_on_each_process(world: World) -> None:
    """Asked directly, past nginx: the same refusals with our sentence."""
    token, invited = world.physician.client.access_token, {"user_id": "@mallory:elsewhere.test"}
    clear = {"msgtype": "m.text", "body": "clair"}
    for url in (world.synapse.main, *world.synapse.workers):
        async with Api(url) as api:
            api.token = token
            status, made = await api.create(name="Avis")
            assert status == 200, made
            for refused, word in (
                (await api.create(preset="public_chat"), "public"),
                (await api.create(name=f"Cas {PATIENTS[0].ins.matricule}"), "patient"),
                (await api.in_room("POST", made["room_id"], "invite", invited), "server"),
                (await api.in_room("PUT", made["room_id"], "send/m.room.message/1", clear), "plain"),
            ):
                status, body = refused
                assert (status, body.get("error")) == (403, refuse(word).sentence), (url, word)


async def test_without_an_answer_each_process_refuses(world: World) -> None:
    """Pli is there and does not answer, which is worse than being away."""
    pli = world.flow.server.process
    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(Api(url)) for url in (world.synapse.main, *world.synapse.workers)]
        for api in doors:
            api.token = world.physician.client.access_token
        pli.send_signal(signal.SIGSTOP)
        try:
            for api in doors:
                status, body = await api.create(name="Avis")
                assert status == 403 and "ne répond pas" in body["error"]
        finally:
            pli.send_signal(signal.SIGCONT)
        for api in doors:
            while (await api.create(name="Avis"))[0] != 200:  # on a busy machine it is late once more
                await asyncio.sleep(0.2)


async def test_a_notification_tells_nothing(world: World) -> None:
    with receiving() as phone:
        phone.says = b"{}"
        pusher = {"kind": "http", "app_id": "essai", "pushkey": "x", "lang": "fr", "app_display_name": "essai"}
        pusher |= {"device_display_name": "essai", "data": {"url": urljoin(phone.url, "/_matrix/push/v1/notify")}}
        status, said = await world.physician.call("POST", "/_matrix/client/v3/pushers/set", pusher)
        assert status == 200, said
        matricule = PATIENTS[1].ins.matricule
        world.mail(f"Cas {PATIENTS[1].family}", f"alitement de {matricule}")
        await world.physician.text(world.room, "alitement")
        while not phone.calls:
            await asyncio.sleep(0.05)
        told = b" ".join(body for _, body in phone.calls).decode()
        assert "event_id" in told and world.room in told
        assert not [word for word in (PATIENTS[1].family, matricule, "alitement", "ciphertext") if word in told]


async def test_the_doctor_says_so(world: World) -> None:
    lights = await asyncio.to_thread(world.flow.ask, "doctor", send=False)
    assert [light["state"] for light in lights["lights"] if light["name"] == "chat"] == ["good"]


async def test_nobody_administers_it_from_outside(world: World) -> None:
    async with Api(world.synapse.url) as api:
        assert (await api.call("GET", "/server_version", base="/_synapse/admin/v1"))[0] == 404


async def test_a_dump_of_the_database_tells_nothing(world: World) -> None:
    """By pg_dump: no text of a mail, no subject, no name of a file, no patient's reference."""
    dump = await asyncio.to_thread(world.synapse.dump)
    assert dump.count("m.room.encrypted") > 5 and world.physician.user_id in dump
    spoken = ["par un ouvrier", "par le principal", "réponse inventée", "alitement", "posologie secrète"]
    people = [word for one in PATIENTS for word in (one.ins.matricule, one.family)]
    blobs = [
        ("dump", dump.encode()),
        ("unescaped", dump.encode().decode("unicode_escape", "replace").encode("utf-8", "surrogatepass")),
    ]
    assert found_in(blobs, [*world.flow.said, *spoken, *people]) == []
