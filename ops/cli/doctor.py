"""`pli doctor`, `pli work`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from core.errors import PliError
from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

work = typer.Typer(help="Work promised and not done yet.", no_args_is_help=True)
MARKS = {"good": "[green]●[/]", "warn": "[yellow]●[/]", "bad": "[red]●[/]", "off": "[dim]○[/]"}


def doctor(
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    no_mail: Annotated[bool, typer.Option("--no-mail", help="Without the mail to ourselves.")] = False,
    zone: Annotated[bool, typer.Option("--zone", help="Print the lines for the DNS zones instead.")] = False,
) -> None:
    """Examine everything that can go wrong, and say what to do next. Exit code 1 when a light is red."""
    if zone:
        print("\n".join(run(home, "doctor.zone")))
        return
    found = _examined(home, send=not no_mail)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        console = Console()
        for light in found["lights"]:
            console.print(f"{MARKS[light['state']]} [bold]{light['label']}[/] {light['says']}")
            if light["todo"]:
                console.print(f"    → {light['todo']}")
    if found["state"] == "bad":
        raise typer.Exit(1)


@work.command("list")
def list_queue(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What waits and what was given up, with reasons."""
    show(run(home, "work.list"), as_json, "nothing waits")


@work.command("retry")
def retry(
    row: Annotated[str, typer.Argument(help="The row; all that was given up without it.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Give buried work its attempts back."""
    print(json.dumps(run(home, "work.retry", row=row)))


@work.command("drop")
def drop(row: Annotated[str, typer.Argument(help="The row.")], home: Home = DEFAULT_HOME) -> None:
    """Forget one buried row for good."""
    print(json.dumps(run(home, "work.drop", row=row)))


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    app.add_typer(work, name="work")


def _examined(home: Path, *, send: bool) -> dict[str, Any]:
    try:
        found: dict[str, Any] = run(home, "doctor", send=send)
        return found
    except (PliError, OSError, ValueError) as error:
        return _machine_only(home, error.public if isinstance(error, PliError) else type(error).__name__)


def _machine_only(home: Path, cause: str) -> dict[str, Any]:
    """The instance does not open: say so, and what can be seen without it."""
    from dataclasses import asdict

    from core.clock import SystemClock
    from core.settings import Settings
    from ops.doctor.examine import examine_machine

    lights = examine_machine(Settings.load(home), SystemClock(), cause)
    return {"state": "bad", "lights": [asdict(light) for light in lights]}
