"""`pli refdata`: public reference data, imported from files that the operator has downloaded."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Public reference data.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="The folder with the files of the BDPM, as its site gives them.")]


@app.callback()
def group() -> None:
    """Public reference data."""


@app.command("import-bdpm")
def import_bdpm(folder: Folder, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Take an edition of the public medicines database into use; the one before serves until then."""
    done = run(home, "refdata.import-bdpm", folder=str(folder.absolute()))
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
        return
    show(_rows(done), as_json=False)
    state = "in use" if done["changed"] else "in use already, nothing changed"
    print(f"{done['medicines']} medicines, {done['packs']} packs: {state}")


def _rows(done: dict[str, Any]) -> list[dict[str, Any]]:
    found = [{"file": name} | facts for name, facts in done["files"].items()]
    return found + [{"file": name, "encoding": "missing", "used": 0, "rejected": 0} for name in done["missing"]]
