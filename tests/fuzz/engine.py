"""A small mutating fuzzer: seeded, no coverage feedback, any number of seconds. A finding prints the input and ends it.

A target is a function of octets that raises on a fault of ours; an input that costs more than `SLOW_S` of CPU is a
finding, too.
"""

import argparse
import base64
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence

SLOW_S = 2.0
MOST = 64 * 1024
Target = Callable[[bytes], None]

INTERESTING = [
    *(
        b"\r\n",
        b"\r",
        b"\n",
        b"\0",
        b".",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b"<",
        b">",
        b"@",
        b",",
        b";",
    ),
    *(b":", b'"', b"\\", b"(", b")", b"=", b"=?utf-8?q?=00?=", b"=?", b"?=", b"*0*=", b"%00", b"--", b"--b", b"--b--"),
    *(
        b"\xff",
        b"\xc3\xa9",
        b"\xf0\x9f\x92\x8a",
        b"+00",
        b"99999999999999999999",
        b"-1",
        b"2147483648",
        b"{0}",
        b"{9+}",
    ),
    *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n", b"From: a@b.example\r\n"),
]


def mutate(seed: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """A few small changes: cut, doubled, moved, replaced, mixed with another seed."""
    data = bytearray(seed)
    for _ in range(dice.choice((1, 1, 2, 3, 5, 9))):
        at, end = sorted((dice.randint(0, len(data)), dice.randint(0, len(data))))
        match dice.randrange(8):
            case 0:
                del data[at:end]
            case 1:
                data[at:at] = dice.choice(INTERESTING)
            case 2:
                data[at:at] = dice.choice(INTERESTING) * dice.choice((2, 10, 100, 1000))
            case 3:
                data[at:at] = data[at:end]
            case 4 if data:
                data[min(at, len(data) - 1)] = dice.randrange(256)
            case 5:
                other = dice.choice(others)
                begin = dice.randint(0, len(other))
                data[at:at] = other[begin : begin + dice.randint(0, 400)]
            case 6 if end > at:
                data[at:end] = bytes(reversed(data[at:end]))
            case _:
                data[at:end] = bytes(dice.randrange(256) for _ in range(dice.randint(0, 8)))
        del data[MOST:]
    return bytes(data)


def run(name: str, target: Target, seeds: Sequence[bytes], seconds: float, seed: int) -> bool:
    """True when nothing was found. Prints how many inputs there were, or the one that broke it."""
    dice, end, tried = random.Random(seed), time.monotonic() + seconds, 0
    pool = list(seeds)
    for data in pool:
        if not holds(name, target, data):
            return False
    while time.monotonic() < end:
        data = mutate(dice.choice(pool), seeds, dice)
        tried += 1
        if not holds(name, target, data):
            return False
        if len(pool) < 2000 and dice.random() < 0.02:
            pool.append(data)
    print(f"{name}: {tried} inputs in {seconds:.0f} s, nothing found", flush=True)
    return True


def holds(name: str, target: Target, data: bytes) -> bool:
    """Whether the target takes this input, soon enough; prints it when not."""
    begun = time.process_time()
    try:
        target(data)
    except Exception:
        traceback.print_exc()
        print(f"{name}: FOUND {base64.b64encode(data).decode()}", flush=True)
        return False
    spent = time.process_time() - begun
    if spent > SLOW_S:
        print(f"{name}: SLOW {spent:.1f} s {base64.b64encode(data).decode()}", flush=True)
    return spent <= SLOW_S


def main(targets: dict[str, tuple[Target, Sequence[bytes]]]) -> None:
    """The command: every target, or the named ones, `--seconds` each. Exit code 1 when something was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("targets", nargs="*", default=list(targets), help="of " + " ".join(targets))
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    sound = [run(name, *targets[name], args.seconds, args.seed) for name in args.targets]
    sys.exit(0 if all(sound) else 1)
