"""The manual of the settings, printed from their own descriptions as a commented `pli.toml`."""

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.settings import BETWEEN, PREFIX, Settings

_WIDTH = 100


def describe(settings: Settings | None = None) -> str:
    """A whole `pli.toml`: each setting with its meaning, its variable, and its default (or the value in force).

    Values that may hold a password (the URLs) are shown as their default, never as set.
    """
    shown = settings or Settings.model_construct()
    lines = [
        f"# Settings of Pli. A variable wins over this file, the command line over both; {PREFIX}HOME is the folder.",
        "",
    ]
    for name, info in Settings.model_fields.items():
        value = getattr(shown, name)
        if not isinstance(value, BaseModel):
            lines += _entry(name, info, value, "", hidden=name == "home")
    for name, info in Settings.model_fields.items():
        value = getattr(shown, name)
        if isinstance(value, BaseModel):
            lines += [f"# {info.description}", f"[{name}]"]
            for inner, inner_info in type(value).model_fields.items():
                lines += _entry(inner, inner_info, _public(inner_info, getattr(value, inner)), name + BETWEEN)
    return "\n".join(lines).rstrip() + "\n"


def _entry(name: str, info: FieldInfo, value: Any, table: str, hidden: bool = False) -> Iterator[str]:
    variable = f"({PREFIX}{table.upper()}{name.upper()})"
    yield from (f"# {line}" for line in wrap(f"{info.description} {variable}", _WIDTH))
    yield f"{'# ' if hidden else ''}{name} = {_toml(value)}"
    yield ""


def _public(info: FieldInfo, value: Any) -> Any:
    return value if info.repr else info.default


def _toml(value: Any) -> str:
    if isinstance(value, frozenset):
        value = sorted(value)
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
