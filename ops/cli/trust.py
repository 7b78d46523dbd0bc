"""`pli trust`: the signed list of domains that other operators speak for."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run

COULD_NOT_RUN = 2

app = typer.Typer(help="The signed list of trusted domains.", no_args_is_help=True)


@app.command("check")
def check(
    domains: Annotated[list[str], typer.Argument(help="Domains to look up.", metavar="DOMAIN…")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a domain.")] = False,
    listed: Annotated[Path | None, typer.Option("--list", help="The list; the instance's copy when absent.")] = None,
    anchors: Annotated[
        Path | None, typer.Option(help="Authorities above its signer, PEM or DER; the instance's when absent.")
    ] = None,
    at: Annotated[str, typer.Option(help="Judge at this time, ISO 8601; now when absent.")] = "",
    signer: Annotated[str, typer.Option(help="Name that must have signed; the instance's when absent.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Verify a list and look domains up in it. Exit 0 whatever is found, 2 when it could not run."""
    from ops.list_judging import CannotJudge, look_up  # cryptography: other commands start without it

    try:
        answers = look_up(domains, listed, anchors, signer, at, home)
    except CannotJudge as error:
        print(f"pli: {error.public}", file=sys.stderr)
        raise typer.Exit(COULD_NOT_RUN) from None
    for found in answers:
        print(json.dumps(found, ensure_ascii=False) if as_json else _as_text(found), flush=True)


@app.command("show")
def show(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The list in force and its age."""
    _print(run(home, "trust.show"), as_json)


@app.command("refresh")
def refresh(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Fetch the list now and put it in force."""
    _print(run(home, "trust.refresh"), as_json)


@app.command("lists")
def lists(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Fetch the revocation lists of `tls.crl_sources` now, and put the good ones in force."""
    found = run(home, "trust.lists")
    print(json.dumps(found) if as_json else "\n".join(f"{each['state']:<12} {each['source']}" for each in found))


def _print(facts: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(facts) if as_json else "\n".join(f"{name:<10} {value}" for name, value in facts.items()))


def _as_text(found: dict[str, Any]) -> str:
    word = "listed" if found["listed"] else "not listed"
    return "\n".join([f"{found['domain']}: {word} (list: {found['list']['reason']})", *found["names"]])
