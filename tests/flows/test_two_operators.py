"""Two operators, each with a home and a `pli serve` of its own: mutual TLS, one signed list of domains between them."""

import json
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crypto.authority import Authority
from tests.support.logscan import assert_clean
from tests.support.operator_house import OperatorHouse, SignedList
from tests.support.pli_server import MX
from tests.support.process import wait_until

pytestmark = pytest.mark.slow


@dataclass
class Pair:
    """`north` and `south`, both running before each test, and the list that they read."""

    north: OperatorHouse
    south: OperatorHouse
    listed: SignedList

    def publish(self, *houses: OperatorHouse) -> None:
        """A list with these, read by both at once."""
        self.listed.publish([line for house in houses for line in house.listed])
        for house in (self.north, self.south):
            house.server.cli("trust", "refresh")


@pytest.fixture(scope="module")
def made() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="two-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder, authority = Path(name), Authority.create("Autorité commune", now=datetime.now(UTC))
        north, south = (OperatorHouse(folder, f"{each}.mssante.test", authority) for each in ("nord", "sud"))
        pair = Pair(north, south, SignedList(folder))
        pair.listed.publish([*north.listed, *south.listed])
        north.make(south, pair.listed)
        south.make(north, pair.listed)
        with north, south:
            yield pair
        for house in (north, south):
            assert_clean(house.server.log, [house.doctor, house.desk, north.doctor, south.doctor, "dr.essai"])


@pytest.fixture
def pair(made: Pair) -> Iterator[Pair]:
    yield made
    assert made.north.queue() == made.south.queue() == []


def openssl_accepts(raw: bytes, house: OperatorHouse) -> bool:
    place = house.home / "report.eml"
    place.write_bytes(raw)
    command = ["openssl", "cms", "-verify", "-purpose", "smimesign", "-in", place, "-out", "/dev/null"]
    command += ["-CAfile", house.tls / "ca.pem"]
    return subprocess.run(list(map(str, command)), capture_output=True, check=False).returncode == 0


def test_mail_goes_both_ways(pair: Pair) -> None:
    for here, there in ((pair.north, pair.south), (pair.south, pair.north)):
        message_id = here.send(there.doctor, text=f"de {here.domain}")
        got = there.waits_for(there.doctor, message_id)
        assert got.raw.endswith(f"\r\n\r\nde {here.domain}\r\n".encode())
        wait_until(lambda: ("relayed", there.doctor) in here.told(message_id), what="the timeline")  # noqa: B023
        assert here.told(message_id) == {("accepted", ""), ("relayed", there.doctor)}


def test_one_recipient_of_two_is_unknown_there(pair: Pair) -> None:
    north, nobody = pair.north, f"personne@{pair.south.domain}"
    message_id = north.send(pair.south.desk, nobody, text="un bon et un mauvais")
    pair.south.waits_for(pair.south.desk, message_id)
    report = north.waits_for(north.doctor, nobody)
    assert "$SignaturePass" in report.flags and openssl_accepts(report.raw, north)
    fields = next(part for part in report.parsed.walk() if part.get_content_type() == "message/delivery-status")
    (_of_message, of_recipient) = fields.get_payload()
    assert of_recipient["Final-Recipient"] == f"rfc822; {nobody}" and of_recipient["Status"] == "5.1.1"
    assert of_recipient["Action"] == "failed" and report.parsed["Return-Path"] is None
    assert {("relayed", pair.south.desk), ("failed", nobody)} < north.told(message_id)


def test_who_asks_is_told_across_the_relay(pair: Pair) -> None:
    """RFC 3461: the other operator reports the delivery itself, with what the sender named it by."""
    north, south = pair.north, pair.south
    asked = ("NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;bureau+2Bun@{south.domain}")
    message_id = north.send(south.doctor, text="avec preuve", mail=("RET=HDRS", "ENVID=QQ314"), extra=asked)
    report = north.waits_for(north.doctor, "QQ314")
    fields = next(part for part in report.parsed.walk() if part.get_content_type() == "message/delivery-status")
    of_message, of_recipient = fields.get_payload()
    assert of_message["Original-Envelope-Id"] == "QQ314" and of_message["Reporting-MTA"] == f"dns; mss.{south.domain}"
    assert of_recipient["Original-Recipient"] == f"rfc822;bureau+un@{south.domain}"
    assert (of_recipient["Action"], of_recipient["Status"][0]) == ("delivered", "2")
    assert "$SignaturePass" in report.flags and openssl_accepts(report.raw, north)
    returned = next(part for part in report.parsed.walk() if part.get_content_type() == "text/rfc822-headers")
    assert message_id in returned.get_content() and "avec preuve" in returned.get_content()
    wait_until(lambda: ("delivered", south.doctor) in north.told(message_id), what="the timeline")


def test_who_wants_to_hear_nothing_hears_nothing(pair: Pair) -> None:
    north, nobody = pair.north, f"absent@{pair.south.domain}"
    message_id = north.send(nobody, text="sans retour", extra=("NOTIFY=NEVER",))
    wait_until(lambda: ("failed", nobody) in north.told(message_id), what="the timeline")
    assert not any(nobody.encode() in each.raw for each in north.inbox(north.doctor))


