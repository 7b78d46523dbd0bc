"""A line of the log is JSON, whatever the event holds."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.logjson import as_json

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(), PLAIN | st.lists(PLAIN) | st.dictionaries(st.text(), PLAIN)))
def test_it_reads_as_what_it_was(event: dict[str, Any]) -> None:
    assert json.loads(as_json(event)) == event


@pytest.mark.parametrize(
    "odd", ["\ud800", "a\udcffb", 2**80, object(), b"\xff", {1, 2}, datetime(2026, 6, 1, tzinfo=UTC)]
)
def test_odd_values_cost_no_line(odd: Any) -> None:
    assert json.loads(as_json({"event": "x", "value": odd, "list": [odd]}))["event"] == "x"


def test_it_is_one_line() -> None:
    assert len(as_json({"event": "x", "text": "a\nb\r\n\u2028\x85"}).splitlines()) == 1


@pytest.mark.parametrize("text", ["\x9b31m", "\x1b[2J", "\u202egnp.exe", "é…"])
def test_nothing_in_it_commands_a_terminal(text: str) -> None:
    line = as_json({"event": "x", "text": text})
    assert line.isascii() and line.isprintable() and json.loads(line)["text"] == text
