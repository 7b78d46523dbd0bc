"""The commands of `pli` as the command line itself knows them."""

from collections.abc import Iterator
from typing import Any

import typer

from ops.cli.main import app


def root() -> Any:
    """The whole tree of commands."""
    return typer.main.get_command(app)


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command that does something, with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, child in inner.items():
        yield from leaves(child, (*path, name))


def options(command: Any) -> set[str]:
    """Every option that the command takes, `--help` included."""
    return {"--help"} | {word for entry in command.params for word in (*entry.opts, *entry.secondary_opts)}
