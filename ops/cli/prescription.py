"""`pli prescription`: read prescriptions from files, without an instance or beside one."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, progress_bar

app = typer.Typer(help="Prescriptions, read by machine and proposed to people.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="Photos, PDFs, CDA documents, plain texts.")]


@app.callback()
def group() -> None:
    """Prescriptions, read by machine and proposed to people."""


@app.command("read")
def read(files: Files, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Propose the lines of each file; with the reference data of the instance, when it has any. Nothing is kept."""
    from ops import prescription_files

    with progress_bar() as progress:
        prescription_files.read(files, home, as_json, progress)
