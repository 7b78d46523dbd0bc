"""The chat's scenes: a colleague is asked, the pharmacy asks the prescriber, the answer lands in both places."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from secrets import randbelow
from typing import Any

import httpx2

from core.ids import token
from instant.client import Client
from instant.exchange import ChatLost, Received
from instant.names import VERDICT
from ops.demo.cast import PHARMACY, players
from ops.demo.client import write
from ops.demo.stage import Stage, held

STATE = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


class Pocket:
    """A professional's client: what it has seen, and a loop that looks for more."""

    def __init__(self, url: str, user: dict[str, str], folder: Path) -> None:
        self._url, self._user, self._folder = url, user, folder
        self.user_id = user["user_id"]
        self.seen: list[Received] = []

    async def __aenter__(self) -> "Pocket":
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": self.user_id},
            "password": self._user["password"],
        }
        async with httpx2.AsyncClient(base_url=self._url, trust_env=False, timeout=20, verify=False) as http:
            answer = (await http.post("/_matrix/client/v3/login", json=body)).json()
        self.client = Client(self._url, self.user_id, answer["device_id"], self._folder / token(6), token(32))
        await self.client.open(answer["access_token"])
        self._since = ""
        await self._look()
        self._loop = asyncio.ensure_future(self._forever())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        await self.client.close()

    async def _forever(self) -> None:
        while True:
            try:
                await self._look()
            except ChatLost:  # a machine with much else to do: once more
                await asyncio.sleep(1)

    async def _look(self) -> None:
        batch = await self.client.batch(self._since)
        for invitation in batch.invitations:
            await self.client.join(invitation.room_id)
        self.seen += batch.events
        self._since = batch.token

    async def say(self, room: str, words: str, thread: str = "") -> str:
        """A text, encrypted for all devices of those in the room, as a client does that asks nobody; its event id."""
        named = (await self.client.identities(self.client.members(room)))["device_keys"]
        self.client.trust({user: frozenset(devices) for user, devices in named.items()})
        content: dict[str, Any] = {"msgtype": "m.text", "body": words}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        return await self.client.send(room, "m.room.message", content, token(9))

    def hears(self, words: str) -> Callable[[], Awaitable[Received | None]]:
        """Looks for the message with these words, decrypted."""

        async def look() -> Received | None:
            return next((one for one in self.seen if words in str(one.content.get("body"))), None)

        return look


class ChatScenario:
    """Played after the mail's scenes; `facts` is the `matrix` part of demo.json."""

    def __init__(self, stage: Stage, facts: dict[str, Any]) -> None:
        self._stage, self._facts = stage, facts
        self._pharmacist = next(player for player in players() if player.role == "pharmacist")
        self._mark = f"{randbelow(10**6):06d}"  # by which a run finds its own words again

    async def play(self, rooms: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """All of it; `rooms` makes the mailboxes' rooms, while the players log in. Raises StepFailed."""
        async with AsyncExitStack() as stack:
            pockets = [self._pocket(role) for role in ("physician", "colleague", "pharmacist")]
            physician, colleague, counter = pockets
            play = self._stage.play

            async def enter() -> dict[str, Any]:
                entering = asyncio.gather(*(stack.enter_async_context(one) for one in pockets))
                made: tuple[dict[str, Any], object] = await asyncio.gather(rooms(), entering)
                return made[0]

            await play("chat_rooms", "Chaque boîte a son salon ; les joueurs se connectent", enter)
            await play(
                "chat_ask",
                "Un avis est demandé à un confrère, chiffré de bout en bout",
                self._ask(physician, colleague),
            )
            await play(
                "chat_mail", "La pharmacie écrit : le courriel paraît au salon du médecin", self._mail(physician)
            )
            await play("chat_answer", "Sa réponse dans le fil part en courriel signé", self._answer(physician, counter))

    def _pocket(self, role: str) -> Pocket:
        user = next(user for user in self._facts["users"] if user["role"] == role)
        return Pocket(self._facts["url"], user, self._stage.home / "matrix" / "players")

    def _ask(self, physician: Pocket, colleague: Pocket) -> Callable[[], Awaitable[dict[str, Any]]]:
        async def scene() -> dict[str, Any]:
            room = await physician.client.create("Avis", [colleague.user_id], [STATE])
            await self._stage.until(lambda: _knows(colleague, room), "the invitation")
            await self._stage.until(lambda: _has(physician, room, colleague.user_id), "the colleague")
            await physician.say(room, f"Ton avis sur cet ECG ? (réf. {self._mark}-1)")
            heard = await self._stage.until(colleague.hears(self._mark), "the question")
            await colleague.say(room, f"Rien d'urgent. (réf. {self._mark}-2)", heard.event_id)
            await self._stage.until(physician.hears(f"{self._mark}-2"), "the answer")
            return {"encrypted": True, "messages": 2}

        return scene

    def _mail(self, physician: Pocket) -> Callable[[], Awaitable[dict[str, Any]]]:
        async def scene() -> dict[str, Any]:
            to = next(user["address"] for user in self._facts["users"] if user["role"] == "physician")
            text = f"Bonjour,\n\npeut-on substituer ? (réf. {self._mark}-3)\n"
            seal = self._stage.post.papers.of(self._pharmacist.stem)
            letter = write(PHARMACY, self._pharmacist.name, to, f"Votre ordonnance, réf. {self._mark}", text, seal)
            await self._stage.post.submit(self._pharmacist, letter.raw, [to])
            shown = await self._stage.until(physician.hears(f"{self._mark}-3"), "the mail in the room")
            verdict = shown.content[VERDICT]["result"]
            held(verdict == "pass", "the room is told that the signature holds")
            return {"verdict": verdict}

        return scene

    def _answer(self, physician: Pocket, counter: Pocket) -> Callable[[], Awaitable[dict[str, Any]]]:
        async def scene() -> dict[str, Any]:
            shown = await self._stage.until(physician.hears(f"{self._mark}-3"), "the mail in the room")
            await physician.say(shown.room_id, f"Oui, substituez. (réf. {self._mark}-4)", shown.event_id)
            raw, flags = await self._stage.post.fetch(self._pharmacist, subject=self._mark)
            held("$SignaturePass" in flags, "the answer is signed by the physician's seal")
            await self._stage.until(counter.hears(f"{self._mark}-4"), "the answer in the pharmacy's room")
            return {"verdict": "pass", "octets": len(raw)}

        return scene


async def _knows(pocket: Pocket, room: str) -> bool:
    return pocket.client.knows(room)


async def _has(pocket: Pocket, room: str, user: str) -> bool:
    return user in pocket.client.members(room)
