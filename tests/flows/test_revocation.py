"""A list is published: within a minute whoever stands on it is out of every door, new, resumed or open."""

import imaplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crypto.authority import Authority
from crypto.identity import Identity
from tests.support.flow import Flow, User
from tests.support.pli_server import PliServer
from tests.support.publisher import Publisher
from tests.support.smtp_client import SmtpClient, SmtpTarget

pytestmark = pytest.mark.slow

ROBOT = "automate@demo.mssante.test"
PROMISED_S = 60
GOOD, BAD = "$SignaturePass", "$SignatureFail"
PAUSE_S = 0.5  # between two looks


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with Publisher() as made:
        yield made


@pytest.fixture(scope="module")
def flow(copy: Callable[[str], Path], publisher: Publisher) -> Iterator[Flow]:
    """A server as it is set by default, but for the place where its authority's list is published."""
    home = copy("home")
    publisher.body = (home / "tls" / "crl.pem").read_bytes()
    with PliServer(home, env={"PLI_TLS__CRL_SOURCES": f'["{publisher.url}"]'}) as server:
        flow = Flow(server)
        yield flow
    flow.assert_clean(ROBOT)


@pytest.fixture(scope="module")
def authority(flow: Flow) -> Authority:
    return Authority.load(flow.home / "tls" / "ca.pem", flow.home / "tls" / "ca.key")


@pytest.fixture(scope="module")
def robot(flow: Flow, authority: Authority) -> User:
    """A program that logs in by its certificate."""
    issued = authority.issue_client("Automate inventé", now=datetime.now(UTC), emails=[ROBOT])
    certificate, key = map(str, issued.save(flow.home / "keys", "robot"))
    flow.pli("account", "add", ROBOT, "--role", "software", "--kind", "APP", "--certificate", certificate)
    return {"address": ROBOT, "certificate": certificate, "key": key}


def test_a_published_list_counts_everywhere(
    flow: Flow, publisher: Publisher, authority: Authority, robot: User
) -> None:
    neighbour, door = flow.info["neighbour"], Door(flow, robot)
    imap, people = door.imap(), flow.imap(flow.patient())
    with door.submission() as submission, door.mx(neighbour) as mx:
        session = imap.sock.session  # of a connection that stays open: it can be resumed
        assert door.enters()
        assert not door.enters(session) and door.was_resumed  # nobody would look at the certificate again
        assert GOOD in flags(flow, "Avant")
        for papers in (robot, neighbour, flow.physician):
            authority.revoke(Identity.load(papers["certificate"], papers["key"]).certificate, now=datetime.now(UTC))
        publisher.body = authority.crl(now=datetime.now(UTC))
        assert farewell(imap.sock).startswith(b"* BYE")
        assert [farewell(each.socket)[:4] for each in (submission, mx)] == [b"421 ", b"421 "]
    flow.until(lambda: slowly(not door.enters()), "a new connection refused", seconds=PROMISED_S)
    assert not door.enters(session)
    with pytest.raises(OSError):
        door.mx(neighbour).command(b"NOOP")
    flow.until(lambda: slowly(BAD in flags(flow, "Après")), "another verdict", seconds=PROMISED_S)
    assert people.noop()[0] == "OK"


class Door:
    """Comes by a program's certificate, over TLS 1.2: the one that has sessions to resume."""

    def __init__(self, flow: Flow, papers: User) -> None:
        self.flow, self.context = flow, flow.context(papers)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.was_resumed: bool | None = False

    def imap(self) -> imaplib.IMAP4_SSL:
        made = imaplib.IMAP4_SSL("localhost", self.flow.server.port("imaps"), ssl_context=self.context)
        assert made.authenticate("EXTERNAL", lambda _: b"")[0] == "OK"
        assert made.select("INBOX")[0] == "OK"
        return made

    def submission(self) -> SmtpClient:
        port = self.flow.server.port("submissions")
        client = SmtpClient(SmtpTarget(port, "127.0.0.1", ROBOT, "implicit", self.context))
        assert client.command(b"AUTH EXTERNAL =")[0] == 235
        return client

    def mx(self, papers: User) -> SmtpClient:
        sender, context = f"laboratoire@{papers['domain']}", self.flow.context(papers)
        return SmtpClient(SmtpTarget(self.flow.server.port("mx"), "127.0.0.1", sender, "starttls", context))

    def enters(self, session: ssl.SSLSession | None = None) -> bool:
        """Whether a new connection, or one that resumes a session, is taken for the program."""
        try:
            plain = socket.create_connection(("127.0.0.1", self.flow.server.port("imaps")), timeout=PROMISED_S)
            with plain, self.context.wrap_socket(plain, server_hostname="localhost", session=session) as secured:
                lines = secured.makefile("rb")
                lines.readline()
                secured.sendall(b"a AUTHENTICATE EXTERNAL =\r\n")
                self.was_resumed = secured.session_reused
                return lines.readline().startswith(b"a OK")
        except OSError:
            return False


def farewell(connection: socket.socket) -> bytes:
    """What the server says before it hangs up."""
    connection.settimeout(PROMISED_S)
    said = connection.recv(4096)
    while more := connection.recv(4096):
        said += more
    return said


def flags(flow: Flow, subject: str) -> str:
    """Of a message that the physician signs and sends now, in the inbox of whom it is for."""
    patient = flow.patient(2)
    made = flow.write(flow.physician, patient["address"], subject)
    assert flow.submit(flow.physician, made.raw, patient["address"]).code == 250
    return flow.fetch(patient, made.message_id)[1]


def slowly(found: bool) -> bool:
    """So that asking leaves the server time to do something else."""
    time.sleep(0 if found else PAUSE_S)
    return found
