"""One random script, seeded, said to Pli and to Debian's Dovecot: what a client sees is the same, command by command.

Order of lines and of flags, \\Recent and greetings are the server's own business; numbers, UIDs, flags, texts, sizes,
what is found, and whether a command holds are not.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.dovecot import Dovecot
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse

pytestmark = pytest.mark.slow

MESSAGES, COMMANDS = 30, 200
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")
_NUMBERS = re.compile(r"\* (?:SEARCH|SORT)((?: \d+)*)$")
_OURS = re.compile(r"\* (?:OK|FLAGS|LIST|\d+ RECENT)\b")
_WORDS = ("ordonnance", "Sujet", "needle7", "mot", "absent", "@example", "ligne 3")
_ORDERS = ("DATE", "REVERSE DATE", "SIZE", "REVERSE SIZE DATE")  # of texts Dovecot tells copies apart that are equal
_SETS = ("1:*", "*", "{one}", "{low}:{high}", "{one},{low}:{high}", "{high}:{low}")
_FLAG = ("\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\Draft", "mot", "$Etiquette")


def letter(number: int) -> bytes:
    return (
        f"From: Ana {number % 7} <ana{number % 7}@example.test>\r\nTo: b@a.test\r\nSubject: Sujet {number % 5}\r\n"
        f"Date: {1 + number % 27} Jun 2026 10:00:00 +0000\r\nMessage-ID: <{number}@example.test>\r\n\r\n"
        f"needle{number} une ordonnance\r\n" + "".join(f"ligne {line}\r\n" for line in range(number % 9))
    ).encode()


def script(seed: int, messages: int) -> Iterator[str]:
    """What is said. Numbers that name nothing are left to other tests: RFC 3501 lets servers differ."""
    dice = random.Random(seed)
    for _ in range(COMMANDS):
        yield (command := _command(dice, messages))
        if "STORE" in command:
            yield "FETCH 1:* (UID FLAGS)"


def _command(dice: random.Random, messages: int) -> str:
    low, high = sorted((dice.randint(1, messages), dice.randint(1, messages)))
    where = dice.choice(_SETS).format(one=dice.randint(1, messages), low=low, high=high)
    flags = " ".join(dice.sample(_FLAG, dice.randint(1, 2)))
    return dice.choice(
        (
            f"UID FETCH {where} (UID FLAGS)",
            f"UID FETCH {where} (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
            f"UID FETCH {where} (UID BODY.PEEK[TEXT]<{dice.randint(0, 40)}.{dice.randint(1, 40)}>)",
            f"UID STORE {where} {dice.choice(('+', '-', ''))}FLAGS ({flags})",
            f"UID STORE {where} {dice.choice(('+', '-', ''))}FLAGS.SILENT ({flags})",
            f"UID SEARCH {_key(dice, where, 2)}",
            f"SEARCH {_key(dice, where, 2)}",
            f"SORT ({dice.choice(_ORDERS)}) UTF-8 {_key(dice, where, 1)}",
            "FETCH 1:* (UID FLAGS)",
            f"UID EXPUNGE {dice.randint(1, messages)}",
            "NOOP",
            "CHECK",
            f"UID COPY {where} INBOX",
            "FETCH 1:* (NONSENSE)",
        )
    )


def _key(dice: random.Random, where: str, depth: int) -> str:
    if depth and dice.random() < 0.4:
        inner = _key(dice, where, depth - 1), _key(dice, where, depth - 1)
        return dice.choice(("OR ({}) ({})", "({}) ({})", "NOT ({}) {}")).format(*inner)
    word = dice.choice(_WORDS)
    day = f"{dice.randint(1, 28)}-Jun-2026"
    simple = ("SEEN", "UNSEEN", "FLAGGED", "DELETED", "UNDRAFT", "KEYWORD mot", "UNKEYWORD $Etiquette", "ALL")
    texts = (f'TEXT "{word}"', f'BODY "{word}"', f'SUBJECT "{word}"', f'FROM "ana{dice.randint(0, 7)}"')
    others = (f"LARGER {dice.randint(150, 300)}", f"SENTBEFORE {day}", f"SENTSINCE {day}", f"UID {where}")
    return dice.choice((*simple, *texts, *others))


def seen(lines: list[str]) -> list[object]:
    """The answer to one command without what each server may say as it likes."""
    told: list[object] = []
    for line in lines[:-1]:
        if found := _NUMBERS.match(line):
            numbers = list(map(int, found[1].split()))
            told.append(("found", tuple(numbers if "SORT" in line else sorted(numbers))))
        elif not _OURS.match(line):
            told.append(_FLAGS.sub(_sorted, line))
    return [*sorted(told, key=str), lines[-1].split()[1]]


def _sorted(found: "re.Match[str]") -> str:
    words = sorted(word.lower() for word in found[1].split() if word != "\\Recent" and not word.startswith("$Sig"))
    return f"FLAGS ({' '.join(words)})"


@pytest.mark.parametrize("seed", range(8))
async def test_a_client_sees_the_same(house: ImapHouse, port: int, seed: int) -> None:
    letters = [letter(number) for number in range(MESSAGES)]
    for raw in letters:
        await house.deliver(raw, flags="\\Seen")
    said = list(script(seed, MESSAGES))
    with TemporaryDirectory(prefix="pli-dovecot-") as home:
        theirs = [seen(lines) for lines in Dovecot(Path(home), letters).converse(said)]
    client = await RawClient.connect(port)
    await client.line()
    for command in (f'LOGIN {LEA} "{PASSWORD}"', "SELECT INBOX"):
        await client.command(command)
    for at, command in enumerate(said):
        ours = seen(await client.command(command, tag="t"))
        if "STORE" in command:  # Dovecot is silent about messages whose flags did not change; the next FETCH tells all
            ours = [line for line in ours if line in theirs[at]]
        assert ours == theirs[at], f"seed {seed}, command {at}: {command}"
    await client.close()
