"""The table of limits in docs/standards.md: Postfix's column is what Postfix says, ours is what the code has, and each
test is there."""

import importlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
POSTCONF = "/usr/sbin/postconf"  # Debian's
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Line:
    setting: str
    default: str
    ours: str
    where: str
    test: str
    why: str


def table() -> list[Line]:
    text = (
        (ROOT / "docs" / "standards.md").read_text().split("<!-- limits:begin -->")[1].split("<!-- limits:end -->")[0]
    )
    rows = [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in text.strip().splitlines()[2:]]
    return [Line(*row) for row in rows]


LINES = table()
each = pytest.mark.parametrize("line", LINES, ids=lambda line: line.setting)


def value(where: str) -> Any:
    """Of a constant, of a class's default, of a setting's default."""
    path = where.split(".")
    for cut in range(len(path) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(path[:cut]))
        except ModuleNotFoundError:
            continue
        for name in path[cut:]:
            fields = getattr(found, "model_fields", {})
            found = fields[name].default if name in fields else getattr(found, name)
        return found
    raise LookupError(where)


@each
def test_ours_is_what_the_code_has(line: Line) -> None:
    said = line.default if line.ours == "=" else line.ours
    assert float(value(line.where)) == float(said)
    assert line.ours == "=" or (line.ours != line.default and line.why != "–")


@each
def test_its_test_is_there(line: Line) -> None:
    file, _, name = line.test.partition("::")
    assert re.search(rf"def {name or 'test_'}", (ROOT / file).read_text())


@each
def test_postfix_says_so_itself(line: Line) -> None:
    said = subprocess.run([POSTCONF, "-d", "-h", line.setting], capture_output=True, text=True, check=True).stdout
    calm = re.sub(r"\$\{stress\?\{[^}]*\}:\{([^}]*)\}\}", r"\1", said)  # without an attack under way
    found = _NUMBER.match(calm)
    assert found and float(found[0]) == float(line.default), said


def test_each_setting_stands_once() -> None:
    assert len({line.setting for line in LINES}) == len(LINES) >= 25
