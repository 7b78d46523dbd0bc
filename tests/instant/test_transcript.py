"""A room's history as a document, from events of every kind and shape; no homeserver is needed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instant.inbound import Event
from instant.transcript import moment, transcribe
from ops.chat_cases import archive_of
from tests.fuzz.chat import AT, CLOSED, SEEDS, archive, named, transcript

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["m.room.message", "m.room.member"])
KEYS = st.sampled_from(["body", "m.new_content", "m.relates_to", "file", "membership", "rel_type"])


def event(kind: str, content: dict[str, Any], who: str = "@p1:chat.test", redacts: str = "", at: int = AT) -> Event:
    return Event(at, "$1", 1, who, "talk", kind, content, redacts, at, 0)


def member(state: str, who: str, at: int) -> Event:
    return event("m.room.member", {"membership": state}, "@p1:chat.test", who, at)


def test_who_was_there_from_when_to_when() -> None:
    found = transcribe(
        "ref",
        "X",
        CLOSED,
        [
            member("join", "@p1:chat.test", 0),
            member("join", "@p2:chat.test", 1000),
            member("join", "@p2:chat.test", 2000),  # a new display name is no second coming
            member("leave", "@p2:chat.test", 3000),
            member("leave", "@p3:chat.test", 3500),  # never there
            member("join", "@p2:chat.test", 4000),
        ],
        named,
    )
    assert [(one.name, one.came.second, one.left and one.left.second) for one in found.stays] == [
        ("@p1", 0, None),
        ("@p2", 1, 3),
        ("@p2", 4, None),
    ]


def test_corrections_withdrawals_and_files_are_said() -> None:
    new = {"body": "* b", "m.new_content": {"body": "b"}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}}
    kept = [
        event("m.room.message", {"body": "a"}),
        event("m.room.message", new),
        event("m.room.redaction", {}, redacts="$1"),
        event("m.room.message", {"body": "note.pdf", "file": {"url": "mxc://x/y"}}),
        event("m.reaction", {"m.relates_to": {"key": "👍"}}),
        event("m.room.message", {"body": "   "}),
    ]
    said = [one.text for one in transcribe("ref", "X", CLOSED, kept, named).said]
    assert said == [
        "a",
        "[corrige un message précédent] b",
        "[retire un message précédent]",
        "[fichier] note.pdf",
    ]


@pytest.mark.parametrize("at", [-(2**53), -1, 0, 2**53, 10**30])
def test_no_time_that_a_homeserver_claims_stops_an_archive(at: int) -> None:
    """It did: the room could not be closed any more."""
    assert datetime(1970, 1, 1, tzinfo=UTC) <= moment(at) < datetime.max.replace(tzinfo=UTC)
    script = transcribe("ref", "X", moment(at), [event("m.room.message", {"body": "a"}, at=at)], named)
    assert archive_of(script).startswith(b"%PDF")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seeds_of_the_fuzzer_become_archives(seed: bytes) -> None:
    archive(seed)


@given(
    st.lists(st.dictionaries(KEYS, JSON, max_size=5), max_size=5), st.sampled_from(["m.room.message", "m.room.member"])
)
def test_any_content_at_all(contents: list[dict[str, Any]], kind: str) -> None:
    sent = [{"type": kind, "sender": "@p:x", "content": each, "redacts": "", "at": AT} for each in contents]
    transcript(json.dumps(sent).encode())


def test_what_could_not_be_read_is_said_in_its_place() -> None:
    kept = [event("m.room.message", {"body": "a"}), event("m.room.encrypted", {}, "@p2:chat.test")]
    script = transcribe("ref", "X", CLOSED, kept, named)
    assert [(one.name, one.text) for one in script.said] == [
        ("@p1", "a"),
        ("@p2", "[message illisible : sa clé n'est pas parvenue au pont]"),
    ]
