"""clamd's INSTREAM by a small client of our own: octets in, a verdict out. `man clamd`, section COMMANDS.

zINSTREAM\\0   then chunks: four octets of length (big endian) and as many octets; a length of 0 ends
answer        "stream: OK\\0", "stream: <name> FOUND\\0" or "... ERROR\\0"
"""

import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from core.errors import Temporary

CHUNK = 64 * 1024
ANSWER_OCTETS = 4096
CONNECT_S = 5.0
SCAN_S = 60.0
_VERDICT = re.compile(r"stream: (?:OK|([^\s:][^\r\n:]{0,199}) FOUND)")


class ScannerDown(Temporary):
    """The scanner does not answer, or not as it should. `cause` says how."""

    def __init__(self, cause: str) -> None:
        super().__init__("the virus scanner is not available, try again later", cause)


@dataclass(frozen=True, slots=True)
class Scanned:
    """`virus` is the signature's name, empty when nothing was found."""

    virus: str = ""

    @property
    def clean(self) -> bool:
        return not self.virus


class Clamd:
    """One clamd at `where`: a socket's path, or host:port. For threads; a connection a scan, as clamd wants it."""

    def __init__(self, where: str, scan_s: float = SCAN_S) -> None:
        self._where = where
        self._scan_s = scan_s

    def scan(self, data: bytes) -> Scanned:
        """Raises ScannerDown."""
        try:
            with self._open() as connection:
                connection.sendall(b"zINSTREAM\0")
                for start in range(0, len(data), CHUNK):
                    piece = memoryview(data)[start : start + CHUNK]
                    connection.sendall(struct.pack(">I", len(piece)))
                    connection.sendall(piece)
                connection.sendall(struct.pack(">I", 0))
                return _verdict(_answer(connection))
        except ScannerDown:
            raise
        except TimeoutError:
            raise ScannerDown("clamd is too slow") from None
        except OSError as error:  # refused, gone, or hung up in the middle: the stream was too long for it
            raise ScannerDown(f"clamd: {type(error).__name__}") from None

    def ping(self) -> bool:
        """Whether it answers."""
        try:
            with self._open() as connection:
                connection.sendall(b"zPING\0")
                return _answer(connection) == b"PONG"
        except (OSError, ScannerDown):
            return False

    def _open(self) -> socket.socket:
        if self._where.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(CONNECT_S)
            try:
                connection.connect(str(Path(self._where)))
            except BaseException:
                connection.close()
                raise
        else:
            host, _colon, port = self._where.rpartition(":")
            connection = socket.create_connection((host.strip("[]"), int(port)), CONNECT_S)
        connection.settimeout(self._scan_s)
        return connection


def _answer(connection: socket.socket) -> bytes:
    """Up to the NUL, or the end. Raises ScannerDown when it is longer than any answer."""
    found = b""
    while b"\0" not in found:
        piece = connection.recv(ANSWER_OCTETS)
        if not piece:
            break
        found += piece
        if len(found) > ANSWER_OCTETS:
            raise ScannerDown("clamd answers too much")
    return found.partition(b"\0")[0]


def _verdict(answer: bytes) -> Scanned:
    found = _VERDICT.fullmatch(answer.decode("ascii", "replace").strip())
    if found is None:
        raise ScannerDown("clamd answers something else" if answer else "clamd hung up")
    return Scanned(found[1] or "")
