"""What the commands share: the --home option, a progress bar, tables for people or JSON for programs."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.anywhere import run_anywhere

Home = Annotated[Path, typer.Option("--home", envvar="PLI_HOME", help="The instance's folder.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DEFAULT_HOME = Path("var/demo")
WIDE = 10_000  # where nobody's screen ends a line, each row is one line


def run(home: Path, command: str, **arguments: Any) -> Any:
    """Run the command in the server or here, with a progress bar on standard error."""
    with progress_bar() as progress:
        return run_anywhere(home, command, arguments, progress)


@contextmanager
def progress_bar() -> Iterator[Any]:
    """A function (what, done, total) that moves a bar; silent where nobody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield progress


def show(rows: Sequence[Mapping[str, Any]], as_json: bool, empty: str = "nothing to show") -> None:
    """Rows as a table, or as one JSON array."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False))
    elif not rows:
        print(empty)
    else:
        table = Table(box=None, header_style="bold")
        for name in rows[0]:
            table.add_column(name, overflow="fold")  # a number that is cut off names nothing
        for row in rows:
            table.add_row(*("–" if value is None else str(value) for value in row.values()))
        Console(width=None if sys.stdout.isatty() else WIDE).print(table)
