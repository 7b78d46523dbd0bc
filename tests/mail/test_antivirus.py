"""clamd's protocol by a peer that breaks it, and what is taken while it is down. The real clamd: test_clamd.py."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import FakeClock
from core.settings import Settings
from mail.antivirus import Clamd, Scanned, ScannerDown
from mail.incoming import Door, Incoming, Peer
from mail.letter import read_letter
from mail.stages.no_virus import NoVirus, WhenDown, has_attachment
from ops.antivirus_wiring import scanning

PLAIN = b"From: <a@b.example>\r\n\r\nbonjour\r\n"
FILE = (
    b'From: <a@b.example>\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\nbonjour\r\n--x\r\n'
    b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjc=\r\n--x--\r\n"
)
SIGNED = FILE.replace(b"application/pdf", b"application/pkcs7-signature\r\nContent-Disposition: attachment")


class Fake:
    """Answers each connection with `answer`, and keeps what it read; None: never answers."""

    def __init__(self, answer: bytes | None, *, early: bool = False, pause_s: float = 0) -> None:
        self.answer, self.early, self.pause_s, self.streams = answer, early, pause_s, []
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
                    self._say(connection, self.answer)

    def _say(self, connection: socket.socket, answer: bytes) -> None:
        """All at once, or octet by octet with a pause after each, as long as somebody listens."""
        step = 1 if self.pause_s else len(answer) or 1
        with suppress(OSError):
            for start in range(0, len(answer), step):
                connection.sendall(answer[start : start + step])
                self.over.wait(self.pause_s)

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
    ("answer", "virus"),
    [
        (b"stream: OK\0", ""),
        (b"stream: Eicar-Test FOUND\0", "Eicar-Test"),
        (b"stream: Rule: odd\x07 FOUND\0", "Rule: odd"),
        (b"stream: OK\r\nstream: Eicar FOUND\0", "OKstream: Eicar"),
        (b"stream: " + b"x" * 300 + b" FOUND\0", "x" * 200),
        (b"stream: OK", ""),
    ],
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
        b"stream:  FOUND\0",
        b"\xff" * 10_000,
    ],
)
def test_anything_else_is_no_verdict(fake: Callable[..., Fake], answer: bytes) -> None:
    with pytest.raises(ScannerDown):
        Clamd(fake(answer).where).scan(b"x")


def test_silence_ends_and_nobody_waits_for_it_again(fake: Callable[..., Fake]) -> None:
    peer = fake(None)
    clamd = Clamd(peer.where, scan_s=0.2, rest_s=1000)
    for cause in ("clamd is too slow", "clamd was too slow a moment ago"):
        with pytest.raises(ScannerDown) as down:
            clamd.scan(b"x")
        assert down.value.cause == cause
    assert peer.streams == [b"x"]


def test_after_its_rest_it_is_asked_again(fake: Callable[..., Fake]) -> None:
    peer = fake(None)
    clamd = Clamd(peer.where, scan_s=0.2, rest_s=0)
    with pytest.raises(ScannerDown):
        clamd.scan(b"x")
    peer.answer = b"stream: OK\0"
    peer.over.set()
    assert clamd.scan(b"x").clean and clamd.scan(b"x").clean


def test_an_answer_that_trickles_has_its_end(fake: Callable[..., Fake]) -> None:
    peer = fake(b"s" * 1000, pause_s=0.05)
    with pytest.raises(ScannerDown) as down:
        Clamd(peer.where, scan_s=0.5).scan(b"x")
    assert down.value.cause == "clamd is too slow"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"INSTREAM size limit exceeded. ERROR\0", "clamd takes less than we do: raise its StreamMaxLength"),
        (b"stream: OK\0", "clamd hung up"),
    ],
)
def test_it_answers_before_it_has_everything(fake: Callable[..., Fake], answer: bytes, cause: str) -> None:
    with pytest.raises(ScannerDown) as down:
        Clamd(fake(answer, early=True).where).scan(b"x" * 50_000_000)
    assert down.value.cause in (cause, "clamd: ConnectionResetError")  # its last words may be lost with the connection


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


@pytest.mark.parametrize(
    ("chosen", "plain", "file"),
    [
        ({}, None, "451 4.7.1"),
        ({"when_down": "refuse-all"}, "451 4.7.1", "451 4.7.1"),
        ({"when_down": "accept-all"}, None, None),
    ],
)
def test_what_is_taken_then_is_a_setting(chosen: dict[str, str], plain: str | None, file: str | None) -> None:
    (stage,) = scanning(Settings.model_validate({"antivirus": {"clamd": "127.0.0.1:1"} | chosen}))
    said = [stage.check(mail(raw)) for raw in (PLAIN, FILE)]
    assert [refusal.reply[:9] if refusal else None for refusal in said] == [plain, file]


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_whatever_comes_has_an_answer(raw: bytes) -> None:
    assert isinstance(has_attachment(read_letter(raw)), bool)
