"""`pli record unpack`: what files hold, told without an instance, a line for each."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.common import AsJson, Home, show

COULD_NOT_RUN = 2

Files = Annotated[list[str], typer.Argument(help="Mail, IHE_XDM.zip, XML, PDF, pictures, text, DICOM, FHIR JSON.")]


def unpack(files: Files, home: Home = Path("var/demo"), as_json: AsJson = False) -> None:
    """Say what files hold: documents, patients, problems. Needs no instance and files nothing."""
    del home  # every command takes it; this one asks nothing of an instance
    unread = 0
    for name in files:
        try:
            account = _account(Path(name))
        except (OSError, ValueError) as error:
            unread += 1
            reason = (error.strerror if isinstance(error, OSError) else None) or "not a file name"
            print(f"pli: {name}: {reason}", file=sys.stderr)
            continue
        _print({"file": name, **account}, as_json)
    if unread:
        raise typer.Exit(COULD_NOT_RUN)


def _account(path: Path) -> dict[str, Any]:
    """Raises OSError when the file cannot be read; never for what it holds."""
    from record.describe import MOST_BYTES, describe, refusal  # the readers take a while to import
    from record.unpack.facts import Problem

    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    return refusal(Problem.TOO_LARGE) if len(data) > MOST_BYTES else describe(data, path.name)


def _print(account: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(account, ensure_ascii=False), flush=True)
        return
    print(f"{account['file']}: {account['refused'] or 'taken'}")
    rows = [document | {"problems": ", ".join(document["problems"])} for document in account["documents"]]
    show(
        [{key: row[key] or "" for key in ("name", "media_type", "type_code", "title", "problems")} for row in rows],
        False,
    )
