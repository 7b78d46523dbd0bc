"""The messages of tests/messages, and what we answer to them in a form that people can read and compare."""

import json
from pathlib import Path
from typing import Any

from mail.part import numbered
from mail.structure import describe

MESSAGES = Path(__file__).parents[1] / "messages"


def names() -> list[str]:
    """The messages in their order."""
    return sorted(path.stem for path in MESSAGES.glob("*.eml"))


def raw(name: str) -> bytes:
    """A message."""
    return (MESSAGES / f"{name}.eml").read_bytes()


def answer(message: bytes) -> dict[str, Any]:
    """What is written for a message: octets as Latin-1."""
    described = describe(message)
    return {
        "envelope": described.envelope.decode("latin-1"),
        "body": described.body.decode("latin-1"),
        "bodystructure": described.bodystructure.decode("latin-1"),
        "parts": {
            ".".join(map(str, path)): [part.media, part.start, part.body, part.end]
            for path, part in numbered(described.tree)
        },
    }


def expected(name: str) -> dict[str, Any]:
    """What was agreed on."""
    found: dict[str, Any] = json.loads((MESSAGES / f"{name}.expect.json").read_text())
    return found


def write_expectations() -> None:
    """Write all answers anew. Read the difference before it is committed: `python -m tests.support.golden`."""
    for name in names():
        text = json.dumps(answer(raw(name)), indent=1, ensure_ascii=True)
        (MESSAGES / f"{name}.expect.json").write_text(text + "\n")


if __name__ == "__main__":
    write_expectations()
