"""`pli chat`: accounts, login codes, the homeserver's files."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run

app = typer.Typer(no_args_is_help=True, help="Chat between professionals, over Matrix.")
Address = Annotated[str, typer.Argument(help="A professional's or an organisation's address.")]


@app.command()
def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Whether the homeserver runs, and what waits; exit 1 when it does not run."""
    found = run(home, "chat.status")
    _show(found, as_json)
    raise typer.Exit(0 if found["running"] else 1)


@app.command()
def code(address: Address, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Print a single-use login code, to be typed where a Matrix client asks for a password."""
    _show(run(home, "chat.code", address=address), as_json)


@app.command()
def room(address: Address, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show the mail of a mailbox in a room of its own, and invite its owner."""
    _show(run(home, "chat.room", address=address), as_json)


@app.command()
def behind(
    role: Annotated[str, typer.Argument(help="The organisation's address.")],
    person: Annotated[str, typer.Argument(help="The professional's address.")],
    home: Home = DEFAULT_HOME,
    on_call: Annotated[bool, typer.Option("--on-call", help="Asked first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a named professional act for an organisation's account."""
    _show(run(home, "chat.behind", role=role, person=person, on_call=on_call), as_json)


@app.command()
def away(
    address: Address,
    home: Home = DEFAULT_HOME,
    back: Annotated[bool, typer.Option("--back", help="The absence is over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say that an organisation is away: it is not invited meanwhile."""
    _show(run(home, "chat.away", address=address, away=not back), as_json)


@app.command()
def rule(
    address: Address,
    subject: Annotated[str, typer.Argument(help="A Matrix id, a server name, or *.")],
    allow_or_block: Annotated[str, typer.Argument(help="allow, block or clear.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say whom a user lets invite him."""
    _show(run(home, "chat.rule", address=address, subject=subject, rule=allow_or_block), as_json)


@app.command()
def trust(address: Address, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Take the identity key that a user shows next as his own."""
    _show(run(home, "chat.trust", address=address), as_json)


@app.command()
def config(
    folder: Annotated[Path, typer.Argument(help="Where Synapse's files are written.")],
    home: Home = DEFAULT_HOME,
    workers: Annotated[int, typer.Option(min=0, max=16, help="Worker processes; they need PostgreSQL, Redis.")] = 0,
    first_port: Annotated[
        int, typer.Option(min=1, max=65_000, help="On loopback: the main process's, then each worker's.")
    ] = 9093,
    as_json: AsJson = False,
) -> None:
    """Write the files of a homeserver that is not our child."""
    _show(run(home, "chat.config", folder=str(folder), workers=workers, first_port=first_port), as_json)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name:<12} {value}")
