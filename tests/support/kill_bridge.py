"""Kills a bridge at its named points while both sides write, then counts: nothing lost, doubled, unreadable.

`python -m tests.support.kill_bridge 100 --events 10000` is the whole drill. One message in twenty is sent twice, one
event in twenty given to the bridge twice; Synapse itself is killed as often as the bridge at each of its points.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import nio
from aiohttp import ClientError

from core.settings import Settings
from crypto.keyring import FileKeyring
from instant.homeserver import Homeserver
from instant.homeserver_config import Places, Secrets, prepare_sqlite, write_files
from ops.instance import keyring_file
from tests.support import bridge_child
from tests.support.chat_house import SERVER, ChatHouse
from tests.support.matrix_user import MatrixUser
from tests.support.ports import free_port

POINTS = ("before_key", "in_callback", "before_commit", "after_send", "homeserver")
ANSWER_S = 600.0
EACH_ROUND = 5  # answers in the thread of a mail, and mails
REPEAT = 20  # one in so many is sent twice
AT_ONCE = 8
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.support.bridge_child"])
ANSWER, SHOWN = re.compile(r"(dit \d+\.\w+);"), re.compile(r"Texte de (courrier \d+\.\d+|racine)\.")


@dataclass
class Tally:
    """What was written on each side, how often the bridge was killed, and what was found."""

    kills: int = 0
    repeats: int = 0
    unreadable: int = 0
    said: list[str] = field(default_factory=list)
    answering: list[str] = field(default_factory=list)
    mailed: list[str] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> dict[str, list[str]]:
        """By kind; empty where all is well."""
        found = {
            "event lost": [one for one in self.said if self.events[one] == 0],
            "event doubled": [one for one in self.said if self.events[one] > 1],
            "event unreadable": ["?"] * self.events["?"],
            "event unreadable to the user": ["?"] * self.unreadable,
            "mail not shown": [one for one in self.mailed if self.shown[one] == 0],
            "mail shown twice": [one for one in self.mailed if self.shown[one] > 1],
            "answer lost": [one for one in self.answering if self.answers[one] == 0],
            "answer doubled": [one for one in self.answering if self.answers[one] > 1],
        }
        return {kind: names for kind, names in found.items() if names}


class Drill:
    """A homeserver of our own, a bridge that dies, a user who never does."""

    def __init__(self, folder: Path, until: float = inf) -> None:
        self.until = until  # no round begins after it
        self.folder, self.home, self.tally = folder, folder / "home", Tally()
        self.port, self.gate = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._child: Any = None

    async def run(self, kills: int, events: int = 0) -> Tally:
        """`kills` at the points in turn while `events` messages are said; returns what was counted."""
        talk = max(0, events // max(1, kills) - EACH_ROUND)
        await self.homeserver.start()
        try:
            facts = await self._start("none", 1)
            self.room = facts["room"]
            async with MatrixUser(self.url, facts["user"], facts["code"], self.folder / "nio") as self.user:
                await self.user.joined(self.room)
                await self._root()
                for number in range(kills):
                    await self._round(POINTS[number % len(POINTS)], number, talk)
                    print(f"killed {self.tally.kills}, said {len(self.tally.said)}", file=sys.stderr, flush=True)
                    if monotonic() > self.until:
                        break
                await self._count()
        finally:
            await self._end()
            await self.homeserver.stop()
        return self.tally

    def prepare(self) -> None:
        """The instance and the homeserver's files; not from several threads at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        matrix = {"enabled": True, "server_name": SERVER, "url": self.url, "policy_port": self.gate}
        settings = Settings.load(self.home, matrix=matrix, listen={"matrix": self.port})
        house = ChatHouse(self.home)
        house.settings = settings
        house._make()
        secrets = Secrets.of(FileKeyring.open(keyring_file(self.home)))
        places = Places(self.folder / "synapse", "127.0.0.1", self.port, f"http://127.0.0.1:{self.gate}/")
        write_files(settings, secrets, places)
        prepare_sqlite(places.folder)
        self.homeserver = Homeserver(places.folder, "127.0.0.1", self.port)

    async def _start(self, point: str, nth: int) -> dict[str, Any]:
        """A bridge that will die at the `nth` passage of the point; it may do so before it says that it works."""
        self._pipe, theirs = FORK.Pipe()
        arguments = (theirs, self.home, self.url, self.gate, point, nth)
        # no daemon: it has processes of its own, which verify signatures
        self._child = FORK.Process(target=bridge_child.run, args=arguments)
        await asyncio.to_thread(self._child.start)
        theirs.close()
        return await self._answer()

    async def _answer(self) -> Any:
        """None when the bridge died over it."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._pipe.recv), ANSWER_S)
        except (EOFError, OSError):
            return None

    async def _ask(self, words: str) -> Any:
        """None when the bridge died over it."""
        try:
            self._pipe.send(words)
        except OSError:
            return None
        return await self._answer()

    async def _root(self) -> None:
        """The mail in whose thread everything is said."""
        self.tally.mailed.append("racine")
        await self._ask("mail racine")
        self.root = (await self.user.text(self.room, "Texte de racine")).event_id

    async def _round(self, point: str, number: int, talk: int) -> None:
        """Start armed, write on both sides until it dies, then write once more while nobody listens."""
        await self._end()
        armed = "none" if point == "homeserver" else point
        await self._start(armed, 1 + number // len(POINTS) % 2)
        chatter = asyncio.ensure_future(self._chatter(number, talk))
        for part in range(EACH_ROUND - 1):
            await self._both(f"{number}.{part}")
        if point == "homeserver":
            await self._kill_homeserver()
        else:
            await self._wait_for_death()
        self.tally.kills += 1
        await self._say(f"dit {number}.seul")
        await chatter

    async def _wait_for_death(self) -> None:
        await asyncio.to_thread(self._child.join, 10)
        await self._end()

    async def _kill_homeserver(self) -> None:
        """While the bridge lives and the user's messages are on their way: he sends them again."""
        os.kill(self.homeserver.pid, signal.SIGKILL)
        await self.homeserver.wait()
        await self.homeserver.start()

    async def _chatter(self, number: int, count: int) -> None:
        """Messages in no thread, several on their way at a time."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(part: int) -> None:
            async with turn:
                await self._send(f"bavard {number}.{part}")

        await asyncio.gather(*(one(part) for part in range(count)))

    async def _both(self, mark: str) -> None:
        await self._say(f"dit {mark}")
        subject = f"courrier {mark}"
        self.tally.mailed.append(subject)
        while await self._ask(f"mail {subject}") is None:
            await self._end()
            await self._start("none", 1)
        if len(self.tally.mailed) % REPEAT == 0:
            self.tally.repeats += 1
            await self._ask(f"mail {subject}")

    async def _say(self, words: str) -> None:
        """An answer in the mail's thread."""
        if len(self.tally.answering) % 2:  # every other one needs a room key of its own
            self.user.client.invalidate_outbound_session(self.room)
        self.tally.answering.append(words)
        await self._send(words, {"rel_type": "m.thread", "event_id": self.root})

    async def _send(self, words: str, relation: dict[str, str] | None = None) -> None:
        """Until the homeserver has answered, always with one transaction id; one in twenty once more after that."""
        content = {"msgtype": "m.text", "body": f"{words};"} | ({"m.relates_to": relation} if relation else {})
        self.tally.said.append(words)
        again = len(self.tally.said) % REPEAT == 0
        await self._until_sent(content, words)
        if again:
            self.tally.repeats += 1
            await self._until_sent(content, words)

    async def _until_sent(self, content: dict[str, Any], words: str) -> None:
        transaction = words.replace(" ", "-")
        while True:
            try:
                sending = self.user.client.room_send(self.room, "m.room.message", content, transaction, True)
                answer = await asyncio.wait_for(sending, ANSWER_S)
            except (OSError, ClientError, nio.exceptions.EncryptionError):
                answer = None
            if isinstance(answer, nio.RoomSendResponse):
                return
            await asyncio.sleep(0.2)

    async def _end(self) -> None:
        if self._child:
            self._child.kill()
            await asyncio.to_thread(self._child.join)

    async def _count(self) -> None:
        """With a bridge that lives: until nothing more is missing, or many looks were in vain."""
        await self._end()
        await self._start("none", 1)
        for _ in range(120):
            await self._look()
            if not self.tally.wrong:
                break
            await asyncio.sleep(5)
        await asyncio.sleep(3)  # whatever would come twice comes now
        await self._look()

    async def _look(self) -> None:
        bodies = await self._ask("events")
        self.tally.events = Counter(body.rstrip(";") for body in bodies)
        mails = await self._ask("mails")
        texts = [_text(raw) for raw in mails]
        self.tally.answers = Counter(found for text in texts for found in ANSWER.findall(text))
        shown = [getattr(event, "body", "") for room, event in self.user.events if room == self.room]
        self.tally.shown = Counter(found for body in shown for found in SHOWN.findall(body))
        self.tally.unreadable = sum(isinstance(event, nio.MegolmEvent) for _room, event in self.user.events)


