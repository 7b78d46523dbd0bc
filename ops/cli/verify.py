"""`pli verify`: signatures judged by the strict profile, from files, without an instance."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, Home

COULD_NOT_RUN = 2

Messages = Annotated[list[Path], typer.Argument(help="Messages as they came over the wire.", metavar="MESSAGE.eml…")]


def register(app: typer.Typer) -> None:
    """Put the command at the top level."""
    app.command("verify")(verify)


def verify(
    messages: Messages,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a message.")] = False,
    anchors: Annotated[Path | None, typer.Option(help="Trusted roots, PEM or DER; the instance's when absent.")] = None,
    intermediates: Annotated[Path | None, typer.Option(help="Folder of intermediate certificates.")] = None,
    crls: Annotated[Path | None, typer.Option(help="Folder of revocation lists.")] = None,
    at: Annotated[str, typer.Option(help="Judge at this time, ISO 8601; now when absent.")] = "",
    binding: Annotated[bool, typer.Option("--binding/--no-binding", help="The certificate must be From's.")] = True,
    home: Home = DEFAULT_HOME,
) -> None:
    """Verify the S/MIME signatures of message files. Exit 0 whatever the verdicts, 2 when it could not run."""
    from ops.judging import CannotJudge, as_line, judge_files  # cryptography: other commands start without it

    try:
        verdicts = judge_files(messages, anchors or home / "tls" / "ca.pem", intermediates, crls, at, binding)
    except CannotJudge as error:
        print(f"pli: {error.public}", file=sys.stderr)
        raise typer.Exit(COULD_NOT_RUN) from None
    for judged in verdicts:
        print(as_line(judged, as_json), flush=True)
