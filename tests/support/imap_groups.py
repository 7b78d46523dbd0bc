"""Reads `tests/dialogues/groups/*.group`: what the field's conformance tests of IMAP servers ask, in our own words.

The groups are those of Dovecot's imaptest, which no package carries. A file is a few letters and what is said about
them, in their folder `Essai`:

letter: Subject: a\\n\\nx      a message, the earliest first; "\\n" is a line's end, "\\t" a tab
say: SEARCH ALL              a command; "<CRLF>" stands behind the announcement of a literal
2say: NOOP                   the same in a second session (and 3…), which has selected the folder as the first has
differs: RFC 9051 §6.4.4     the answer to the command before is not Dovecot's, and why
"""

import re
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path(__file__).resolve().parents[1] / "dialogues" / "groups"
_LINE = re.compile(r"(\d?)(letter|say|differs):(?: (.*)|)$")


@dataclass(frozen=True)
class Group:
    """Messages of a folder, what is said there, and which answers are not Dovecot's, by their place in `said`."""

    letters: tuple[bytes, ...]
    said: tuple[tuple[int, str], ...]  # by which session, from 1
    differs: dict[int, str]

    @property
    def sessions(self) -> int:
        """How many there are."""
        return max(who for who, _ in self.said)


def read_group(path: Path) -> Group:
    """Raises ValueError on a line that is none of the three, nor a comment."""
    letters: list[bytes] = []
    said: list[tuple[int, str]] = []
    differs: dict[int, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#"):
            continue
        if not (found := _LINE.fullmatch(line)):
            raise ValueError(f"{path.name}:{number}: no step")
        text = found[3] or ""
        if found[2] == "letter":
            letters.append(text.replace("\\n", "\r\n").replace("\\t", "\t").encode())
        elif found[2] == "say":
            said.append((int(found[1] or 1), text.replace("<CRLF>", "\r\n")))
        else:
            differs[len(said) - 1] = text
    return Group(tuple(letters), tuple(said), differs)
