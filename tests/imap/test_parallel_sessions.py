"""Several sessions on one folder at once: each client's own count of messages stays right. RFC 3501 §7.4.1, RFC 2180.

A small client keeps what it was told. Whatever the others do, its numbers name the messages that it thinks they name.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ids import token
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD

pytestmark = pytest.mark.slow

_FETCH = re.compile(r"\* (\d+) FETCH \((?:UID (\d+) ?)?(?:FLAGS \((.*)\))?\)")
MAIL = b"Subject: x\r\n\r\nab\r\n"


class Mirror:
    """What one client was told about its folder: one entry a message, its UID once known, its flags once known."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.uids: list[int | None] = []
        self.flags: dict[int, str] = {}

    @classmethod
    async def open(cls, port: int, folder: str) -> "Mirror":
        mirror = cls(await RawClient.connect(port))
        await mirror.say(f'LOGIN {LEA} "{PASSWORD}"')
        await mirror.say(f"SELECT {folder}")
        await mirror.say("UID FETCH 1:* (FLAGS)")
        return mirror

    async def say(self, text: str | bytes) -> str:
        """One command; every untagged line is believed. The tagged line."""
        lines = await self.client.command(text)
        for line in lines[:-1]:
            self._believe(line)
        assert "SERVERBUG" not in lines[-1] and not lines[-1].startswith("x BAD"), lines[-1]
        return lines[-1]

    def _believe(self, line: str) -> None:
        if found := re.fullmatch(r"\* (\d+) EXISTS", line):
            assert int(found[1]) >= len(self.uids), "messages vanished without EXPUNGE"
            self.uids += [None] * (int(found[1]) - len(self.uids))
        elif found := re.fullmatch(r"\* (\d+) EXPUNGE", line):
            assert 1 <= int(found[1]) <= len(self.uids), "a number that no message has"
            del self.uids[int(found[1]) - 1]
        elif found := _FETCH.fullmatch(line):
            self._fetched(int(found[1]), found[2], found[3])

    def _fetched(self, number: int, uid: str | None, flags: str | None) -> None:
        assert 1 <= number <= len(self.uids), "a number that no message has"
        if uid is not None:
            assert self.uids[number - 1] in (None, int(uid)), "a number changed its message"
            self.uids[number - 1] = int(uid)
        known = self.uids[number - 1]
        if known is not None and flags is not None:
            self.flags[known] = " ".join(sorted(flag for flag in flags.split() if flag != "\\Recent"))

    def number(self, choice: int) -> int | None:
        return choice % len(self.uids) + 1 if self.uids else None

    async def settle(self) -> list[tuple[int, str]]:
        """Everything is told now: UIDs and flags, as this client sees them."""
        await self.say("NOOP")
        believed = {uid: self.flags[uid] for uid in self.uids if uid in self.flags}
        await self.say("FETCH 1:* (UID FLAGS)" if self.uids else "NOOP")
        seen = [(uid, self.flags[uid]) for uid in self.uids]
        assert all(flags == dict(seen)[uid] for uid, flags in believed.items()), "a change of flags was not told"
        return seen


async def append(mirror: Mirror, folder: str, _choice: int) -> None:
    await mirror.say(b"APPEND %b {%d+}\r\n%b" % (folder.encode(), len(MAIL), MAIL))


def numbered(text: str) -> Callable[[Mirror, str, int], Awaitable[None]]:
    async def command(mirror: Mirror, folder: str, choice: int) -> None:
        number = mirror.number(choice)
        if number is not None:
            await mirror.say(text.format(n=number, uid=mirror.uids[number - 1] or 1, folder=folder))

    return command


async def in_silence(mirror: Mirror, _folder: str, choice: int) -> None:
    """.SILENT: the client works the new flags out from those it knows."""
    number = mirror.number(choice)
    if number is None:
        return
    uid = mirror.uids[number - 1]
    known = mirror.flags.get(uid)
    if known is not None:
        mirror.flags[uid] = " ".join(sorted({*known.split(), "\\Deleted"}))
    await mirror.say(f"STORE {number} +FLAGS.SILENT (\\Deleted)")


DEEDS = [
    append,
    numbered("NOOP"),
    numbered("EXPUNGE"),
    numbered("FETCH {n} (UID)"),
    numbered("FETCH {n} (FLAGS)"),
    numbered("UID FETCH {uid} (FLAGS)"),
    numbered("STORE {n} +FLAGS (\\Deleted)"),
    numbered("STORE {n} FLAGS (\\Seen)"),
    in_silence,
    numbered("UID STORE {uid} -FLAGS (\\Seen \\Deleted)"),
    numbered("UID EXPUNGE {uid}"),
    numbered("SEARCH UNDELETED"),
    numbered("COPY {n} {folder}"),
    numbered("UID MOVE {uid} Trash"),
    numbered("MOVE {n} {folder}"),
]
_deed = st.tuples(st.integers(0, 2), st.sampled_from(range(len(DEEDS))), st.integers(0, 50))


async def prepare(port: int, sessions: int = 3) -> tuple[str, list[Mirror]]:
    folder = "F" + token(9).replace("_", "a").replace("-", "b")
    first = Mirror(await RawClient.connect(port))
    await first.say(f'LOGIN {LEA} "{PASSWORD}"')
    await first.say(f"CREATE {folder}")
    for _ in range(4):
        await append(first, folder, 0)
    await first.client.close()
    return folder, [await Mirror.open(port, folder) for _ in range(sessions)]


async def agree(mirrors: list[Mirror]) -> None:
    seen = [await mirror.settle() for mirror in mirrors]
    assert all(one == seen[0] for one in seen)
    for mirror in mirrors:
        await mirror.client.close()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(_deed, max_size=25))
async def test_in_turn(port: int, deeds: list[tuple[int, int, int]]) -> None:
    folder, mirrors = await prepare(port)
    for who, deed, choice in deeds:
        await DEEDS[deed](mirrors[who], folder, choice)
    await agree(mirrors)


async def busy(mirror: Mirror, folder: str, dice: random.Random, times: int) -> None:
    for _ in range(times):
        await dice.choice(DEEDS)(mirror, folder, dice.randrange(50))


@pytest.mark.parametrize("seed", range(3))
async def test_at_the_same_time(port: int, seed: int) -> None:
    folder, mirrors = await prepare(port)
    await asyncio.gather(*(busy(one, folder, random.Random(f"{seed}-{n}"), 60) for n, one in enumerate(mirrors)))
    await agree(mirrors)


async def test_twenty_at_the_same_time(port: int) -> None:
    folder, mirrors = await prepare(port, 20)
    await asyncio.gather(*(busy(one, folder, random.Random(n), 60) for n, one in enumerate(mirrors)))
    await agree(mirrors)
