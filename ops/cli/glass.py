"""`pli record glass`: access in an emergency, without consent, for an hour, reviewed afterwards."""

import json
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Access to a record in an emergency, and its review.", no_args_is_help=True)

By = Annotated[str, typer.Option("--by", help="Login of the person who asks; it is traced under it.")]
Number = Annotated[int, typer.Argument(help="The opening's number, as `pli record glass list` shows it.")]


@app.command("open")
def open_glass(
    reason: Annotated[str, typer.Argument(help="The emergency in a sentence; the patient reads it.")],
    by: By,
    patient: Annotated[str, typer.Option("--patient", help="Login of the patient whose record is opened.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Open one patient's record for sixty minutes; the patient is told at once."""
    print(json.dumps(run(home, "record.glass.open", reason=reason, by=by, patient=patient), ensure_ascii=False))


@app.command("close")
def close(glass: Number, by: By, home: Home = DEFAULT_HOME) -> None:
    """The emergency is over before its time."""
    print(json.dumps(run(home, "record.glass.close", glass=glass, by=by), ensure_ascii=False))


@app.command("list")
def list_glasses(by: By, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What waits to be reviewed; for a patient, every opening of the own record."""
    show(run(home, "record.glass.list", by=by), as_json, "no emergency access")


@app.command("review")
def review(
    glass: Number,
    verdict: Annotated[str, typer.Argument(help="justified or unjustified.")],
    by: By,
    home: Home = DEFAULT_HOME,
) -> None:
    """Somebody else than who opened it says whether it was an emergency."""
    print(json.dumps(run(home, "record.glass.review", glass=glass, verdict=verdict, by=by), ensure_ascii=False))
