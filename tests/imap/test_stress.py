"""Many clients on one mailbox, each with a model of what it was told: in the end every model is the mailbox.

In the manner of Dovecot's imaptest: sequence numbers, EXPUNGE and VANISHED at the right moments only, flags and
modification sequences. RFC 3501 §7.4.1, RFC 7162 §3.2.10, RFC 2180.
"""

import asyncio
import random
import re
from dataclasses import dataclass, field

import pytest

from mail.imap import sequence
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse
from tests.support.imap_mails import PLAIN

_FETCH = re.compile(r"\* (\d+) FETCH \((.*)")
_UID = re.compile(r"\bUID (\d+)")
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")
_NUMBERED = ("FETCH", "STORE", "SEARCH", "SORT")  # RFC 3501 §7.4.1: no EXPUNGE in their answers


@dataclass
class Model:
    """What one client knows."""

    client: RawClient
    dice: random.Random
    qresync: bool
    count: int = 0
    uids: list[int | None] = field(default_factory=list)  # by message number; None: not asked for yet
    flags: dict[int, frozenset[str]] = field(default_factory=dict)  # by UID
    tags: int = 0

    async def say(self, text: str) -> None:
        """One command, and everything that its answer tells."""
        self.tags += 1
        verb = text.split(maxsplit=1)[0]
        lines = await self.client.command(text, f"t{self.tags}")
        assert re.match(rf"t{self.tags} (OK|NO \[EXPUNGEISSUED\])", lines[-1]), (text, lines[-1])
        for line in lines[:-1]:
            assert not (" EXPUNGE" in line and verb in _NUMBERED), (text, line)
            self.hear(line)

    def hear(self, line: str) -> None:
        words = line.split()
        if not line.startswith("* ") or line.startswith("* VANISHED (EARLIER)"):
            return
        if words[1] == "VANISHED":
            assert self.qresync
            for uid in _uids(words[2]):
                del self.uids[self._place(uid)]
                self.count -= 1
        elif words[2:] == ["EXPUNGE"]:
            assert not self.qresync and 1 <= int(words[1]) <= self.count, line
            del self.uids[int(words[1]) - 1]
            self.count -= 1
        elif words[2:] == ["EXISTS"]:
            assert int(words[1]) >= self.count, line
            self.uids += [None] * (int(words[1]) - self.count)
            self.count = int(words[1])
        elif found := _FETCH.match(line):
            self._fetched(int(found[1]), found[2])

    def _place(self, uid: int) -> int:
        """Where this message stands; where its UID was never asked for, the first unknown one after all smaller."""
        if uid in self.uids:
            return self.uids.index(uid)
        smaller = [place for place, known in enumerate(self.uids) if known is not None and known < uid]
        return self.uids.index(None, max(smaller, default=-1) + 1)

    def _fetched(self, number: int, text: str) -> None:
        assert 1 <= number <= self.count, (number, self.count)
        if uid := _UID.search(text):
            known = self.uids[number - 1]
            assert known in {None, int(uid[1])}, (number, known, text)
            self.uids[number - 1] = int(uid[1])
        if (flags := _FLAGS.search(text)) and (uid_ := self.uids[number - 1]) is not None:
            self.flags[uid_] = frozenset(flags[1].split()) - {"\\Recent"}

    async def act(self) -> None:
        """Something that a client might do."""
        low, high = sorted((self.dice.randint(1, max(self.count, 1)), self.dice.randint(1, max(self.count, 1))))
        numbers, mode = f"{low}:{high}", self.dice.choice("+- ").strip()
        flag = self.dice.choice(("\\Seen", "\\Flagged", "\\Deleted", "mot"))
        deeds = [f"APPEND INBOX {{{len(PLAIN)}+}}\r\n{PLAIN.decode()}", "NOOP"]
        if self.count:
            deeds += [f"FETCH {numbers} (UID FLAGS)", f"STORE {numbers} {mode}FLAGS ({flag})", f"UID SEARCH {numbers}"]
            deeds += [f"STORE {numbers} {mode}FLAGS.SILENT ({flag})", f"COPY {numbers} Archive", f"MOVE {low} Trash"]
            deeds += ["EXPUNGE", "UID FETCH 1:* (FLAGS BODY.PEEK[])", "SORT (DATE) UTF-8 DELETED"]
        await self.say(deed := self.dice.choice(deeds))
        if "SILENT" in deed:  # what it did itself it works out itself; the easiest way is to ask
            await self.say(f"FETCH 1:{self.count} (UID FLAGS)")


def _uids(text: str) -> list[int]:
    return [uid for low, high in sequence.parse(text.encode()).resolve(0) for uid in range(low, high + 1)]


async def _client(port: int, seed: int, *, qresync: bool) -> Model:
    client = await RawClient.connect(port)
    await client.line()
    model = Model(client, random.Random(seed), qresync)
    await model.say(f'LOGIN {LEA} "{PASSWORD}"')
    if qresync:
        await model.say("ENABLE QRESYNC")
    await model.say("SELECT INBOX")
    await model.say("UID FETCH 1:* (FLAGS)")
    return model


async def _life(model: Model, deeds: int) -> None:
    for _ in range(deeds):
        await model.act()


async def _check(models: list[Model], port: int) -> None:
    fresh = await _client(port, 0, qresync=False)
    for model in models:
        await model.say("NOOP")
        assert model.count == fresh.count
        told = dict(model.flags)
        assert all(uid in {None, other} for uid, other in zip(model.uids, fresh.uids, strict=True))
        await model.say("UID FETCH 1:* (FLAGS)")
        assert model.uids == fresh.uids
        for uid in fresh.uids:
            assert uid is not None and model.flags[uid] == fresh.flags[uid]
            assert told.get(uid, fresh.flags[uid]) == fresh.flags[uid], "a change was never told"
    await fresh.client.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_models_agree_with_the_mailbox(house: ImapHouse, port: int, seed: int) -> None:
    for _ in range(8):
        await house.deliver(PLAIN)
    models = [await _client(port, seed * 100 + number, qresync=number % 2 == 0) for number in range(4)]
    await asyncio.gather(*(_life(model, 25) for model in models))
    await _check(models, port)
    for model in models:
        await model.client.close()


@pytest.mark.slow
async def test_models_agree_after_thousands_of_commands(house: ImapHouse, port: int) -> None:
    for _ in range(50):
        await house.deliver(PLAIN)
    models = [await _client(port, 7000 + number, qresync=number % 2 == 0) for number in range(8)]
    await asyncio.gather(*(_life(model, 250) for model in models))
    await _check(models, port)
    for model in models:
        await model.client.close()
