"""`pli token`: access tokens judged as the listeners judge them, without an instance."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, Home

COULD_NOT_RUN = 2

app = typer.Typer(help="Access tokens of an OpenID provider.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `verify` a word of its own."""


@app.command("verify")
def verify(
    issuer: Annotated[str, typer.Option(help="What `iss` must be.")],
    audience: Annotated[str, typer.Option(help="What `aud` must be or hold.")],
    jwks: Annotated[
        Path | None, typer.Option(help="The issuer's public keys, a JWK set; the instance's when absent.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a token.")] = False,
    at: Annotated[str, typer.Option(help="Judge at this time, ISO 8601; now when absent.")] = "",
    algorithm: Annotated[list[str] | None, typer.Option(help="Take this one only; repeat for more.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Verify the tokens on standard input, one a line. Exit 0 whatever the verdicts, 2 when it could not run."""
    from ops.token_judging import CannotJudge, answers, rules  # cryptography: other commands start without it

    try:
        judged = answers(
            sys.stdin.buffer, rules(jwks or home / "tokens" / "jwks.json", issuer, audience, algorithm or []), at
        )
    except CannotJudge as error:
        print(f"pli: {error.public}", file=sys.stderr)
        raise typer.Exit(COULD_NOT_RUN) from None
    for line in judged:
        print(line.as_json if as_json else line.as_text, flush=True)
