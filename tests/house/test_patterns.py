"""Patterns mean the same to every Python 3.11: before 3.11.5 a possessive quantifier of a group takes too much or too
little (CPython issue 106052); that of one character, and an atomic group, are sound."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from tests.support.house import module_of, name_of, sources, text_of

POSSESSIVE = re.compile(r"[*+?}]\+")

ONE = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY, _constants.CATEGORY}


def possessive_groups(pattern: str | bytes) -> Iterator[Any]:
    yield from _walk(_parser.parse(pattern))


def _walk(items: Any) -> Iterator[Any]:
    for word, value in items:
        if word is _constants.POSSESSIVE_REPEAT and (len(value[2]) != 1 or value[2][0][0] not in ONE):
            yield value
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, _parser.SubPattern):
                yield from _walk(each)


def written_with_one() -> list[Path]:
    return [path for path in sources() if "re.compile" in text_of(path) and POSSESSIVE.search(text_of(path))]


@pytest.mark.parametrize("path", written_with_one(), ids=name_of)
def test_no_group_is_repeated_possessively(path: Path) -> None:
    made = vars(importlib.import_module(module_of(path))).items()
    patterns = {name: each.pattern for name, each in made if isinstance(each, re.Pattern)}
    assert not [name for name, pattern in patterns.items() if list(possessive_groups(pattern))]


@pytest.mark.parametrize("pattern", ["(?:ab?c)*+", "(a)?+", rb"(?:\[[^\]]*+\]\s*+)?+", "(?:x(?:y+z){1,3}+)"])
def test_it_finds_one(pattern: str | bytes) -> None:
    assert list(possessive_groups(pattern))


@pytest.mark.parametrize("pattern", ["a*+", r"[ab]++\s?+", r"(?>(?:ab?c)*)", rb".{1,3}+"])
def test_it_finds_no_other(pattern: str | bytes) -> None:
    assert not list(possessive_groups(pattern))
