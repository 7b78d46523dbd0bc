"""A real Postfix is the other operator: mail arrives byte for byte, OpenSSL accepts it, refusals come back signed."""

import json
import subprocess
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from core.db import Db
from crypto.authority import Authority
from directory.trusted import load_trusted
from ops.demo.cast import NEIGHBOUR
from ops.demo.papers import Papers
from tests.support.flow import Flow
from tests.support.pli_server import PliServer
from tests.support.postfix_peer import PostfixPeer
from tests.support.process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.root]

PEER, DEAD = "clinique.voisine.mssante.test", "muette.voisine.mssante.test"


@pytest.fixture(scope="module")
def pair(copy: Callable[[str], Path], folder: Path) -> Iterator[tuple[Flow, PostfixPeer]]:
    folder.chmod(0o755)  # Postfix drops its rights
    home = copy("pli")
    authority = Authority.load(home / "tls" / "ca.pem", home / "tls" / "ca.key")
    ca = folder / "ca.pem"
    ca.write_bytes(authority.certificate_pem)
    (folder / "postfix").mkdir(mode=0o755)
    with PostfixPeer(folder / "postfix", authority, ca, PEER) as peer:
        listed = peer.identity.certificate.subject.rfc4514_string()
        neighbour = Papers(home).of("neighbour").certificate.subject.rfc4514_string()
        db = Db.open(f"sqlite:///{home / 'pli.db'}")
        db.run(load_trusted, [(PEER, listed), (DEAD, listed), (NEIGHBOUR, neighbour)])
        db.close()
        (home / "pli.toml").write_text(
            f'[relay.routes]\n"{PEER}" = "localhost:{peer.smtp}"\n"{DEAD}" = "localhost:1"\n'
        )
        with PliServer(home) as server:
            flow = Flow(server)
            yield flow, peer
        flow.assert_clean(f"box0@{PEER}", f"nobody@{PEER}")


def openssl_accepts(mail: bytes, ca: Path, folder: Path) -> bool:
    (folder / "mail.eml").write_bytes(mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    command = ["openssl", "cms", "-verify", "-x509_strict", "-purpose", "smimesign", "-in", folder / "mail.eml"]
    command += ["-CAfile", ca, "-out", "/dev/null"]
    return subprocess.run(list(map(str, command)), capture_output=True, check=False).returncode == 0


def test_a_signed_mail_reaches_postfix_untouched(pair: tuple[Flow, PostfixPeer], folder: Path) -> None:
    flow, peer = pair
    doctor = flow.physician
    letter = flow.write(doctor, f"box0@{PEER}", "Courrier signé")
    assert flow.submit(doctor, letter.raw, f"box0@{PEER}").code == 250
    (got,) = peer.wait_mails(1)
    assert got.endswith(letter.raw.replace(b"\r\n", b"\n")) and openssl_accepts(got, folder / "ca.pem", folder)
    received = got.split(b"\n\n")[0].decode()
    assert "TLSv1.3" in received and "verified OK" in received  # Postfix saw our client certificate


def test_a_refused_recipient_comes_back_in_a_signed_report(pair: tuple[Flow, PostfixPeer], folder: Path) -> None:
    flow, _peer = pair
    doctor = flow.physician
    letter = flow.write(doctor, f"nobody@{PEER}", "Vers personne")
    assert flow.submit(doctor, letter.raw, f"nobody@{PEER}").code == 250
    raw, flags = flow.until(lambda: flow.look(doctor, subject="distribu"), "the report")
    bounce = message_from_bytes(raw, policy=policy.default)
    assert "$SignaturePass" in flags and openssl_accepts(raw, folder / "ca.pem", folder)
    assert bounce.get_content_type() == "multipart/signed" and bounce["Subject"] == "Message non distribué"
    fields = next(part for part in bounce.walk() if part.get_content_type() == "message/delivery-status")
    assert fields.get_payload()[1]["Status"] == "5.1.1"


def test_what_waits_is_listed_held_tried_and_dropped(pair: tuple[Flow, PostfixPeer]) -> None:
    flow, _peer = pair
    doctor = flow.physician
    letter = flow.write(doctor, f"box0@{DEAD}", "Vers une machine muette")
    assert flow.submit(doctor, letter.raw, f"box0@{DEAD}").code == 250

    def queue() -> list[dict]:
        return json.loads(flow.server.cli("queue", "list", "--json"))

    wait_until(lambda: any(row["attempts"] for row in queue()), seconds=30, what="the first attempt")
    (row,) = queue()
    assert (row["to"], row["state"], row["recipients"]) == (DEAD, "waiting", 1)
    assert row["reason"] == "no server of the domain answers"
    shown = json.loads(flow.server.cli("queue", "show", row["id"], "--json"))
    assert shown["to_each"][0]["recipient"] == f"…@{DEAD}" and "box0" not in flow.server.log
    assert json.loads(flow.server.cli("queue", "hold", row["id"], "--json")) == {"state": "held", "count": 1}
    assert queue()[0]["state"] == "held" and queue()[0]["next"] is None
    flow.server.cli("queue", "retry", row["id"])
    wait_until(lambda: queue()[0]["attempts"] == 2, seconds=30, what="the second attempt")
    wait_until(lambda: queue()[0]["state"] == "waiting", seconds=30, what="its result")
    flow.server.cli("queue", "drop", row["id"])
    assert queue() == []
    with pytest.raises(OSError, match="nothing in the queue"):
        flow.server.cli("queue", "drop", row["id"])
    raw, _flags = flow.until(lambda: _naming(flow.look(doctor, subject="distribu"), DEAD), "the report")
    assert b"5.3.0" in raw


def _naming(found: tuple[bytes, str] | None, domain: str) -> tuple[bytes, str] | None:
    return found if found and domain.encode() in found[0] else None
