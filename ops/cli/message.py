"""`pli message`: what became of a message."""

import json
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="What became of a message.", no_args_is_help=True)

By = Annotated[str, typer.Option("--by", help="Login of the person who sent or received it.")]


@app.command("timeline")
def show_timeline(
    message_id: Annotated[str, typer.Argument(help="Its Message-ID, with or without angle brackets.")],
    by: By,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Accepted, relayed, delivered, delayed, read, answered, failed: when, for whom, and why."""
    found = run(home, "message.timeline", message_id=message_id, by=by)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        show(found["events"], as_json=False)


@app.command("receipt")
def receipt(
    message: Annotated[str, typer.Argument(help="Our number of the message that was received.")],
    by: By,
    disposition: Annotated[str, typer.Option(help="displayed, deleted, dispatched or processed.")] = "",
    error: Annotated[int, typer.Option(help="Application error, 900 to 906.")] = 0,
    decline: Annotated[bool, typer.Option("--decline", help="Send none; nobody is asked again.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Send the receipt that a message asks for; its reader agrees."""
    if decline and (disposition or error):
        raise typer.BadParameter("what is declined has neither disposition nor error")
    if decline:
        print(json.dumps(run(home, "message.decline", message=message, by=by)))
        return
    print(json.dumps(run(home, "message.receipt", message=message, by=by, disposition=disposition, error=error)))
