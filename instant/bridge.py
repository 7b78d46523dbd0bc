"""The bridge at work: takes in what happens, does what is asked, sends what is promised. One device, one process.

Two loops: one waits for the homeserver and keeps each batch in one commit; one works off rows, woken by commits.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from core.audit import Trail
from core.clock import Clock, epoch_ms
from core.db import Db
from core.errors import PliError, Temporary
from core.ids import token
from crypto.keyring import Keyring
from instant import inbound, memory, posts, rooms, signing
from instant.accounts import find_account, get_account
from instant.admin import Admin, ChatRefused
from instant.client import Client
from instant.desk import Desk, Hands
from instant.exchange import Batch, ChatLost, Gap, Invitation, Received, SessionEnded
from instant.inbound import Event
from instant.names import BRIDGE, BRIDGE_STATE, CASE_STATE, CASE_TYPE, user_id
from instant.outbound import Outbound
from instant.rooms import CASE, MAILBOX, TEAM, Room
from instant.services import Scanner
from mail.store import Store

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
TICK_S = 5.0
TELL_AFTER_MS = 600_000
ATTEMPTS = 8
TALK_S = 120.0
CASE_POWERS = {"invite": 100, "state_default": 100, "events_default": 0, "users_default": 0}  # we check who comes in
NAMES = {MAILBOX: "MSSanté", TEAM: "Équipe", CASE: "Dossier"}
WELCOME = (
    "Je suis le pont MSSanté : je lis ce salon. Le chiffrement de bout en bout s'arrête à moi, et ce qui part en "
    "courriel est signé et archivé comme tel. !aide montre ce que je sais faire."
)
log = structlog.get_logger()


@dataclass(frozen=True)
class Ground:
    """What the bridge stands on."""

    db: Db
    keyring: Keyring
    trail: Trail
    clock: Clock
    store: Store
    scanner: Scanner
    admin: Admin
    desk: Desk


class Bridge:
    """`run` ends only by cancellation, or by SessionEnded."""

    def __init__(self, ground: Ground, url: str, server: str, folder: Path, pickle_key: str) -> None:
        self._ground, self._db, self._keyring = ground, ground.db, ground.keyring
        self._url, self._folder, self._pickle_key = url, folder, pickle_key
        self.user_id = user_id(BRIDGE, server)
        self.wake = asyncio.Event()
        self.taken_in = asyncio.Event()  # after the first batch: the bridge knows its rooms
        self._client: Client | None = None

    async def run(self) -> None:
        """Sign in, sign the device, work. Raises SessionEnded."""
        device = await asyncio.to_thread(self._device)
        access = await asyncio.to_thread(self._ground.admin.sign_in, BRIDGE, device)
        with suppress(ChatRefused):
            await asyncio.to_thread(self._ground.admin.unlimited, BRIDGE)
        self._client = client = Client(self._url, self.user_id, device, self._folder, self._pickle_key)
        try:
            await client.open(access)
            await self._sign(client, access)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_in(client))
                tasks.create_task(self._work_off(client))
        except* SessionEnded as ended:
            raise ended.exceptions[0] from None
        finally:
            self.taken_in.clear()
            await client.close()

    def _device(self) -> str:
        """The same device for ever: repeated sends are recognised by it."""
        device = self._db.read(memory.recall, self._keyring, memory.DEVICE).decode()
        if not device:
            device = f"PLI{token(6).upper().replace('-', 'X').replace('_', 'Y')}"
            self._db.run(memory.remember, self._keyring, memory.DEVICE, device.encode())
        return device

    async def _sign(self, client: Client, access: str) -> None:
        """Cross-sign our device, once: clients in strict mode speak to no other."""
        answer = await client.identities([self.user_id])
        found = signing.standing(self.user_id, answer)
        if client.device in found.signed:
            return
        key = self._keyring.mac("matrix-secret", b"signing-pickle")
        kept = self._db.read(memory.recall, self._keyring, memory.SIGNING)
        seeds = signing.Seeds.opened(kept, key) if kept else signing.Seeds.fresh()
        if not kept:
            await self._db.arun(memory.remember, self._keyring, memory.SIGNING, seeds.pickled(key))
        device = answer["device_keys"][self.user_id][client.device]
        await asyncio.to_thread(self._ground.admin.cross_sign, access, self.user_id, seeds, device, bool(found.master))
        log.info("chat.device_signed")

    # what comes in

    async def _take_in(self, client: Client) -> None:
        since = (await self._db.aread(memory.recall, self._keyring, memory.TOKEN)).decode()
        wait = FIRST_WAIT_S
        while True:
            try:
                batch = await client.batch(since)
                since = await self._keep(client, batch)
                self.taken_in.set()
                wait = FIRST_WAIT_S
            except SessionEnded:
                raise
            except PliError as error:
                log.warning("chat.sync_failed", cause=error.cause)
                await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311  spreads load, hides nothing
                wait = min(LONGEST_WAIT_S, wait * 2)

    async def _keep(self, client: Client, batch: Batch) -> str:
        """Everything of the batch, gaps filled, in one commit with its token."""
        for invitation in batch.invitations:
            await self._invited(client, invitation)
        received: list[Received] = []
        for gap in batch.gaps:
            received += await self._fill(client, gap)
        received += batch.events
        now = self._ground.clock.now()
        new, lost = await self._db.arun(inbound.take, self._keyring, received, batch.token, self.user_id, now)
        if new or lost:
            log.info("chat.taken_in", events=new, without_key=lost)
        if batch.events:
            self.wake.set()
        if batch.new_keys or lost:
            await self._open_waiting(client)
        return batch.token

    async def _fill(self, client: Client, gap: Gap) -> list[Received]:
        room = await self._db.aread(rooms.find_room, gap.room_id)
        if room is None or not await self._db.aread(inbound.has_history, room.id):
            return []

        async def known(event_id: str) -> bool:
            return await self._db.aread(inbound.knows, event_id)

        return await client.backfill(gap, known)

    async def _invited(self, client: Client, invitation: Invitation) -> None:
        """A person of ours asks us in: we come, and say what we are. Anybody else is left without an answer."""
        account = await self._db.aread(find_account, invitation.inviter)
        if account is None or not account.verified:
            return
        await client.join(invitation.room_id)
        args = (account.id, account.mailbox_id, TEAM, self._ground.clock.now(), invitation.room_id)
        room = await self._db.arun(rooms.want_room, *args)
        await self._db.arun(self._greet, room)

    def _greet(self, session: Any, room: Room) -> None:
        posts.say_once(session, self._keyring, room.id, WELCOME, "welcome")

    async def _open_waiting(self, client: Client) -> None:
        """Ciphertexts whose key may have come; those without are asked for, and after ten minutes the room is told."""
        now = self._ground.clock.now()
        for event_id, number, source, since, told in await self._db.aread(inbound.without_key):
            room = await self._db.aread(rooms.get_room, number)
            if room is None or not client.knows(room.room_id):
                continue
            found = client.decrypt(source, room.room_id)
            if found:
                await self._db.arun(inbound.opened, self._keyring, found, self.user_id, now)
                self.wake.set()
                continue
            await client.ask_for_key(source, room.room_id)
            if not told and epoch_ms(now) - since > TELL_AFTER_MS:
                await self._db.arun(self._tell_unread, room, event_id)

    def _tell_unread(self, session: Any, room: Room, event_id: str) -> None:
        text = (
            "Un message de ce salon m'est illisible : sa clé ne m'est pas parvenue. Il n'a été ni transmis ni classé."
        )
        posts.say_once(session, self._keyring, room.id, text, f"unread:{event_id}"[:40])
        inbound.told(session, event_id)

    # what is to be done

    async def _work_off(self, client: Client) -> None:
        await self.taken_in.wait()
        outbound = Outbound(
            self._db,
            self._keyring,
            self._ground.trail,
            self._ground.clock,
            self._ground.store,
            self._ground.scanner,
            client,
        )
        wait = FIRST_WAIT_S
        while True:
            self.wake.clear()
            try:
                await self._make_rooms(client)
                await self._do_events(client)
                while await outbound.send_pending():
                    pass
                wait = FIRST_WAIT_S
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), TICK_S)
            except SessionEnded:
                raise
            except PliError as error:
                log.warning("chat.work_failed", cause=error.cause)
                await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311  spreads load, hides nothing
                wait = min(LONGEST_WAIT_S, wait * 2)

    async def _make_rooms(self, client: Client) -> None:
        for room in await self._db.aread(rooms.to_make):
            account = await self._db.aread(get_account, room.account_id)
            known = [one.room_id for one in await self._db.aread(rooms.open_rooms)]
            made = await asyncio.to_thread(self._ground.admin.room_with_ref, client.access, room.ref, known)
            made = made or await _create(client, room, account.user_id)
            await self._db.arun(self._room_made, room, made)

    def _room_made(self, session: Any, room: Room, room_id: str) -> None:
        rooms.made(session, room.id, room_id)
        posts.say_once(session, self._keyring, room.id, WELCOME, "welcome")

    async def _do_events(self, client: Client) -> None:
        loop = asyncio.get_running_loop()

        def download(file: Mapping[str, Any]) -> bytes:
            return asyncio.run_coroutine_threadsafe(client.download(file), loop).result(TALK_S)

        def invite(room: Room, other: str) -> None:
            asyncio.run_coroutine_threadsafe(client.invite(room.room_id, other), loop).result(TALK_S)

        def silence(room: Room) -> None:
            asyncio.run_coroutine_threadsafe(client.silence(room.room_id), loop).result(TALK_S)

        hands = Hands(download, invite, silence)
        for event, room in await self._db.aread(inbound.to_do, self._keyring, self._ground.clock.now()):
            try:
                await asyncio.to_thread(self._ground.desk.handle, event, room, hands)
                with suppress(ChatLost):
                    await client.seen(room.room_id, event.event_id)
            except Temporary as error:
                await self._later(event, room, error.cause)
            except SessionEnded:
                raise
            except Exception as error:
                log.exception("chat.event_failed", kind=type(error).__name__)
                await self._later(event, room, type(error).__name__)

    async def _later(self, event: Event, room: Room, cause: str) -> None:
        attempts = event.attempts + 1
        log.warning("chat.event_put_off", event=event.id, attempt=attempts, cause=cause)
        if attempts >= ATTEMPTS:
            await asyncio.to_thread(self._ground.desk.give_up, event, room)
            return
        due = self._ground.clock.now() + timedelta(seconds=min(600, 2**attempts))
        await self._db.arun(inbound.later, event.id, attempts, epoch_ms(due))


async def _create(client: Client, room: Room, owner: str) -> str:
    """Encrypted from its first event; its state holds our opaque reference, and says that we are there."""
    states = [
        _state(BRIDGE_STATE, {"ref": room.ref, "kind": room.kind}),
        _state("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}),
    ]
    if room.kind != CASE:
        return await client.create(NAMES[room.kind], [owner], states)
    states.append(_state(CASE_STATE, {"ref": room.ref}))
    name = f"{NAMES[CASE]} {room.ref[:6].upper()}"
    return await client.create(name, [owner], states, CASE_TYPE, CASE_POWERS)


def _state(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "state_key": "", "content": content}
