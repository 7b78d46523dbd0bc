"""The IMAP reader and parser under mutated commands: an ImapBad or a command comes out, soon, and nothing else.

    python -m tests.fuzz.imap --seconds 300 [--seed 1]

Seeds are the client's lines of all dialogues. Prints one JSON line; ends with 1 and the input when it finds something.
"""

import argparse
import json
import random
import resource
import sys
import time
from pathlib import Path

from mail.imap.errors import ImapBad
from mail.imap.parse import parse_append_head, parse_command
from mail.imap.reader import AppendStart, CommandReader, Complete
from tests.support.imap_dialogue import read_dialogue

DIALOGUES = Path(__file__).resolve().parents[1] / "dialogues"
PIECES = [
    *(b"(", b")", b"((((((((", b'"', b"{3}\r\n", b"{99999999}", b"{3+}\r\nabc", b"~{2+}\r\n\0\0", b"*", b"%", b"$"),
    *(
        b"1:*",
        b" ",
        b"\r\n",
        b"\0",
        b"\xff",
        b"&AOk-",
        b"&&",
        b"NIL",
        b"OR ",
        b"NOT ",
        b"4294967295",
        b"[",
        b"]",
        b"<0.1>",
    ),
]
MOST_S, LONGEST = 2.0, 64 * 1024  # CPU of one input, and its octets


def seeds() -> list[bytes]:
    """What clients say in the dialogues."""
    found = []
    for path in sorted(DIALOGUES.glob("*.imap")):
        for step in read_dialogue(path):
            if step.verb == "c":
                found.append(step.text.encode() + b"\r\n")
            elif step.verb == "c+":
                found.append(step.text.encode().decode("unicode_escape").encode("latin-1"))
    return found


def mutated(dice: random.Random, corpus: list[bytes]) -> bytes:
    """One or a few commands, changed in a few places."""
    wire = bytearray(b"".join(dice.choice(corpus) for _ in range(dice.randint(1, 3))))
    for _ in range(dice.randint(0, 8)):
        at = dice.randrange(len(wire) + 1)
        kind = dice.randrange(5)
        if kind == 0:
            wire[at:at] = dice.choice(PIECES) * dice.choice((1, 1, 1, 3, 500))
        elif kind == 1:
            del wire[at : at + dice.randint(1, 8)]
        elif kind == 2:
            wire[at:at] = bytes([dice.randrange(256)])
        elif kind == 3:
            piece = wire[at : at + dice.randint(1, 40)]
            wire[at:at] = piece * dice.choice((1, 2, 200))
        else:
            other = dice.choice(corpus)
            wire[at:] = other[dice.randrange(len(other) + 1) :]
    return bytes(wire[:LONGEST])


def try_one(wire: bytes, dice: random.Random) -> None:
    """Raises whatever should not come out."""
    reader = CommandReader()
    if dice.random() < 0.7:
        reader.authenticated()
    reader.utf8 = dice.random() < 0.2
    step = dice.choice((1, 7, len(wire) or 1))
    for at in range(0, len(wire), step):
        reader.feed(wire[at : at + step])
        while (event := reader.next()) is not None:
            if isinstance(event, AppendStart):
                (reader.accept if dice.random() < 0.5 else reader.refuse)()
            elif isinstance(event, Complete):
                try:
                    parse_command(event.wire, utf8=reader.utf8)
                    parse_append_head(event.wire)
                except ImapBad as bad:
                    assert bad.public and bad.public.isascii()


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the IMAP parser.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    args = parser.parse_args()
    dice, corpus = random.Random(args.seed), seeds()
    end, runs, slowest = time.monotonic() + args.seconds, 0, 0.0
    while time.monotonic() < end:
        wire = mutated(dice, corpus)
        before = time.process_time()
        try:
            try_one(wire, dice)
        except Exception as error:
            print(json.dumps({"finding": type(error).__name__, "seed": args.seed, "input": wire.hex()}))
            return 1
        spent = time.process_time() - before
        slowest, runs = max(slowest, spent), runs + 1
        if spent > MOST_S:
            print(json.dumps({"finding": "bounds", "seed": args.seed, "input": wire.hex()}))
            return 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"runs": runs, "seed": args.seed, "slowest_s": round(slowest, 3), "peak_kib": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
