"""`pli seal`: the keys with which mailboxes sign, and what is done before they end."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Seals: the keys with which mailboxes sign.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(help="The mailbox's address.")]


@app.command("list")
def list_seals(
    within: Annotated[int | None, typer.Option(min=0, help="Only those that end within so many days.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """When each seal ends, the first one in front; patients are counted."""
    show(run(home, "seal.list", within=within), as_json, "no seal ends then")


@app.command("renew")
def renew(
    address: Annotated[str, typer.Argument(help="One mailbox, whenever its seal ends; absent: all that are due.")] = "",
    within: Annotated[int, typer.Option(min=0, help="Those that end within so many days.")] = 30,
    home: Home = DEFAULT_HOME,
) -> None:
    """New keys for seals of our own authority; those of others are listed, for `pli seal put`."""
    print(json.dumps(run(home, "seal.renew", address=address, within=within), ensure_ascii=False))


@app.command("put")
def put(
    address: Address,
    certificate: Annotated[Path, typer.Option(help="From its authority, PEM, with those above it.")],
    key: Annotated[Path, typer.Option(help="Its private key, PEM, in clear; delete the file afterwards.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Give a mailbox a seal from another authority; what was encrypted to the earlier one stays readable."""
    pem = {"certificate": certificate.read_text("ascii"), "key": key.read_text("ascii")}
    print(run(home, "seal.put", address=address, **pem)["state"])
