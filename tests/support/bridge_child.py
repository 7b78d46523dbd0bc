"""A bridge in a process of its own, killed at a named point.

Says who and where when it works, then answers questions on its pipe: `mail SUBJECT`, `events`, `mails`. The points are
reached by wrapping, not by hooks in the code that is tested.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.address import Address
from core.redact import configure_logging
from core.settings import Settings
from crypto.sign import sign_message
from directory.mailboxes import find_mailbox, get_mailbox
from instant import client, device, inbound, outbound
from instant.bridge import Bridge
from instant.exchange import Batch, Received
from instant.rooms import MAILBOX, open_rooms, want_room
from mail.compose import Draft, header_block, mime_entity
from mail.folders import find_inbox
from mail.seals import open_seal
from mail.tables import folder_messages
from ops.chat import Chat  # noqa: F401  loaded once, before a bridge is forked off
from ops.wiring import build
from tests.support.chat_house import SERVER, ChatHouse, TestClock

REPEAT = 20  # one event in so many is told twice


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(count: int) -> Callable[[], None]:
    """Dies the `count`th time it is asked."""
    left = [count]

    def step() -> None:
        left[0] -= 1
        if left[0] == 0:
            die()

    return step


def arm(point: str, nth: int) -> None:
    """Wrap the place where the process is to end."""
    step = after(nth)
    if point == "before_key":
        wrap_async(device.Device, "_handle_to_device", lambda args: args[1].to_device_events and step())
    elif point == "in_callback":
        wrap_async(Bridge, "_keep", lambda args: args[2].events and step())
    elif point == "before_commit":
        whole = inbound._keep

        def keep(session: Any, keyring: Any, rooms: Any, fresh: Any, now: Any) -> None:
            whole(session, keyring, rooms, fresh, now)
            if fresh:
                step()

        inbound._keep = keep
    elif point == "after_send":
        sent = outbound.Outbound._sent

        def noted(self: Any, session: Any, post: Any, event_id: str, root: str) -> None:
            step()
            sent(self, session, post, event_id, root)

        outbound.Outbound._sent = noted


def repeat() -> None:
    """The homeserver tells one event in twenty again, in a later batch."""
    inner, kept = client.Client.batch, list[Received]()

    async def batch(self: client.Client, since: str) -> Batch:
        found = await inner(self, since)
        if not found.events:
            return found
        again, kept[:] = tuple(kept), found.events[::REPEAT]
        return replace(found, events=again + found.events)

    client.Client.batch = batch


def wrap_async(owner: Any, name: str, before: Callable[[tuple[Any, ...]], Any]) -> None:
    inner = getattr(owner, name)

    async def wrapped(*args: Any) -> Any:
        before(args)
        return await inner(*args)

    setattr(owner, name, wrapped)


class Child:
    def __init__(self, pipe: Connection, home: Path, url: str, gate: int) -> None:
        self.pipe = pipe
        matrix = {"enabled": True, "server_name": SERVER, "url": url, "policy_port": gate}
        self.house = ChatHouse(home)
        self.house.settings = Settings.load(home, matrix=matrix, listen={"matrix": urlsplit(url).port})
        self.house.load_authority()
        self.app = self.house.app = build(self.house.settings, TestClock())

    async def run(self) -> None:
        await self.app.chat.start()
        await self.app.chat.ready.wait()
        people = [await asyncio.to_thread(self.person, kind, n) for kind, n in (("PER", 1), ("ORG", 2))]
        await asyncio.to_thread(self.app.chat.enrolment.keep_in_step)
        ana = people[0]
        room = await self.app.db.arun(want_room, ana["account"], ana["mailbox"], MAILBOX, datetime.now(UTC))
        while not (found := [one for one in await self.app.db.aread(open_rooms) if one.id == room.id]):
            await asyncio.sleep(0.02)
        threading.Thread(target=self.work, daemon=True).start()
        await self.app.chat.bridge.taken_in.wait()
        self.pipe.send({"user": ana["user_id"], "code": ana["code"], "room": found[0].room_id})
        await asyncio.to_thread(self.listen, people)

    def person(self, kind: str, number: int) -> dict[str, Any]:
        """Made once, found again after a kill."""
        address = Address.parse(self.house.address(kind, number))
        if self.app.db.read(find_mailbox, self.app.keyring, address) is None:
            made = self.house._person(kind, number, {})
            return {"account": made.account.id, "mailbox": made.mailbox_id, "user_id": made.user_id, "code": made.code}
        account = self.app.chat.enrolment.enrol(address)
        return {"account": account.id, "mailbox": account.mailbox_id, "user_id": account.user_id, "code": ""}

    def work(self) -> None:
        """The worker that keeps promises."""
        while True:
            self.app.work.keeper.sweep()
            threading.Event().wait(0.05)

    def listen(self, people: list[dict[str, Any]]) -> None:
        while True:
            word, _, rest = self.pipe.recv().partition(" ")
            self.pipe.send({"mail": self.mail, "events": self.events, "mails": self.mails}[word](people, rest))

    def mail(self, people: list[dict[str, Any]], subject: str) -> int:
        """From the pharmacy to Ana; the same subject is the same mail."""
        to = Address.parse(self.house.address("PER", 1))
        sender = Address.parse(self.house.address("ORG", 2))
        seal = self.app.db.read(open_seal, self.app.keyring, people[1]["mailbox"])
        rfc_id = f"{subject.replace(' ', '-')}@{sender.domain}"
        draft = Draft(
            sender, "Pharmacie", [to], subject, f"Texte de {subject}.\n", rfc_id, datetime(2026, 1, 1, tzinfo=UTC)
        )
        raw = sign_message(header_block(draft), mime_entity(draft), seal.key, seal.certificate, seal.chain)
        dedup = self.app.keyring.blind("test", subject)
        author = self.app.db.read(self.app.submitter._author, people[1]["mailbox"])
        return self.app.reception.accept_now(self.app.submitter._incoming(author), [to], raw, dedup).message_id

    def events(self, people: list[dict[str, Any]], _rest: str) -> list[str]:
        """Bodies of all events taken in, and what waits without key."""
        room = self.app.db.read(open_rooms)[0]
        kept = self.app.db.read(inbound.history, self.app.keyring, room.id)
        lost = self.app.db.read(inbound.without_key)
        return [str(event.content.get("body")) for event in kept] + ["?"] * len(lost)

    def mails(self, people: list[dict[str, Any]], _rest: str) -> list[str]:
        """Texts of the mails in the pharmacy's inbox."""
        return self.app.db.read(self.inbox, people[1]["mailbox"])

    def inbox(self, session: Any, mailbox_id: int) -> list[str]:
        folder = find_inbox(session, mailbox_id)
        query = folder_messages.select().where(folder_messages.c.folder_id == folder.id) if folder else None
        ids = [row.message_id for row in session.execute(query)] if query is not None else []
        holder = get_mailbox(session, mailbox_id).holder_id
        return [self.app.store.open_message(one, holder).raw.decode() for one in ids]


def run(pipe: Connection, home: Path, url: str, gate: int, point: str, nth: int) -> None:
    """The process's main function: until it is killed."""
    log = (home.parent / "child.log").open("a", buffering=1)
    configure_logging(True, log, logging.INFO)
    repeat()
    arm(point, nth)
    asyncio.run(Child(pipe, home, url, gate).run())