def _text(raw: str) -> str:
    from email import message_from_string
    from email.policy import default

    body = message_from_string(raw, policy=default).get_body()
    return body.get_content() if body else ""


async def main() -> None:
    """`python -m tests.support.kill_bridge 100 --events 10000`; exit 1 when anything is lost or doubled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", type=int)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=inf, help="no round begins after so many")
    parser.add_argument("--houses", type=int, default=2, help="so many homeservers side by side share the work")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pli-kill-", dir="/tmp") as folder:
        drills = [
            Drill(Path(folder) / str(number), monotonic() + 60 * wanted.minutes) for number in range(wanted.houses)
        ]
        for drill in drills:
            drill.prepare()
        share = (wanted.kills // wanted.houses, wanted.events // wanted.houses)
        tallies = await asyncio.gather(*(drill.run(*share) for drill in drills))
    print(json.dumps(_sum(tallies)))
    sys.exit(int(any(tally.wrong for tally in tallies)))


def _sum(tallies: list[Tally]) -> dict[str, Any]:
    whole = {
        "kills": sum(tally.kills for tally in tallies),
        "said": sum(len(tally.said) for tally in tallies),
        "answers": sum(len(tally.answering) for tally in tallies),
        "mailed": sum(len(tally.mailed) for tally in tallies),
        "repeats": sum(tally.repeats for tally in tallies),
    }
    return whole | {"wrong": [tally.wrong for tally in tallies if tally.wrong]}


if __name__ == "__main__":
    asyncio.run(main())
