"""A small SMTP client on raw sockets: it tells exactly how far a transaction came when the server goes away."""

import base64
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Literal, Self

TIMEOUT_S = 60


@dataclass(frozen=True)
class SmtpTarget:
    """Where and as whom to send. `tls` is None, "starttls" or "implicit"; `context` goes with the latter two."""

    port: int
    host: str = "127.0.0.1"
    sender: str = "load@ledger.example"
    tls: Literal["starttls", "implicit"] | None = None
    context: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    """The last reply of a transaction: its code, whether it came after the end of the data, and when (monotonic s)."""

    code: int
    text: str
    after_data: bool
    at: float = field(default_factory=time.monotonic)


class Broken(OSError):
    """The connection ended inside a transaction; after the end of the data nobody knows what became of the message."""

    def __init__(self, *, after_data: bool) -> None:
        super().__init__("connection broken in a transaction")
        self.after_data = after_data


class SmtpClient:
    """One connection, greeted and logged in. Raises OSError when the server is away or refuses the session."""

    def __init__(self, target: SmtpTarget) -> None:
        self.target = target
        self.socket: socket.socket = socket.create_connection((target.host, target.port), timeout=TIMEOUT_S)
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if self.target.tls == "implicit":
            self._wrap()
        self.reader = self.socket.makefile("rb")
        self._expect(220)
        self._hello()
        if self.target.tls == "starttls":
            self.socket.sendall(b"STARTTLS\r\n")
            self._expect(220)
            self._wrap()
            self.reader = self.socket.makefile("rb")
            self._hello()
        if self.target.login:
            token = base64.b64encode("\0{}\0{}".format(*self.target.login).encode())
            self.socket.sendall(b"AUTH PLAIN " + token + b"\r\n")
            self._expect(235)

    def _wrap(self) -> None:
        assert self.target.context
        self.socket = self.target.context.wrap_socket(self.socket, server_hostname="localhost")

    def _hello(self) -> None:
        self.socket.sendall(b"EHLO ledger.example\r\n")
        self._expect(250)

    def _expect(self, code: int) -> None:
        got, text = self.reply()
        if got != code:
            raise OSError(f"{got} {text} instead of {code}")

    def reply(self) -> tuple[int, str]:
        """The next reply's code and last line. Raises OSError when the connection ends first."""
        while line := self.reader.readline():
            if line[3:4] != b"-" and line.endswith(b"\n"):
                return int(line[:3]), line[4:].decode("utf-8", "replace").strip()
        raise ConnectionResetError("closed by the server")

    def command(self, line: bytes) -> tuple[int, str]:
        self.socket.sendall(line + b"\r\n")
        return self.reply()

    def send(self, recipient: str, message: bytes) -> Answer:
        """One transaction; `message` has CRLF lines. Returns the reply that decided. Raises Broken."""
        try:
            lines = [f"MAIL FROM:<{self.target.sender}>", f"RCPT TO:<{recipient}>", "DATA"]
            for line in lines:
                code, text = self.command(line.encode())
                if code >= 400:
                    self.command(b"RSET")
                    return Answer(code, text, after_data=False)
            stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
            self.socket.sendall(stuffed)
        except OSError as error:
            raise Broken(after_data=False) from error
        try:
            self.socket.sendall(b".\r\n")
            code, text = self.reply()
        except OSError as error:
            raise Broken(after_data=True) from error
        return Answer(code, text, after_data=True)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
