"""What `pli token verify` does: reads keys and tokens, and asks `crypto.jwt`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import BadInput, PliError
from crypto.jwks import ALGORITHMS, JWKS_OCTETS, BadKeys, TokenKeys
from crypto.jwt import TOKEN_OCTETS, TokenRules, TokenVerdict, verify_token
from ops.cli.moment import moment
from ops.fetch import fetch


class CannotJudge(BadInput):
    """Something that is needed to judge cannot be read. One line, for the one who asked."""


@dataclass(frozen=True)
class Answer:
    """The verdict about one line."""

    verdict: TokenVerdict

    @property
    def as_json(self) -> str:
        return json.dumps({"valid": self.verdict.valid, "reason": self.verdict.reason.value})

    @property
    def as_text(self) -> str:
        return f"{'valid' if self.verdict.valid else 'invalid':<8} {self.verdict.reason.value}"


def rules(jwks: Path, issuer: str, audience: str, algorithms: list[str]) -> TokenRules:
    """Raises CannotJudge."""
    if not set(algorithms) <= ALGORITHMS:
        raise CannotJudge(f"--algorithm is one of {', '.join(sorted(ALGORITHMS))}")
    if not issuer or not audience:
        raise CannotJudge("--issuer and --audience are not empty")
    try:
        keys = TokenKeys.load(fetch(jwks, JWKS_OCTETS))
    except (BadKeys, PliError) as error:
        raise CannotJudge(f"{jwks}: {error}") from None
    return TokenRules(keys, issuer, audience, frozenset(algorithms) or ALGORITHMS)


def answers(lines: BinaryIO, wanted: TokenRules, at: str) -> Iterator[Answer]:
    """One answer a line, in order, as soon as the line is there. Raises CannotJudge, before the first."""
    try:
        when = moment(at) if at else None
    except BadInput as error:
        raise CannotJudge(error.public) from None
    return (Answer(verify_token(line, wanted, when or moment(""))) for line in _lines(lines))


def _lines(lines: BinaryIO) -> Iterator[bytes]:
    """Lines without their ends; of an endless one only as much as shows that it is too long."""
    while line := lines.readline(TOKEN_OCTETS + 3):
        whole = line.endswith(b"\n")
        yield line.rstrip(b"\r\n")
        while not whole and (line := lines.readline(65536)):
            whole = line.endswith(b"\n")
