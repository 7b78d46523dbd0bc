"""The groups of the field's conformance tests, said to Pli and to Debian's Dovecot: a client is told the same.

Words and order of untagged lines, `\\Recent`, hints of LIST and modification sequences are each server's own business.
"""

import re
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.dovecot import Dovecot, Reader, Value
from tests.support.imap_dialogue import RawClient
from tests.support.imap_groups import GROUPS, Group, read_group
from tests.support.imap_house import LEA, PASSWORD, ImapHouse

pytestmark = pytest.mark.slow

_OWN = re.compile(r"\* (?:OK \[(?!COPYUID)|OK (?!\[)|\d+ RECENT|FLAGS )")
_HINTS = frozenset({"\\recent", "\\haschildren", "\\hasnochildren", "\\marked", "\\unmarked"})
_FETCH = re.compile(r"\* \d+ FETCH (?=\()")
_STATUS = re.compile(r"(\* STATUS [^ ]+ )\((.*)\)")
_LIST = re.compile(r"(LIST |LSUB )\(([^)]*)\)")


def told(command: str, lines: list[str]) -> list[str]:
    """One answer as it is compared: untagged lines in order of the alphabet, and whether the command held."""
    asked = "FETCH" in command  # a UID that nobody asked for may be told
    left = "\r\n".join(lines[:-1]).replace("~{", "{")  # literal8 where no NUL asks for it
    shown = []
    while left:
        line, left = _fetched(left, uid=asked) if _FETCH.match(left) else _plain(*left.partition("\r\n")[::2])
        shown += [] if _OWN.match(line) else [line]
    return [*sorted(shown), lines[-1].split()[1]]


def _fetched(text: str, *, uid: bool) -> tuple[str, str]:
    """A FETCH response with its items in order of their names; what follows."""
    reader = Reader(text.encode("utf-8", "surrogateescape"))
    reader.at = text.index("(")
    items = reader.value()
    assert isinstance(items, list)
    pairs = zip(items[::2], items[1::2], strict=True)
    shown = sorted((name.upper(), _item(name, value)) for name, value in pairs if uid or name != b"UID")
    return f"{text.partition('(')[0]}{shown}", reader.text[reader.at + 2 :].decode("utf-8", "surrogateescape")


def _item(name: Value, value: Value) -> object:
    if name == b"FLAGS":
        return _sorted(value)
    return "n" if name == b"MODSEQ" else _lower(value)


def _lower(value: Value) -> object:
    """Media types and parameters may be written in either case."""
    if isinstance(value, list):
        return [_lower(one) for one in value]
    return value.lower() if value is not None else None


def _plain(line: str, left: str) -> tuple[str, str]:
    line = re.sub(r"MODSEQ \d+", "MODSEQ n", line).replace('"CHILDINFO"', "CHILDINFO").rstrip(" ")
    line = re.sub(r"\[COPYUID \d+([^]]*)\].*", r"[COPYUID v\1]", line)
    line = _STATUS.sub(lambda found: f"{found[1]}({' '.join(sorted(re.findall('[A-Z]+ [0-9]+', found[2])))})", line)
    return _LIST.sub(lambda found: f"{found[1]}{_sorted(found[2].encode().split())}", line), left


def _sorted(words: Value) -> list[str]:
    assert isinstance(words, list)
    shown = (word.decode().lower() for word in words if isinstance(word, bytes))
    return sorted(word for word in shown if word not in _HINTS)


@pytest.mark.parametrize("path", sorted(GROUPS.glob("*.group")), ids=lambda path: path.stem)
async def test_a_group(house: ImapHouse, port: int, path: Path) -> None:
    group = read_group(path)
    theirs, ours = _by_dovecot(group), await _by_us(group, port)
    told_otherwise = {
        at: (group.said[at], one, other)
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True))
        if one != other
    }
    assert set(told_otherwise) == set(group.differs), told_otherwise


def _before(group: Group, who: int) -> list[str]:
    """The first session makes the folder, each opens it."""
    made = ["CREATE Essai", *(_append(day, raw) for day, raw in enumerate(group.letters, 10))]
    return [*made, "SELECT Essai"] if who == 1 else ["SELECT Essai"]


def _append(day: int, raw: bytes) -> str:
    return f'APPEND Essai "{day}-Jan-2008 10:00:00 +0000" {{{len(raw)}+}}\r\n{raw.decode()}'


def _by_dovecot(group: Group) -> list[list[str]]:
    with TemporaryDirectory(prefix="pli-dovecot-") as home, ExitStack() as open_ones:
        dovecot = Dovecot(Path(home), [])
        sessions = [open_ones.enter_context(dovecot.session()) for _ in range(group.sessions)]
        for who, say in enumerate(sessions, 1):
            for command in _before(group, who):
                assert say(command)[-1].startswith("t OK")
        return [told(command, sessions[who - 1](command)) for who, command in group.said]


async def _by_us(group: Group, port: int) -> list[list[str]]:
    clients = [await RawClient.connect(port) for _ in range(group.sessions)]
    for who, client in enumerate(clients, 1):
        await client.line()
        for command in (f'LOGIN {LEA} "{PASSWORD}"', *_before(group, who)):
            assert (await client.command(command, tag="t"))[-1].startswith("t OK")
    answers = [told(command, await clients[who - 1].command(command, tag="t")) for who, command in group.said]
    for client in clients:
        await client.close()
    return answers
