"""A setting that the manual does not explain, or that nothing reads, fails."""

import re

from typer.testing import CliRunner

from core.settings import Settings, names
from ops.cli.main import app
from tests.support.house import name_of, sources, text_of
from tests.support.manual import block, written


def fields(model=Settings, path=""):
    for name, info in model.model_fields.items():
        yield path + name, info
        if hasattr(info.annotation, "model_fields"):
            yield from fields(info.annotation, f"{path}{name}.")


def test_every_setting_and_every_table_is_described():
    short = [
        name for name, info in fields() if len(info.description or "") < 10 or not info.description.endswith((".", "…"))
    ]
    assert not short


def test_the_page_for_operators_holds_the_manual_as_it_is_now():
    assert written() == block(), "run: python -m tests.support.manual"


def test_the_command_prints_every_setting():
    printed = CliRunner().invoke(app, ["settings"])
    assert printed.exit_code == 0
    assert not [name for name in names() if f"PLI_{name.upper().replace('.', '__')}" not in printed.output]


def test_every_setting_is_read_by_somebody():
    homes = ("core/setting", "core/manual.py")
    code = "\n".join(text_of(path) for path in sources() if not name_of(path).startswith(homes))
    own = "\n".join(text_of(path) for path in sources("core") if name_of(path) == "core/settings.py")
    unread = [name for name in names() if not is_read(name, code + own)]
    assert not unread


def is_read(name, code):
    table, _, key = name.rpartition(".")
    through_port = table == "listen" and re.search(rf"[\"']{key}[\"']", code)
    return bool(
        through_port or re.search(rf"\.{table}\.{key}\b" if table else rf"\.{key}\b", code) or held(table, key, code)
    )


def held(table, key, code):
    """The table is handed over whole, and the key read from it by whoever got it."""
    return bool(table and re.search(rf"\.{table}\b(?!\.)", code) and re.search(rf"\.{key}\b", code))
