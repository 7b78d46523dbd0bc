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
from sqlalchemy.orm import Session

from core.audit import Trail
from core.clock import Clock, epoch_ms
from core.db import Db
from core.errors import PliError, Refused, Temporary
from core.ids import token
from crypto.keyring import Keyring
from instant import inbound, memory, posts, rooms, signing, trust
from instant.accounts import find_account, get_account, people_behind
from instant.admin import Admin, ChatRefused
from instant.client import Client
from instant.desk import Desk, Hands
from instant.exchange import Batch, ChatDenied, ChatLost, Gap, Invitation, Received, SessionEnded
from instant.inbound import Event
from instant.names import BRIDGE, BRIDGE_STATE, CASE_STATE, CASE_TYPE, user_id
from instant.outbound import Outbound
from instant.patience import Patience
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
        self._making = asyncio.Lock()  # of rooms: what is said in a new one waits until it is known as ours
        self._patience = Patience()
        self._looked = False  # at what waits for its key, since the start

    async def run(self) -> None:
        """Sign in, sign the device, work. Raises SessionEnded."""
        device = await asyncio.to_thread(self._device)
        access = await asyncio.to_thread(self._ground.admin.sign_in, BRIDGE, device)
        with suppress(ChatRefused):
            await asyncio.to_thread(self._ground.admin.unlimited, BRIDGE)
        self._looked = False
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
        for room_id in batch.left:
            await self._db.arun(rooms.left, room_id)
        for invitation in batch.invitations:
            await self._invited(invitation)
        await self._recognise(client, {gap.room_id for gap in batch.gaps} | {one.room_id for one in batch.events})
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
        if lost or batch.new_keys or not self._looked:
            fresh = {inbound.session_of(one.unread) for one in received if one.unread}
            await self._open_waiting(client, batch.new_keys | fresh if self._looked else None)
            self._looked = True
        return batch.token

    async def _fill(self, client: Client, gap: Gap) -> list[Received]:
        async def known(event_id: str) -> bool:
            return await self._db.aread(inbound.knows, event_id)

        if not await self._db.aread(rooms.find_room, gap.room_id):
            return []
        try:
            return await client.backfill(gap, known)
        except ChatDenied as error:  # put out of the room meanwhile: what was said there is not for us
            log.warning("chat.gap_not_filled", cause=error.cause)
            return []

    async def _recognise(self, client: Client, room_ids: set[str]) -> None:
        """A room that was made just before a crash is ours before anything said in it is taken in."""
        if await self._are_ours(room_ids):
            return
        async with self._making:  # by whose end it may be written down
            if not await self._are_ours(room_ids):
                made = await self._unclaimed(client)
                for room in await self._db.aread(rooms.to_make) if made else ():
                    await self._claim(room, made)

    async def _are_ours(self, room_ids: set[str]) -> bool:
        return not room_ids or room_ids <= {room.room_id for room in await self._db.aread(rooms.open_rooms)}

    async def _invited(self, invitation: Invitation) -> None:
        """A person of ours asks us in: we shall come. Anybody else is left without an answer."""
        account = await self._db.aread(find_account, invitation.inviter)
        if account and account.verified:
            args = (account.id, account.mailbox_id, TEAM, self._ground.clock.now(), invitation.room_id)
            await self._db.arun(rooms.want_room, *args)

    def _greet(self, session: Any, room: Room) -> None:
        posts.say_once(session, self._keyring, room.id, WELCOME, "welcome")

    async def _open_waiting(self, client: Client, sessions: frozenset[str] | None) -> None:
        """Ciphertexts whose key may have come; those without are asked for. After a start: all."""
        now = self._ground.clock.now()
        for number, source in await self._db.aread(inbound.without_key, sessions):
            room = await self._db.aread(rooms.get_room, number)
            if room is None or not client.knows(room.room_id):
                continue
            found = client.decrypt(source, room.room_id)
            if found:
                await self._db.arun(inbound.opened, self._keyring, found, self.user_id, now)
                self.wake.set()
                continue
            await client.ask_for_key(source, room.room_id)

    async def _tell_unreadable(self) -> None:
        """Whatever has waited too long for its key is said in its room, once."""
        since = epoch_ms(self._ground.clock.now()) - TELL_AFTER_MS
        for event_id, room in await self._db.aread(inbound.overdue, since):
            await self._db.arun(self._tell_unread, room, event_id)

    def _tell_unread(self, session: Any, room: int, event_id: str) -> None:
        text = (
            "Un message de ce salon m'est illisible : sa clé ne m'est pas parvenue. Il n'a été ni transmis ni classé."
        )
        posts.say_once(session, self._keyring, room, text, f"unread:{event_id}"[:40])
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
                await self._join_rooms(client)
                await self._do_events(client)
                await self._tell_unreadable()
                while await outbound.send_pending():
                    pass
                wait = FIRST_WAIT_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):  # wait_for of 3.11 may swallow a cancellation: it never ended
                        await self.wake.wait()
            except SessionEnded:
                raise
            except PliError as error:
                log.warning("chat.work_failed", cause=error.cause)
                await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311  spreads load, hides nothing
                wait = min(LONGEST_WAIT_S, wait * 2)

    async def _make_rooms(self, client: Client) -> None:
        for room in await self._db.aread(rooms.to_make):
            if self._patience.is_over(room.id):
                await self._make_room(client, room)

    async def _make_room(self, client: Client, room: Room) -> None:
        """A refusal keeps nobody else waiting."""
        try:
            async with self._making:
                if not await self._claim(room, await self._unclaimed(client)):
                    people = await self._db.aread(_people_of, room)
                    await self._db.arun(self._room_made, room, await _create(client, room, people))
            self._patience.done(room.id)
        except (ChatDenied, ChatRefused) as error:
            log.warning("chat.room_not_made", room=room.id, cause=error.cause)
            self._patience.refused(room.id)

    async def _join_rooms(self, client: Client) -> None:
        """Those that asked us in: we come, and say what we are."""
        for room in await self._db.aread(rooms.open_rooms):
            if room.kind == TEAM and not client.knows(room.room_id) and self._patience.is_over(room.id):
                self._patience.refused(room.id)  # until we are in it, by the next batch
                try:
                    await client.join(room.room_id)
                    await self._db.arun(self._greet, room)
                except ChatDenied as error:
                    log.warning("chat.not_joined", room=room.id, cause=error.cause)

    async def _claim(self, room: Room, made: Mapping[str, str]) -> bool:
        """Made before a crash, or meanwhile: then it is written down."""
        if room_id := made.get(room.ref):
            await self._db.arun(self._room_made, room, room_id)
        return bool(room_id)

    async def _unclaimed(self, client: Client) -> dict[str, str]:
        """Rooms of ours at the homeserver that are not written down."""
        known = [one.room_id for one in await self._db.aread(rooms.open_rooms)]
        return await asyncio.to_thread(self._ground.admin.rooms_by_ref, client.access, known)

    def _room_made(self, session: Any, room: Room, room_id: str) -> None:
        rooms.made(session, room.id, room_id)
        posts.say_once(session, self._keyring, room.id, WELCOME, "welcome")

    async def _do_events(self, client: Client) -> None:
        loop = asyncio.get_running_loop()

        def download(file: Mapping[str, Any]) -> bytes:
            return asyncio.run_coroutine_threadsafe(client.download(file), loop).result(TALK_S)

        def invite(room: Room, other: str) -> None:
            if other in client.members(room.room_id):
                return  # asked in before, by a try that ended after it
            try:
                asyncio.run_coroutine_threadsafe(client.invite(room.room_id, other), loop).result(TALK_S)
            except ChatDenied as error:
                raise Refused("le serveur de messagerie refuse cette invitation", error.cause) from None

        def silence(room: Room) -> None:
            asyncio.run_coroutine_threadsafe(client.silence(room.room_id), loop).result(TALK_S)

        def vouched(event: Event) -> bool:
            return asyncio.run_coroutine_threadsafe(self._vouched(client, event), loop).result(TALK_S)

        hands = Hands(download, invite, silence, vouched)
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

    async def _vouched(self, client: Client, event: Event) -> bool:
        """Whether its writer has signed the device that it was written on; who signs none is known by his login."""
        answer = await client.identities([event.sender])
        weighed = (self._ground.trail, [event.sender], answer, self.user_id, self._ground.clock.now())
        found = await self._db.arun(trust.weigh, *weighed)
        if event.sender not in found.named:
            return bool(event.sender_key)
        return event.sender_key in client.keys_of(event.sender, found.devices[event.sender])

    async def _later(self, event: Event, room: Room, cause: str) -> None:
        attempts = event.attempts + 1
        log.warning("chat.event_put_off", event=event.id, attempt=attempts, cause=cause)
        if attempts >= ATTEMPTS:
            await asyncio.to_thread(self._ground.desk.give_up, event, room)
            return
        due = self._ground.clock.now() + timedelta(milliseconds=min(inbound.LONGEST_MS, 1000 * 2**attempts))
        await self._db.arun(inbound.later, event.id, attempts, epoch_ms(due))


def _people_of(session: Session, room: Room) -> list[str]:
    """Its owner; of an organisation's mailbox, the named people behind it as well."""
    account = get_account(session, room.account_id)
    behind = people_behind(session, account.id) if room.kind == MAILBOX else []
    return [account.user_id, *(one.user_id for one in behind)]


async def _create(client: Client, room: Room, people: list[str]) -> str:
    """Encrypted from its first event; its state holds our opaque reference, and says that we are there."""
    states = [
        _state(BRIDGE_STATE, {"ref": room.ref, "kind": room.kind}),
        _state("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}),
    ]
    if room.kind != CASE:
        return await client.create(NAMES[room.kind], people, states)
    states.append(_state(CASE_STATE, {"ref": room.ref}))
    name = f"{NAMES[CASE]} {room.ref[:6].upper()}"
    return await client.create(name, people, states, CASE_TYPE, CASE_POWERS)


def _state(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "state_key": "", "content": content}
