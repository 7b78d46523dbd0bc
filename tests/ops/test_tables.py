"""Tables of the commands: what they show, somebody types or pipes into the next command."""

import json

import pytest

from ops.cli.common import show

ROWS = [
    {"glass": str(915280716723154784 + n), "account": "9" * 18, "reason": "Patiente inconsciente " * 20} for n in (0, 1)
]


def test_each_row_is_one_whole_line_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    show(ROWS, as_json=False)
    _head, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[row["glass"], row["account"]] for row in ROWS]
    assert all(row["reason"].strip() in line for row, line in zip(ROWS, lines, strict=True))


def test_what_is_not_known_is_a_dash(capsys: pytest.CaptureFixture[str]):
    show([{"id": "1", "next": None}], as_json=False)
    assert capsys.readouterr().out.splitlines()[1].split() == ["1", "–"]


def test_json_and_nothing(capsys: pytest.CaptureFixture[str]):
    show(ROWS, as_json=True)
    assert json.loads(capsys.readouterr().out) == ROWS
    show([], as_json=False, empty="no entry")
    assert capsys.readouterr().out == "no entry\n"
