"""clamd's INSTREAM by a small client of our own: octets in, a verdict out. `man clamd`, section COMMANDS.

zINSTREAM\\0   then chunks: four octets of length (big endian) and as many octets; a length of 0 ends
answer        "stream: OK\\0", "stream: <name> FOUND\\0" or "... ERROR\\0"
"""

import re
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from core.errors import Temporary

CHUNK = 64 * 1024
ANSWER_OCTETS = 4096
CONNECT_S = 5.0
SCAN_S = 60.0
REST_S = 30.0
NAME_CHARACTERS = 200
_VERDICT = re.compile(r"stream: (?:OK|(\S.*) FOUND)", re.DOTALL)  # whatever it is called, it is found


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
    """One clamd at `where`: a socket's path, or host:port. For threads; a connection a scan, as clamd wants it.

    One that was too slow is not asked again for a while, and then by one thread: whoever waited for it would soon be
    everybody.
    """

    def __init__(self, where: str, scan_s: float = SCAN_S, rest_s: float = REST_S) -> None:
        """`scan_s`: for one scan in all, whatever trickles in; `rest_s`: until it is asked again after that."""
        self._where = where
        self._scan_s = scan_s
        self._rest_s = rest_s
        self._rests_until: float | None = None  # None: it is not slow
        self._asking = threading.Lock()

    def scan(self, data: bytes) -> Scanned:
        """Raises ScannerDown."""
        if self._rests_until is None:
            return self._scan(data)
        if monotonic() < self._rests_until or not self._asking.acquire(blocking=False):
            raise ScannerDown("clamd was too slow a moment ago")
        try:
            return self._scan(data)
        finally:
            self._asking.release()

    def ping(self) -> bool:
        """Whether it answers."""
        try:
            with self._open() as connection:
                connection.sendall(b"zPING\0")
                return _answer(connection, monotonic() + self._scan_s) == b"PONG"
        except (OSError, ScannerDown):
            return False

    def _scan(self, data: bytes) -> Scanned:
        try:
            found = self._asked(data)
        except TimeoutError:
            self._rests_until = monotonic() + self._rest_s
            raise ScannerDown("clamd is too slow") from None
        except OSError as error:
            raise ScannerDown(f"clamd: {type(error).__name__}") from None
        self._rests_until = None
        return found

    def _asked(self, data: bytes) -> Scanned:
        until = monotonic() + self._scan_s
        with self._open() as connection:
            try:
                _send(connection, data, until)
            except (BrokenPipeError, ConnectionResetError):  # it says why, perhaps
                return _verdict(_answer(connection, until), cut=True)
            return _verdict(_answer(connection, until))

    def _open(self) -> socket.socket:
        if self._where.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(CONNECT_S)
            try:
                connection.connect(str(Path(self._where)))
            except BaseException:
                connection.close()
                raise
            return connection
        host, _colon, port = self._where.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), CONNECT_S)


def _send(connection: socket.socket, data: bytes, until: float) -> None:
    connection.sendall(b"zINSTREAM\0")
    for start in range(0, len(data), CHUNK):
        piece = memoryview(data)[start : start + CHUNK]
        connection.settimeout(_left(until))
        connection.sendall(struct.pack(">I", len(piece)))
        connection.sendall(piece)
    connection.sendall(struct.pack(">I", 0))


def _answer(connection: socket.socket, until: float) -> bytes:
    """Up to the NUL, or the end. Raises ScannerDown when it is longer than any answer."""
    found = b""
    while b"\0" not in found:
        connection.settimeout(_left(until))
        piece = connection.recv(ANSWER_OCTETS)
        if not piece:
            break
        found += piece
        if len(found) > ANSWER_OCTETS:
            raise ScannerDown("clamd answers too much")
    return found.partition(b"\0")[0]


def _left(until: float) -> float:
    """Raises TimeoutError when it is over."""
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _verdict(answer: bytes, *, cut: bool = False) -> Scanned:
    """`cut`: it did not take all, so that nothing found says nothing."""
    if answer.startswith(b"INSTREAM size limit exceeded"):
        raise ScannerDown("clamd takes less than we do: raise its StreamMaxLength")
    found = _VERDICT.fullmatch(answer.decode("ascii", "replace").strip())
    if found is None or (cut and not found[1]):
        raise ScannerDown("clamd answers something else" if answer and not cut else "clamd hung up")
    return Scanned("".join(char for char in found[1] or "" if char.isprintable())[:NAME_CHARACTERS])
