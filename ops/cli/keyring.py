"""`pli keyring`: the keys of everything."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="The keyring: rotation, lock.", no_args_is_help=True)


@app.command("rotate")
def rotate(home: Home = DEFAULT_HOME) -> None:
    """A new master key; every holder's key is wrapped under it, with the service on."""
    print(json.dumps(run(home, "keyring.rotate")))


@app.command("forget")
def forget(home: Home = DEFAULT_HOME) -> None:
    """Destroy older master keys that wrap nothing any more. A backup from before can then not be read."""
    print(json.dumps(run(home, "keyring.forget")))


@app.command("show")
def show_keys(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Each master key by its number, and how many holders it wraps. No secret is shown."""
    show(run(home, "keyring.show"), as_json)


@app.command("protect")
def protect(
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File whose one line locks the keyring; without it the file is unlocked.")
    ] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Lock the keyring's file with a passphrase; then say where it is: keyring.passphrase_file, or LoadCredential."""
    path = str(passphrase_file.absolute()) if passphrase_file else None
    print(json.dumps(run(home, "keyring.protect", passphrase_file=path)))
