"""`pli collect`: mailboxes that are kept at another operator."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Mailboxes that are kept at another operator.", no_args_is_help=True)


@app.command("add")
def add(
    address: Annotated[str, typer.Argument(help="The mailbox of ours that it feeds.")],
    host: Annotated[str, typer.Option(help="The other operator's IMAP server.")],
    login: Annotated[str, typer.Option(help="Login over there.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Asked when absent; kept sealed.")],
    port: Annotated[int, typer.Option(help="IMAP over TLS.")] = 993,
    folder: Annotated[str, typer.Option(help="The folder to follow.")] = "INBOX",
    ca: Annotated[Path | None, typer.Option(help="Its authorities, PEM; the machine's when absent.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Follow a mailbox: what arrives there is filed here, once."""
    values = {"address": address, "host": host, "port": port, "login": login, "password": password, "folder": folder}
    print(json.dumps(run(home, "collect.add", ca=ca.read_text("ascii") if ca else "", **values)))


@app.command("list")
def list_all(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Which are followed, and how it goes."""
    show(run(home, "collect.list"), as_json, "nothing is collected")


@app.command("remove")
def remove(
    number: Annotated[str, typer.Argument(help="As `pli collect list` shows it.")], home: Home = DEFAULT_HOME
) -> None:
    """Follow it no longer; what was fetched stays."""
    print(json.dumps(run(home, "collect.remove", number=number)))
