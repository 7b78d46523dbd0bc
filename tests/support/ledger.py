"""The client's ledger of acknowledgements: the only judge of what a mail server may have lost.

Each message is numbered and carries its own hash. The ledger notes what the server answered to each; after the fault
the mailboxes are compared with it:

- ok: the server said 250. Must be there exactly once.
- unknown: the connection broke, or the answer was not 250, after the end of the data. May be there, at most once.
- fail: it never came to the end of the data, or was refused there for good. Must not be there.
"""

import hashlib
import random
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from tests.support.smtp_client import Answer

LARGE_EVERY, LARGE, SMALL = 25, 300_000, 2_000  # octets; every 25th message is too large for a database row
MARK = b"X-Ledger: "


class State(Enum):
    OK = "ok"
    UNKNOWN = "unknown"
    FAIL = "fail"


@dataclass
class Entry:
    """One numbered message: to whom, and all that the server answered. `broken` counts the ends without an answer."""

    number: int
    recipient: str
    answers: list[Answer] = field(default_factory=list)
    broken: int = 0

    @property
    def state(self) -> State:
        judged = [answer.code for answer in self.answers if answer.after_data]
        if any(code < 300 for code in judged):
            return State.OK
        return State.UNKNOWN if self.broken or any(code < 500 for code in judged) else State.FAIL

    @property
    def over(self) -> bool:
        """True when sending it again would be wrong: it was taken, or refused for good."""
        return bool(self.answers) and not 400 <= self.answers[-1].code < 500


@dataclass(frozen=True)
class Found:
    """One message seen in a mailbox; `whole` when its hash is that of the bytes that follow its mark."""

    number: int
    recipient: str
    whole: bool


@dataclass(frozen=True)
class Finding:
    """What the comparison saw, as message numbers. `clean` when the server kept every promise."""

    acked: int
    lost: list[int]
    repeated: list[int]
    torn: list[int]
    unexpected: list[int]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.repeated or self.torn or self.unexpected)


class Ledger:
    """The messages of one run, safe to use from several threads.

    `build(message_id, number)` makes a message with CRLF lines; without it, plain text of which every 25th is large.
    """

    def __init__(self, recipients: Iterable[str], build: Callable[[str, int], bytes] | None = None) -> None:
        self.run = secrets.token_hex(4)
        self.recipients, self.build = list(recipients), build or plain_message
        self.entries: list[Entry] = []
        self.acked = 0
        self._lock = threading.Lock()

    def new(self) -> Entry:
        with self._lock:
            number = len(self.entries)
            entry = Entry(number, self.recipients[number % len(self.recipients)])
            self.entries.append(entry)
        return entry

    def note(self, entry: Entry, answer: Answer) -> None:
        with self._lock:
            before = entry.state
            entry.answers.append(answer)
            self.acked += entry.state is State.OK and before is not State.OK

    def message(self, entry: Entry) -> bytes:
        """The bytes to send: one line with run, number and hash on top of the built message. The same at each call."""
        rest = self.build(self.message_id(entry.number), entry.number)
        return MARK + f"{self.run} {entry.number} {hashlib.sha256(rest).hexdigest()}\r\n".encode() + rest

    def message_id(self, number: int) -> str:
        return f"<{self.run}.{number}@ledger.example>"

    def recognise(self, recipient: str, raw: bytes) -> Found | None:
        """A message as read back from a mailbox; None when it is not of this run. Lines above the mark do not count."""
        start = raw.find(MARK + self.run.encode())
        if start < 0:
            return None
        line, _, rest = raw[start:].partition(b"\r\n")
        _, _, number, digest = line.split()
        return Found(int(number), recipient, hashlib.sha256(rest).hexdigest().encode() == digest)

    def count(self, state: State) -> int:
        return sum(entry.state is state for entry in list(self.entries))

    def compare(self, found: Iterable[Found]) -> Finding:
        """Judge what is in the mailboxes."""
        found = list(found)
        copies = Counter(item.number for item in found)
        states = {entry.number: entry.state for entry in self.entries}
        return Finding(
            acked=self.acked,
            lost=[number for number, state in states.items() if state is State.OK and not copies[number]],
            repeated=[number for number, count in copies.items() if count > 1],
            torn=[item.number for item in found if not item.whole],
            unexpected=[
                item.number
                for item in found
                if states[item.number] is State.FAIL or item.recipient != self.entries[item.number].recipient
            ],
        )

    def misfiled(self, documents: Mapping[str, int], each: int = 1) -> dict[int, int]:
        """The check on filing: `documents` counts what was filed by Message-ID. Numbers of acknowledged messages that
        are not filed exactly `each` times, and of others filed more often than that, with their counts."""
        counts = {entry.number: documents.get(self.message_id(entry.number), 0) for entry in self.entries}
        acked = {entry.number for entry in self.entries if entry.state is State.OK}
        return {n: count for n, count in counts.items() if (count != each if n in acked else count not in (0, each))}


def plain_message(message_id: str, number: int) -> bytes:
    """A text message whose length and content follow from its number."""
    pick = random.Random(number)
    size = LARGE if number % LARGE_EVERY == LARGE_EVERY - 1 else pick.randrange(SMALL)
    head = (
        f"From: <load@ledger.example>\r\nTo: <box@ledger.example>\r\nSubject: {number}\r\n"
        f"Message-ID: {message_id}\r\nDate: Mon, 01 Jun 2026 10:00:00 +0200\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
    )
    lines = "".join(f"{pick.getrandbits(240):060x}\r\n" for _ in range(size // 62 + 1))
    return (head + lines).encode()
