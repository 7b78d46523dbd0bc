"""`pli queue`: mail that waits for other operators."""

import json
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Mail that waits for other operators.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="Its number, as `pli queue list` shows it.")]
Some = Annotated[str, typer.Argument(help="Its number; without it, all that waits.", show_default=False)]
To = Annotated[str, typer.Option("--to", help="Only for this domain.", show_default=False)]


@app.command("list")
def list_queue(to: To = "", home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What waits, oldest first, and why."""
    show(run(home, "queue.list", to=to), as_json, "the queue is empty")


@app.command("show")
def show_one(number: Number, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """One of them with its recipients, masked, and what the other server said."""
    found = run(home, "queue.show", number=number)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    each = found.pop("to_each")
    show([{"what": name, "is": value} for name, value in found.items() if value not in ("", None)], as_json=False)
    show(each, as_json=False)


@app.command("hold")
def hold(number: Number, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Try nothing until `pli queue retry`."""
    _say(run(home, "queue.hold", number=number), as_json)


@app.command("retry")
def retry(number: Some = "", to: To = "", home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Try now: one, all for a domain, or all; what was held waits no longer."""
    _say(run(home, "queue.retry", number=number, to=to), as_json)


@app.command("drop")
def drop(number: Number, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Give up; the sender is told that the mail was not delivered."""
    _say(run(home, "queue.drop", number=number), as_json)


def _say(done: dict[str, object], as_json: bool) -> None:
    print(json.dumps(done) if as_json else f"{done['state']}: {done['count']}")
