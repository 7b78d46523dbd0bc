"""`pli patient`: a mailbox from a qualified identity, erasure, legal representatives."""

import base64
import json
from pathlib import Path
from typing import Annotated

import typer

from core.errors import Refused
from ops.cli.common import DEFAULT_HOME, Home, run

app = typer.Typer(help="Patients.", no_args_is_help=True)


@app.callback()
def patients() -> None:
    """Patients."""


@app.command("add")
def add(
    answer: Annotated[Path, typer.Argument(help="The answer of the INSi téléservice, XML.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Asked when absent.")],
    domain: Annotated[str, typer.Option(help="A patient domain; empty: the instance's own.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Create a patient's mailbox: from an INS that INSi has qualified, and from nothing else."""
    data = base64.b64encode(answer.read_bytes()).decode()
    print(run(home, "patient.add", answer=data, password=password, domain=domain)["address"])


@app.command("erase")
def erase(
    login: Annotated[str, typer.Argument(help="The patient's login.")],
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Destroy the keys of this patient's mailbox and record: nothing of it can be read again, nor from a backup that
    `pli restore` puts back. What pharmacies and professionals received stays theirs."""
    if not yes:
        raise Refused("it cannot be undone: add --yes")
    print(json.dumps(run(home, "patient.erase", login=login)))


@app.command("represent")
def represent(
    login: Annotated[str, typer.Argument(help="Login of the minor, or of the person under protection.")],
    by: Annotated[str, typer.Option("--by", help="Login of the parent or guardian, a patient too.")],
    kind: Annotated[str, typer.Option(help="parent (until the age of 18) or guardian.")] = "parent",
    end: Annotated[bool, typer.Option("--end", help="This person acts no longer.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Write down who acts for a patient. You have seen the papers."""
    print(json.dumps(run(home, "patient.represent", login=login, by=by, kind=kind, end=end)))
