"""`pli order`: the pharmacy's orders."""

import json
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Orders at the pharmacy.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The order's number, as `pli order list` shows it.")]
By = Annotated[str, typer.Option("--by", help="Login of the person who acts.")]


@app.command("list")
def list_orders(by: By, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The orders that this person may see, newest first."""
    show(run(home, "order.list", by=by), as_json, "no order")


@app.command("show")
def show_order(number: Number, by: By, home: Home = DEFAULT_HOME) -> None:
    """One order with its lines, its signature's verdict, and the moves that this person may make."""
    print(json.dumps(run(home, "order.show", number=number, by=by), ensure_ascii=False, indent=1))


@app.command("confirm")
def confirm(number: Number, by: By, home: Home = DEFAULT_HOME) -> None:
    """The pharmacist has compared every proposed line with the document."""
    print(json.dumps(run(home, "order.confirm", number=number, by=by), ensure_ascii=False))


@app.command("move")
def move(
    number: Number,
    to: Annotated[str, typer.Argument(help="The new state: taken, preparing, ready… `pli order show` lists them.")],
    by: By,
    note: Annotated[str, typer.Option(help="A sentence for the patient or the team.")] = "",
    promised: Annotated[str, typer.Option(help="For a partial order: what is owed.")] = "",
    due: Annotated[str, typer.Option(help="For a partial order: when, YYYY-MM-DD.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Move an order on; the patient gets a signed mail when the move concerns them."""
    arguments = {"number": number, "to": to, "by": by, "note": note, "promised": promised, "due": due}
    print(json.dumps(run(home, "order.move", **arguments), ensure_ascii=False))
