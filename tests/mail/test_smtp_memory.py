"""Memory stays bounded whatever is sent: the process is weighed from outside."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.post_office import AUBIN, FOREIGN

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
MOST_GROWTH = 16 * MIB

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Process id and port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.smtp_alone", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process.pid, int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def weight(pid: int, field: str) -> int:
    """Octets: VmRSS now, VmHWM at the highest since `forget_peak`."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


class Client:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.replies = self.socket.makefile("rb")

    def reply(self) -> bytes:
        while (line := self.replies.readline())[3:4] == b"-":
            pass
        return line

    def say(self, line: str) -> bytes:
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def to_data(self) -> None:
        self.reply()
        for line in ("EHLO a", f"MAIL FROM:<{FOREIGN}>", f"RCPT TO:<{AUBIN}>", "DATA"):
            assert self.say(line)[:1] in b"23"

    def warm_up(self) -> None:
        """A first mail, so that what is loaded once is loaded."""
        self.to_data()
        assert self.say(f"From: <{FOREIGN}>\r\n\r\n" + "x" * 70 + "\r\n" * 50_000 + ".").startswith(b"250")
        self.socket.close()


@pytest.mark.parametrize(
    "piece",
    [b"x" * 65536, b"x" * 65535 + b"\n", b"." * 65536, b"\r" * 65536, b"\0" * 65536, b"X: y\r\n" * 10_923],
    ids=["no line end", "bare LF", "dots", "bare CR", "NUL", "endless header"],
)
def test_three_hundred_megabytes_of_nonsense(server: tuple[int, int], piece: bytes) -> None:
    pid, port = server
    Client(port).warm_up()
    client = Client(port)
    client.to_data()
    forget_peak(pid)
    before = weight(pid, "VmRSS")
    for _ in range(300 * MIB // 65536):
        client.socket.sendall(piece)
    client.socket.sendall(b"\r\n.\r\n")
    assert client.reply()[:2] == b"55"
    assert weight(pid, "VmHWM") - before <= MOST_GROWTH
    assert client.say("NOOP").startswith(b"250")


def test_a_command_that_never_ends(server: tuple[int, int]) -> None:
    pid, port = server
    Client(port).warm_up()
    client = Client(port)
    client.reply()
    forget_peak(pid)
    before = weight(pid, "VmRSS")
    for _ in range(100 * MIB // 65536):
        client.socket.sendall(b"x" * 65536)
    client.socket.sendall(b"\r\n")
    assert client.reply().startswith(b"500 5.5.2")
    assert weight(pid, "VmHWM") - before <= MOST_GROWTH


def test_a_large_mail_costs_its_size_once(server: tuple[int, int]) -> None:
    pid, port = server
    Client(port).warm_up()
    client = Client(port)
    client.to_data()
    forget_peak(pid)
    before, block = weight(pid, "VmRSS"), (b"YWJj" * 18 + b"\r\n") * 1000
    client.socket.sendall(f"From: <{FOREIGN}>\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode())
    size = 24 * MIB // len(block) * len(block)
    for _ in range(size // len(block)):
        client.socket.sendall(block)
    client.socket.sendall(b".\r\n")
    assert client.reply().startswith(b"250")
    assert weight(pid, "VmHWM") - before <= size + MOST_GROWTH // 2
