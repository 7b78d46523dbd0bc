"""clamd's protocol by a peer that breaks it, and what is taken while it is down. The real clamd: test_clamd.py."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import FakeClock
from mail.antivirus import Clamd, Scanned, ScannerDown
from mail.incoming import Door, Incoming, Peer
from mail.letter import read_letter
from mail.stages.no_virus import NoVirus, WhenDown, has_attachment

PLAIN = b"From: <a@b.example>\r\n\r\nbonjour\r\n"
FILE = (
    b'From: <a@b.example>\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\nbonjour\r\n--x\r\n'
    b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjc=\r\n--x--\r\n"
)
SIGNED = FILE.replace(b"application/pdf", b"application/pkcs7-signature\r\nContent-Disposition: attachment")


class Fake:
    """Answers each connection with `answer`, and keeps what it read; None: never answers."""

    def __init__(self, answer: bytes | None, *, early: bool = False) -> None:
        self.answer, self.early, self.streams = answer, early, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.where = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.over = threading.Event()
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                if not self.early:
                    self.streams.append(_stream(connection))
                if self.answer is None:
                    self.over.wait(60)
                else:
                    connection.sendall(self.answer)

    def close(self) -> None:
        self.over.set()
        self.socket.shutdown(socket.SHUT_RDWR)  # wakes who accepts: it would hear the next socket with this number
        self._serving.join(60)
        self.socket.close()


def _stream(connection: socket.socket) -> bytes:
    file, found = connection.makefile("rb"), b""
    assert file.read(10) == b"zINSTREAM\0"
    while length := struct.unpack(">I", file.read(4))[0]:
        found += file.read(length)
    return found


@pytest.fixture
def fake() -> Iterator[Callable[..., Fake]]:
    made: list[Fake] = []

    def make(*args, **options) -> Fake:  # type: ignore[no-untyped-def]
        made.append(Fake(*args, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def mail(raw: bytes) -> Incoming:
    return Incoming(Door.MX, Peer("127.0.0.1"), FakeClock().now(), letter=read_letter(raw))


@pytest.mark.parametrize(
    ("answer", "virus"), [(b"stream: OK\0", ""), (b"stream: Eicar-Test FOUND\0", "Eicar-Test"), (b"stream: OK", "")]
)
def test_a_verdict(fake: Callable[..., Fake], answer: bytes, virus: str) -> None:
    peer = fake(answer)
    assert Clamd(peer.where).scan(b"x" * 200_000) == Scanned(virus) and peer.streams == [b"x" * 200_000]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0",
        b"INSTREAM size limit exceeded. ERROR\0",
        b"stream: \0",
        b"OK\0",
        b"stream: OK FOUND OK\0",
        b"\xff" * 10_000,
        b"stream: OK\r\nstream: Eicar FOUND\0",
    ],
)
def test_anything_else_is_no_verdict(fake: Callable[..., Fake], answer: bytes) -> None:
    with pytest.raises(ScannerDown):
        Clamd(fake(answer).where).scan(b"x")


def test_silence_ends(fake: Callable[..., Fake]) -> None:
    with pytest.raises(ScannerDown):
        Clamd(fake(None).where, scan_s=0.05).scan(b"x")


@pytest.mark.parametrize("where", ["/nowhere/clamd.sock", "127.0.0.1:1"])
def test_nobody_there(where: str) -> None:
    with pytest.raises(ScannerDown):
        Clamd(where).scan(b"x")
    assert not Clamd(where).ping()


def test_it_hangs_up_in_the_middle(fake: Callable[..., Fake]) -> None:
    with pytest.raises(ScannerDown):
        Clamd(fake(b"", early=True).where).scan(b"x" * 50_000_000)


def _pong(server: socket.socket) -> None:
    """One client is heard before it is answered: who hangs up on its question breaks its pipe."""
    client, _ = server.accept()
    with client:
        assert client.recv(64) == b"zPING\0"
        client.sendall(b"PONG\0")


def test_a_socket_path(tmp_path: Path) -> None:
    path = tmp_path / "clamd.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        answering = threading.Thread(target=_pong, args=(server,))
        answering.start()
        assert Clamd(str(path)).ping()
        answering.join()


def test_the_scanner_sees_what_base64_hides(fake: Callable[..., Fake]) -> None:
    peer = fake(b"stream: OK\0")
    assert NoVirus(Clamd(peer.where)).check(mail(FILE)) is None
    assert peer.streams == [FILE, b"%PDF-1.7"]


def test_a_find_is_refused_for_good(fake: Callable[..., Fake]) -> None:
    refusal = NoVirus(Clamd(fake(b"stream: Eicar FOUND\0").where)).check(mail(PLAIN))
    assert refusal and refusal.reply == "550 5.7.1 the message contains a virus"


@pytest.mark.parametrize(
    ("policy", "raw", "code"),
    [
        (WhenDown.REFUSE_ATTACHMENTS, PLAIN, None),
        (WhenDown.REFUSE_ATTACHMENTS, SIGNED, None),
        (WhenDown.REFUSE_ATTACHMENTS, FILE, "451 4.7.1"),
        (WhenDown.REFUSE_ALL, PLAIN, "451 4.7.1"),
        (WhenDown.ACCEPT_ALL, FILE, None),
    ],
)
def test_while_it_is_down(policy: WhenDown, raw: bytes, code: str | None) -> None:
    refusal = NoVirus(Clamd("127.0.0.1:1"), policy).check(mail(raw))
    assert (refusal.reply[:9] if refusal else None) == code


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_whatever_comes_has_an_answer(raw: bytes) -> None:
    assert isinstance(has_attachment(read_letter(raw)), bool)
