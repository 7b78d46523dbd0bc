"""Two independent clients and the bridge in one encrypted room: matrix-nio, and matrix-js-sdk in strict device mode,
which neither reads nor writes to a device that its owner has not signed."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from instant.names import BRIDGE
from tests.support.flow import Flow
from tests.support.matrix_user import MatrixUser

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FOLDER = Path(__file__).parent / "js"
WAIT_S = 90.0


class JsUser:
    """A professional with matrix-js-sdk, in a process of its own."""

    def __init__(self, url: str, user_id: str, password: str) -> None:
        self.user_id, self._command = user_id, ["node", "peer.mjs", url, user_id, password]
        self.events: list[dict[str, Any]] = []
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._grown = asyncio.Condition()

    async def __aenter__(self) -> "JsUser":
        if not (FOLDER / "node_modules" / "matrix-js-sdk").is_dir():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=FOLDER, check=True)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=FOLDER, stdin=pipe, stdout=pipe, limit=2**22
        )
        self._reader = asyncio.ensure_future(self._read())
        await asyncio.wait_for(self._answers.get(), WAIT_S)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._process.kill()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        while line := await self._process.stdout.readline():
            value = json.loads(line)
            if "event" not in value:
                await self._answers.put(value)
                continue
            async with self._grown:
                self.events.append(value["event"])
                self._grown.notify_all()

    async def ask(self, action: str, **more: Any) -> Any:
        self._process.stdin.write(json.dumps({"do": action, **more}).encode() + b"\n")
        await self._process.stdin.drain()
        answer = await asyncio.wait_for(self._answers.get(), WAIT_S)
        assert "done" in answer, answer
        return answer["done"]

    async def until(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        def found() -> Any:
            return next((event for event in self.events if not event["failed"] and wanted(event)), None)

        async with self._grown:
            try:
                await asyncio.wait_for(self._grown.wait_for(found), WAIT_S)
            except TimeoutError:
                seen = [(one["type"], one["failed"], one["content"].get("body")) for one in self.events]
                raise AssertionError(f"{what} did not come; seen: {seen}") from None
            return found()

    async def text(self, words: str) -> dict[str, Any]:
        return await self.until(lambda event: words in str(event["content"].get("body")), words)


class Room:
    """The pharmacy by matrix-js-sdk, a colleague by matrix-nio, and the bridge."""

    def __init__(self, flow: Flow, room: str, owner: JsUser, colleague: MatrixUser) -> None:
        self.flow, self.id, self.owner, self.colleague = flow, room, owner, colleague


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def room(chat: Flow, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    matrix = chat.info["matrix"]
    users = {user["role"]: user for user in matrix["users"]}
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("two")
        one, other = users["pharmacist"], users["colleague"]
        owner = await stack.enter_async_context(JsUser(matrix["url"], one["user_id"], one["password"]))
        colleague = MatrixUser(matrix["url"], other["user_id"], other["password"], folder)
        await stack.enter_async_context(colleague)
        await colleague.cross_sign()
        room_id = next(each["room_id"] for each in matrix["rooms"] if each["user_id"] == one["user_id"])
        await owner.until(lambda event: event["room"] == room_id, "the room")
        invite = {"msgtype": "m.text", "body": f"!inviter {other['address']}"}
        await owner.ask("send", room=room_id, content=invite)
        await colleague.joined(room_id)
        yield Room(chat, room_id, owner, colleague)


async def test_the_bridge_is_a_device_that_its_owner_has_signed(room: Room) -> None:
    bridge = f"@pont:{room.flow.info['matrix']['server']}"
    devices = await room.owner.ask("devices", user=bridge)
    assert len(devices) == 1
    assert await room.owner.ask("owner", user=bridge, device=devices[0])


async def test_text_both_ways_and_to_the_bridge(room: Room) -> None:
    await room.owner.ask("send", room=room.id, content={"msgtype": "m.text", "body": "bonjour de js"})
    heard = await room.colleague.text(room.id, "bonjour de js")
    assert heard.decrypted
    await room.colleague.say(room.id, "bonjour de nio")
    await room.owner.text("bonjour de nio")
    await room.owner.ask("send", room=room.id, content={"msgtype": "m.text", "body": "!aide"})
    await room.owner.text("Commandes du pont")
    await room.colleague.text(room.id, "Commandes du pont")


async def test_a_mail_a_thread_a_file_an_edit_a_redaction(room: Room) -> None:
    flow = room.flow
    to = flow.pharmacy["address"]
    files = [("note.pdf", "application/pdf", b"%PDF-1.4 note\n")]
    written = flow.write(flow.physician, to, "Stock", text="Avez-vous ce produit ?", files=files)
    flow.submit(flow.physician, written.raw, to)
    shown = await room.owner.text("Avez-vous ce produit")
    assert "signature vérifiée" in shown["content"]["body"]
    file = await room.colleague.text(room.id, "note.pdf")
    assert await room.colleague.fetch(file) == files[0][2]
    thread = {"rel_type": "m.thread", "event_id": shown["id"]}
    answer = {"msgtype": "m.text", "body": "Oui, demain", "m.relates_to": thread}
    said = await room.owner.ask("send", room=room.id, content=answer)
    flow.until(lambda: flow.look(flow.physician, subject="Re: Stock"), "the answer")
    new = {"msgtype": "m.text", "body": "Oui, ce soir"}
    edit = {**new, "body": "* Oui, ce soir", "m.new_content": new}
    await room.owner.ask(
        "send", room=room.id, content={**edit, "m.relates_to": {"rel_type": "m.replace", "event_id": said}}
    )
    raw, _flags = flow.until(lambda: flow.look(flow.physician, subject="Correction : Re: Stock"), "the correction")
    assert b"Content-Type: multipart/signed" in raw
    await room.owner.ask("redact", room=room.id, id=said)
    await room.owner.text("un message de retrait vient d'être envoyé")


async def test_nothing_was_unreadable(room: Room) -> None:
    senders = (f"@{BRIDGE}:", room.colleague.user_id)
    failed = {event["id"] for event in room.owner.events if event["failed"] and event["sender"].startswith(senders)}
    read = {event["id"] for event in room.owner.events if not event["failed"]}
    assert not failed - read
    assert room.flow.ask("chat.status")["without_key"] == 0
