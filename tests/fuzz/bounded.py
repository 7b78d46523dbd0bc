"""Malformed inputs by number, not by time: `python -m tests.fuzz.bounded [--each 4000] [--seed 1]`.

So many whole SMTP sessions, messages, chat histories and IMAP commands are made from those of the tests. None may
raise, none may take more than two seconds of CPU, and all together may not make the process grow by 256 MiB. Prints one
JSON line; ends with 1 and the input when something was found.
"""

import argparse
import json
import random
import resource
import sys
from collections.abc import Callable
from functools import partial

import structlog

from tests.fuzz import chat, imap, smtp
from tests.fuzz.engine import Target, holds, mutate

GROWTH_KIB = 256 * 1024


def makers(dice: random.Random) -> dict[str, tuple[Target, Callable[[], bytes]]]:
    """Name → what is tried, and what makes an input for it."""
    made: dict[str, tuple[Target, Callable[[], bytes]]] = {}
    for name in ("session", "mime"):
        target, seeds = smtp.TARGETS[name]
        made[name] = (target, partial(lambda seeds: mutate(dice.choice(seeds), seeds, dice), seeds))
    made["transcript"] = (chat.transcript, lambda: mutate(dice.choice(chat.SEEDS), chat.SEEDS, dice))
    corpus = imap.seeds()
    made["imap"] = (partial(imap.try_one, dice=dice), partial(imap.mutated, dice, corpus))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description="A number of malformed inputs, within bounds.")
    parser.add_argument("--each", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    tried = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, (target, make) in makers(random.Random(args.seed)).items():
        for _ in range(args.each):
            if not holds(name, target, make()):
                return 1
            tried += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"tried": tried, "seed": args.seed, "grown_kib": grown}))
    return int(grown > GROWTH_KIB)


if __name__ == "__main__":
    sys.exit(main())
