"""Mailboxes for load tests, made while the server runs and while it does not."""

import imaplib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.flow import Flow
from tests.support.ledger import plain_message
from tests.support.pli_server import PliServer
from tests.support.smtp_client import SmtpClient

pytestmark = pytest.mark.slow

COUNT, PASSWORD = 200, "mot de passe 7"
LAST = f"box{COUNT - 1}@bench.example"


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_mail_reaches_the_last_of_many_boxes(running: bool, copy: Callable[[str], Path]) -> None:
    server = PliServer(copy(f"home-{running}"), ["--insecure-loopback"])
    if running:
        server.start()
    made = bulk(server)
    if not running:
        server.start()
    try:
        flow = Flow(server)
        assert '"created": 200' in made
        assert counts(flow)["physician"] == COUNT + 1
        raw = plain_message("<1@bench.example>", 1)
        with SmtpClient(server.smtp) as client:
            assert client.send(LAST, raw).code == 250
            assert client.send(f"box{COUNT}@bench.example", raw).code == 550
        assert list(server.imap(PASSWORD).messages(LAST)) == [raw]
        with pytest.raises(imaplib.IMAP4.error):
            server.imap("un autre").open(LAST)
    finally:
        server.stop()
    flow.assert_clean(LAST, "bench.example", PASSWORD)


def bulk(server: PliServer) -> str:
    address = "box{n}@bench.example"
    return server.cli("account", "bulk", "--count", str(COUNT), "--address", address, "--password", PASSWORD)


def counts(flow: Flow) -> dict[str, int]:
    return {row["role"]: row["accounts"] for row in flow.ask("account.list")}
