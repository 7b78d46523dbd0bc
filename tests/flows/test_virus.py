"""EICAR's test file by SMTP, through a whole server with Debian's clamd: refused at the end of DATA, kept nowhere."""

import imaplib
import smtplib
from collections.abc import Iterator

import pytest

from tests.support.clamav import EICAR, ClamAv
from tests.support.logscan import assert_clean
from tests.support.mime_makers import with_file
from tests.support.pli_server import PliServer
from tests.support.xdm_files import xdm, zipped

pytestmark = pytest.mark.slow

BOX, SENDER, PASSWORD = "box0@bench.example", "a@b.example", "correct horse 7"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PliServer]:
    home = tmp_path_factory.mktemp("virus") / "pli"
    with ClamAv() as clamav:
        made = PliServer(home, ["--insecure-loopback"], {"PLI_ANTIVIRUS__CLAMD": str(clamav.socket)})
        with made:
            made.cli("account", "bulk", "--count", "1", "--address", "box{n}@bench.example", "--password", PASSWORD)
            yield made
    assert_clean(made.log, [BOX, SENDER, PASSWORD, EICAR.decode()])


def send(server: PliServer, raw: bytes) -> tuple[int, bytes]:
    with smtplib.SMTP("127.0.0.1", server.port("mx"), "client.example", timeout=30) as client:
        client.ehlo()
        assert client.mail(SENDER)[0] == 250 and client.rcpt(BOX)[0] == 250
        return client.data(raw)


def held(server: PliServer) -> int:
    with imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=30) as client:
        client.login(BOX, PASSWORD)
        return int((client.select("INBOX", readonly=True)[1][0] or b"0").decode())


@pytest.mark.parametrize(
    "raw",
    [
        b"From: <a@b.example>\r\n\r\n" + EICAR + b"\r\n",
        with_file("application/octet-stream", EICAR),
        with_file("application/zip", zipped({"lettre.txt": EICAR})),
        with_file("application/zip", zipped({"lettre.zip": zipped({"lettre.txt": EICAR})})),
        with_file("application/zip", xdm(EICAR)),
    ],
    ids=["text", "attachment", "zip", "zip in a zip", "XDM archive"],
)
def test_refused_and_kept_nowhere(server: PliServer, raw: bytes) -> None:
    before = held(server)
    code, text = send(server, raw)
    assert code == 550 and text.startswith(b"5.7.1 ")
    assert held(server) == before


def test_the_same_without_it_is_taken(server: PliServer) -> None:
    before = held(server)
    assert send(server, with_file("application/zip", xdm(b"<ClinicalDocument/>")))[0] == 250
    assert held(server) == before + 1
