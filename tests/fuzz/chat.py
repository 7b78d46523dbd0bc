"""A chat room's history under mutated events: `python -m tests.fuzz.chat --seconds 300`.

`transcript`: the room's events become the document of its archive, whatever their senders' devices encrypted: each has
its time and its words, in order, and no event makes it fail. `archive`: the same through to the PDF/A-1.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from instant.inbound import Event
from instant.transcript import Transcript, transcribe
from ops.chat_cases import archive_of
from tests.fuzz.engine import main

CLOSED = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
LONGEST = 200  # events of one input
AT = 1_780_300_000_000


def _one(kind: str, content: dict[str, Any], redacts: str = "", at: int = AT) -> dict[str, Any]:
    return {"type": kind, "sender": "@p1:chat.test", "content": content, "redacts": redacts, "at": at}


def _message(**content: Any) -> dict[str, Any]:
    return _one("m.room.message", {"msgtype": "m.text", **content})


JOIN, LEAVE = {"membership": "join"}, {"membership": "leave"}
REPLACE = {"rel_type": "m.replace", "event_id": "$1"}
SEEDS = [
    json.dumps(each).encode()
    for each in (
        [_one("m.room.member", JOIN, "@p1:chat.test"), _message(body="Plutôt virale."), _one("m.room.member", LEAVE)],
        [_message(body="* b", **{"m.new_content": {"body": "b"}, "m.relates_to": REPLACE}), _message(body=None)],
        [_message(body="note.pdf", file={"url": "mxc://x/y"}), _one("m.room.redaction", {}, "$1")],
        [_message(body="> <@p2:chat.test> cité\n> encore\n\nréponse"), _message(body="\ud800 \u202e \x00 💊")],
        [_message(body="a" * 3000), _message(body=["x"], file=[], **{"m.relates_to": "x"})],
        [_one("m.room.message", {"body": "tard"}, at=2**53)],
        [_one("m.room.message", {"body": "tôt"}, at=-1), _one("m.room.member", {"membership": ["join"]})],
    )
]


def events(data: bytes) -> list[Event]:
    """What the bridge would have kept of them: objects of a homeserver, with contents that are JSON objects."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return []
    return list(_events(found[:LONGEST])) if isinstance(found, list) else []


def _events(found: list[Any]) -> Iterator[Event]:
    for number, each in enumerate(found):
        if isinstance(each, dict) and isinstance(each.get("content"), dict) and isinstance(each.get("at"), int):
            sender, redacts = str(each.get("sender", "")), str(each.get("redacts", ""))
            kind = str(each.get("type", ""))
            yield Event(number, f"${number}", 1, sender, "talk", kind, each["content"], redacts, each["at"], 0)


def named(user_id: str) -> str:
    return user_id.partition(":")[0]


def written(data: bytes) -> Transcript:
    kept = events(data)
    script = transcribe("ref", "LÉVÊQUE Maëlys", CLOSED, kept, named)
    talk = [each for each in kept if each.type in ("m.room.message", "m.room.redaction")]
    assert len(script.said) <= len(talk)
    assert all(isinstance(one.text, str) and one.text for one in script.said)
    assert all(stay.left is None or stay.user_id for stay in script.stays)
    return script


def transcript(data: bytes) -> None:
    """The history alone."""
    written(data)


def archive(data: bytes) -> None:
    """Through to the PDF that goes to the record."""
    assert archive_of(written(data)).startswith(b"%PDF-1.4")


TARGETS = {"transcript": (transcript, SEEDS), "archive": (archive, SEEDS)}

if __name__ == "__main__":
    main(TARGETS)
