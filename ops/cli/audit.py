"""`pli audit`: is the trail the one that was written? Who did what?"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import BadInput
from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="The trail of accesses: verified, proved, shown.", no_args_is_help=True)
MOST_OCTETS = 1024 * 1024
OF_TRAIL = "the trail is whole", "the trail is NOT whole"
OF_PROOF = "the proof holds", "the proof does NOT hold"


@app.command("verify")
def verify(
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    proof: Annotated[
        Path | None, typer.Option(help="Check this proof of `pli audit prove` alone: no instance is needed.")
    ] = None,
    key: Annotated[str, typer.Option(help="With --proof: the verifier key that you trust.")] = "",
    elsewhere: Annotated[
        Path | None, typer.Option(help="Checkpoints that somebody else kept of this trail; they must fit, too.")
    ] = None,
) -> None:
    """Every entry against its tag, its number and the signed checkpoints. Exit code 1 when something is wrong."""
    found = _proof(proof, key) if proof else run(home, "audit.verify", elsewhere=_text(elsewhere))
    if as_json:
        print(json.dumps(found))
    else:
        _print(found, OF_PROOF if proof else OF_TRAIL)
    if found["problems"]:
        raise typer.Exit(1)


@app.command("prove")
def prove(entry: Annotated[int, typer.Argument(min=1, help="The entry's number.")], home: Home = DEFAULT_HOME) -> None:
    """Proof, as JSON, that this entry stood in the trail when a checkpoint was signed."""
    print(json.dumps(run(home, "audit.prove", entry=entry), indent=1))


@app.command("show")
def show_entries(
    by: Annotated[str, typer.Option("--by", help="What this account did.")] = "",
    patient: Annotated[str, typer.Option(help="What was done with this patient's data: their login.")] = "",
    action: Annotated[str, typer.Option(help="This action only, document.read for instance.")] = "",
    last: Annotated[int, typer.Option(help="So many of the newest.")] = 50,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """The newest entries."""
    rows = run(home, "audit.show", by=by, patient=patient, action=action, last=last)
    show(rows, as_json, "no entry")


@app.command("checkpoint")
def checkpoint(home: Home = DEFAULT_HOME) -> None:
    """Sign the trail as it is now; the server does so by itself."""
    print(json.dumps(run(home, "audit.checkpoint")))


def _print(found: dict[str, Any], words: tuple[str, str]) -> None:
    for name, value in found.items():
        if name != "problems":
            print(f"{name}: {value}")
    for problem in found["problems"]:
        print(problem)
    print(words[bool(found["problems"])])


def _text(path: Path | None) -> str:
    """Raises BadInput."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path else ""
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def _proof(path: Path, key: str) -> dict[str, Any]:
    from ops.audit.prove import holds  # without the house: an auditor has none

    try:
        with path.open(encoding="utf-8") as file:
            proof = json.loads(file.read(MOST_OCTETS))
    except (ValueError, RecursionError):
        raise BadInput("this is no proof of an audit entry") from None
    if not isinstance(proof, dict):
        raise BadInput("this is no proof of an audit entry")
    right = holds(proof, key)
    return {
        "index": proof["index"],
        "entry": proof["entry"],
        "problems": [] if right else ["the entry is not what was witnessed"],
    }
