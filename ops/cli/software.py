"""`pli software`: programs that may ask for the record of patients who agree, in the name of one mailbox."""

from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Connected software: keys for the record's FHIR interface.", no_args_is_help=True)
By = Annotated[str, typer.Option("--by", help="Login of the professional in whose mailbox's name it reads.")]


@app.command("register")
def register(
    name: Annotated[str, typer.Argument(help="The program's name, which patients are shown.")],
    by: By,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="SMART scopes; all of them by default.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """A new entry and its key, which is shown this once."""
    show([run(home, "software.register", name=name, by=by, scopes=scope or [])], as_json)


@app.command("list")
def list_software(by: By, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What is registered for this mailbox, the revoked too."""
    show(run(home, "software.list", by=by), as_json, "no software")


@app.command("revoke")
def revoke(
    software: Annotated[int, typer.Argument(help="Its number, as `pli software list` shows it.")],
    by: By,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Its key opens nothing from now on."""
    show([run(home, "software.revoke", software=software, by=by)], as_json)