def test_a_receipt_comes_when_its_reader_agrees(pair: Pair) -> None:
    """RFC 8098, and the application error of the integration guide, each across the relay and into the timeline."""
    north, south = pair.north, pair.south
    for text, more, event in (("lu", (), "read"), ("non integre", ("--error", "902"), "failed")):
        message_id = north.send(south.desk, text=text, asks=True)
        got = south.waits_for(south.desk, message_id)
        assert north.told(message_id) <= {("accepted", ""), ("relayed", south.desk)}  # nothing goes by itself
        south.server.cli("message", "receipt", got.number, "--by", south.desk, *more)
        receipt = north.waits_for(north.doctor, f"Original-Message-ID: {message_id}")
        assert receipt.parsed.get_content_type() == "multipart/report"
        wait_until(lambda: (event, south.desk) in north.told(message_id), what="the timeline")  # noqa: B023
        with pytest.raises(OSError, match="déjà parti"):
            south.server.cli("message", "receipt", got.number, "--by", south.desk, *more)


def test_a_receipt_that_is_declined_never_comes(pair: Pair) -> None:
    north, south = pair.north, pair.south
    message_id = north.send(south.desk, text="sans suite", asks=True)
    got = south.waits_for(south.desk, message_id)
    assert json.loads(south.server.cli("message", "receipt", got.number, "--by", south.desk, "--decline"))["declined"]
    for more in ((), ("--decline",)):
        with pytest.raises(OSError, match="a été refusé"):
            south.server.cli("message", "receipt", got.number, "--by", south.desk, *more)
    after = north.send(south.desk, text="ensuite", asks=True)
    south.server.cli("message", "receipt", south.waits_for(south.desk, after).number, "--by", south.desk)
    north.waits_for(north.doctor, f"Original-Message-ID: {after}")
    assert not any(f"Original-Message-ID: {message_id}".encode() in each.raw for each in north.inbox(north.doctor))


def test_the_other_operator_was_down(pair: Pair) -> None:
    pair.south.stop()
    message_id = pair.north.send(pair.south.doctor, text="pendant la panne")
    pair.north.waits_because("no server of the domain answers")
    pair.south.start()
    pair.south.waits_for(pair.south.doctor, message_id)


def test_a_domain_that_is_on_the_list_no_more(pair: Pair) -> None:
    """What waits stays here; what is new is not even taken; what it sends is refused."""
    north, south = pair.north, pair.south
    south.stop()
    waiting = north.send(south.doctor, text="avant le retrait")
    north.waits_because("no server of the domain answers")
    pair.publish(north)
    south.start()
    north.waits_because("the domain is not on the trusted list (any more)")
    with pytest.raises(Exception, match="550"):
        north.send(south.doctor, text="après le retrait")
    assert not any(waiting.encode() in each.raw for each in south.inbox(south.doctor))
    pair.publish(north, south)
    south.waits_for(south.doctor, waiting)


def test_a_certificate_under_a_name_that_is_not_listed(pair: Pair) -> None:
    """Of the same authority, for the same host: only the list knows better."""
    north, south = pair.north, pair.south
    south.stop()
    south.certified("mss.imposteur.test")
    south.start()
    message_id = north.send(south.doctor, text="sous un autre nom")
    north.waits_because("the server's certificate is not the one listed for the domain; nothing was sent")
    assert not any(message_id.encode() in each.raw for each in south.inbox(south.doctor))
    south.stop()
    south.listener = south.certified(f"mss.{south.domain}")
    south.start()
    south.waits_for(south.doctor, message_id)


def test_a_caller_under_a_name_that_is_not_listed(pair: Pair) -> None:
    north, south = pair.north, pair.south
    north.stop()  # no open connection from before
    north.authority.issue_client("passerelle.imposteur.test", now=datetime.now(UTC)).save(north.tls, "relay")
    north.start()
    message_id = north.send(south.doctor, text="passerelle inconnue")
    wait_until(lambda: ("failed", south.doctor) in north.told(message_id), what="the timeline")
    assert not any(message_id.encode() in each.raw for each in south.inbox(south.doctor))
    north.gateway.save(north.tls, "relay")
    north.stop()
    north.start()


class _InClear(socketserver.StreamRequestHandler):
    """A server without STARTTLS that writes down what it hears."""

    def handle(self) -> None:
        self.wfile.write(b"220 sud ESMTP\r\n")
        for line in self.rfile:
            self.server.heard.append(line)  # type: ignore[attr-defined]
            self.wfile.write(b"250 sud\r\n")


def test_nothing_is_ever_said_in_clear(pair: Pair) -> None:
    north, south = pair.north, pair.south
    south.stop()
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", MX + south.server.offset), _InClear) as clear:
        clear.daemon_threads, clear.heard = True, []  # type: ignore[attr-defined]
        serving = threading.Thread(target=clear.serve_forever, daemon=True)
        serving.start()
        message_id = north.send(south.doctor, text="jamais en clair")
        north.waits_because("the server offers no encryption; nothing was sent")
        clear.shutdown()
        assert {line.split()[0].upper() for line in clear.heard} <= {b"EHLO", b"QUIT"}  # type: ignore[attr-defined]
    south.start()
    south.waits_for(south.doctor, message_id)
