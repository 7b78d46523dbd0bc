"""`pli account device`: a password for one mail program on one device, revoked alone."""

import json
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Passwords of single devices, for mail programs.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="Login of the account.")]


@app.command("add")
def add(
    login: Login,
    label: Annotated[str, typer.Argument(help="What its owner calls the device.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Make one. It is shown once, opens SMTP and IMAP, and never the pages."""
    print(json.dumps(run(home, "account.device.add", login=login, label=label)))


@app.command("list")
def list_devices(login: Login, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The devices that have one, and when each was last used, right to half a day."""
    show(run(home, "account.device.list", login=login), as_json, empty="no device")


@app.command("revoke")
def revoke(
    login: Login,
    device: Annotated[int, typer.Argument(help="The device's number, as `list` shows it.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """This one opens nothing from the next login on; the others stay."""
    print(json.dumps(run(home, "account.device.revoke", login=login, device=device)))
