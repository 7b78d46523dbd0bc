"""The system calls of a running server, in order, as strace sees them: what was written where, what was synced when."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WRITES = ("write", "writev", "sendto", "sendmsg", "pwrite64")
SYNCS = ("fsync", "fdatasync")
LONGEST = 4200  # octets of each string that are kept: a database page and a little

_LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)")
_HEX = re.compile(r"(?:\\x[0-9a-f]{2})+")
_RESULT = re.compile(r"\) += (-?\d+)")


@dataclass
class Call:
    """One call: the texts among its arguments (paths of descriptors first), and the lines where it began and ended.

    A call that began and ended without another in between has the same line twice.
    """

    name: str
    texts: list[bytes]
    begun: int
    ended: int
    result: int

    @property
    def path(self) -> str:
        """The file that it is about; for a rename the old name."""
        return self.texts[0].decode("utf-8", "replace") if self.texts else ""

    @property
    def data(self) -> bytes:
        """What was written, the first LONGEST octets of each piece."""
        return b"".join(self.texts[1:])


@contextmanager
def watched(pid: int, log: Path) -> Iterator[None]:
    """Watch the process, all its threads, from now to the end of the block; needs strace and the right to trace."""
    names = ",".join((*WRITES, *SYNCS, "rename"))
    command = ["strace", "-f", "-xx", "-y", "-s", str(LONGEST), "-e", f"trace={names}", "-o", str(log), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        if "attached" not in (said := strace.stderr.readline()):
            raise OSError(said)
        try:
            yield
        finally:
            strace.terminate()


def calls(log: Path) -> list[Call]:
    """Every call of the log, in the order in which they began."""
    open_calls: dict[str, Call] = {}
    found: list[Call] = []
    for number, line in enumerate(log.read_text().splitlines()):
        shape = _LINE.match(line)
        if shape is None:
            continue
        pid, name = shape.groups()
        if "resumed>" in line:
            call = open_calls.pop(pid, None)
        else:
            call = Call(name, _texts(line), number, number, -1)
            found.append(call)
        if call is not None and line.endswith("<unfinished ...>"):
            open_calls[pid] = call
        elif call is not None and (result := _RESULT.search(line)):
            call.ended, call.result = number, int(result[1])
    return [call for call in found if call.result >= 0]


def _texts(line: str) -> list[bytes]:
    return [bytes.fromhex(text.replace("\\x", "")) for text in _HEX.findall(line)]
