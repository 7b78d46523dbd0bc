"""`pli demo`: one command that shows the whole main job, through the same services as production."""

from typing import Annotated

import typer

from instant.synapse_process import begin
from ops.cli.common import DEFAULT_HOME, Home


def register(app: typer.Typer) -> None:
    """Put the command at the top level."""
    app.command("demo")(demo)


def demo(
    home: Home = DEFAULT_HOME,
    port_offset: Annotated[int, typer.Option(help="Added to every port.")] = 0,
    headless: Annotated[bool, typer.Option("--headless", help="Play once and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when all is over.")] = False,
    serve_only: Annotated[bool, typer.Option("--serve-only", help="No scenario: for tools from outside.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Wipe the instance first.")] = False,
    no_chat: Annotated[bool, typer.Option("--no-chat", help="Leave the chat out.")] = False,
    insecure_loopback: Annotated[
        bool, typer.Option("--insecure-loopback", help="Without TLS and certificates, from 127.0.0.1 only.")
    ] = False,
) -> None:
    """Create an instance, start every service on loopback, play the scenario, keep serving until Ctrl-C."""
    loading = None if no_chat else begin()  # on the other core, while we load the whole house
    from ops.demo.run import Wanted, run  # other commands start without it

    wanted = Wanted(home, port_offset, headless, as_json, serve_only, reset, insecure_loopback, not no_chat)
    raise typer.Exit(run(wanted, loading))
