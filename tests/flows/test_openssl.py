"""OpenSSL agrees: what a user fetches by IMAP is what was sent, and its signature holds or fails as we say."""

import hashlib
import subprocess
from datetime import date
from pathlib import Path

import pytest

from core.ids import token
from ops.demo.cast import NEIGHBOUR, PATIENTS
from ops.demo_files import PRESCRIBER, Prescriber, photo_pdf, prescription_pdf
from tests.support.flow import Flow, User, header
from tests.support.letters import PDF, Letter, altered

pytestmark = pytest.mark.slow


def openssl(flow: Flow, raw: bytes) -> tuple[bool, str]:
    """`openssl cms -verify` against the demo's authority: does it hold, and whose certificate is it?"""
    mail, signer = flow.home.parent / "mail.eml", flow.home.parent / "signer.pem"
    mail.write_bytes(raw)
    command = ["openssl", "cms", "-verify", "-x509_strict", "-purpose", "smimesign", "-in", mail, "-out", "/dev/null"]
    command += ["-CAfile", flow.home / "tls" / "ca.pem", "-signer", signer]
    done = subprocess.run(list(map(str, command)), capture_output=True, check=False)
    shown = subprocess.run(["openssl", "x509", "-noout", "-email", "-in", signer], capture_output=True, check=False)
    return done.returncode == 0, shown.stdout.decode().strip() if done.returncode == 0 else ""


def prescription(flow: Flow, rank: int) -> Letter:
    """The patient's letter to the pharmacy, with a prescription that nobody has sent before."""
    lines = (*PRESCRIBER.lines, f"Ordonnance n° {token(6)}")
    prescriber = Prescriber(PRESCRIBER.name, PRESCRIBER.specialty, PRESCRIBER.rpps, lines)
    pdf = prescription_pdf(PATIENTS[rank], date(2026, 5, 28), prescriber)
    files = [("ordonnance-inventée.pdf", PDF, pdf)]
    return flow.write(flow.patient(rank), flow.pharmacy["address"], "Mon ordonnance inventée", files=files)


@pytest.fixture(scope="module")
def received(flow: Flow) -> tuple[Letter, bytes]:
    """A prescription as it was sent, and as the pharmacy fetched it."""
    sent = prescription(flow, 0)
    assert flow.submit(flow.patient(0), sent.raw, flow.pharmacy["address"]).code == 250
    raw, flags = flow.fetch(flow.pharmacy, sent.message_id)
    assert "$SignaturePass" in flags
    return sent, raw


def test_the_octets_fetched_are_the_octets_sent(received: tuple[Letter, bytes]) -> None:
    sent, raw = received
    assert hashlib.sha256(raw).hexdigest() == sent.sha256


def test_openssl_accepts_the_message_of_the_patient(flow: Flow, received: tuple[Letter, bytes]) -> None:
    assert openssl(flow, received[1]) == (True, flow.patient(0)["address"])


def test_openssl_accepts_the_answer_of_the_pharmacy(flow: Flow, received: tuple[Letter, bytes]) -> None:
    sent, _ = received
    order, by = flow.next_order(), flow.pharmacy["login"]
    assert order["signature"]["verdict"] == "pass"
    assert len(order["lines"]) == 5
    flow.pli("order", "move", order["number"], "taken", "--by", by)
    flow.ask("order.confirm", number=order["number"], by=by)
    flow.ask("order.move", number=order["number"], to="preparing", by=by)
    flow.pli("order", "move", order["number"], "ready", "--by", by, "--note", "À retirer avant samedi")
    flow.said.append("À retirer avant samedi")
    raw, flags = flow.until(lambda: flow.look(flow.patient(0), subject=order["number"]), "the pharmacy's answer")
    assert openssl(flow, raw) == (True, flow.pharmacy["address"])
    assert "$SignaturePass" in flags
    assert header(raw, "In-Reply-To") == sent.message_id


def test_a_photo_goes_the_same_way(flow: Flow) -> None:
    files = [("IMG_inventée.pdf", PDF, photo_pdf())]
    sent = flow.write(flow.patient(0), flow.pharmacy["address"], "Photo inventée", files=files)
    assert flow.submit(flow.patient(0), sent.raw, flow.pharmacy["address"], port="submission").code == 250
    raw, _ = flow.fetch(flow.pharmacy, sent.message_id)
    assert hashlib.sha256(raw).hexdigest() == sent.sha256
    assert openssl(flow, raw) == (True, flow.patient(0)["address"])
    assert flow.next_order()["alerts"]  # the pharmacist is told to read the picture


def test_an_octet_changed_by_the_patients_own_relay(flow: Flow) -> None:
    sent = prescription(flow, 1)
    assert flow.submit(flow.patient(1), altered(sent.raw), flow.pharmacy["address"]).code == 250
    shown_as_failed(flow, sent.message_id, altered(sent.raw))


def test_an_octet_changed_by_another_operator(flow: Flow) -> None:
    author, to = neighbour(flow), flow.patient(2)["address"]
    pdf = prescription_pdf(PATIENTS[2], date(2026, 5, 27))
    sent = flow.write(author, to, "Compte rendu inventé", files=[("cr-inventé.pdf", PDF, pdf)])
    raw = altered(sent.raw)
    assert flow.relay(author["address"], raw, to, flow.info["neighbour"]).code == 250
    fetched, flags = flow.fetch(flow.patient(2), sent.message_id)
    assert (fetched, openssl(flow, fetched)[0]) == (raw, False)
    assert "$SignatureFail" in flags
    flow.wait_work_done()
    assert flow.ask("record.list", by=flow.patient(2)["login"]) == []
    assert ("to_reconcile",) in flow.rows("SELECT state FROM documents")


def shown_as_failed(flow: Flow, message_id: str, raw: bytes) -> None:
    """The pharmacist sees it in the mail program and among what waits to be reconciled; nothing is trusted."""
    fetched, flags = flow.fetch(flow.pharmacy, message_id)
    assert (fetched, openssl(flow, fetched)[0]) == (raw, False)
    assert "$SignatureFail" in flags
    assert "$SignaturePass" not in flags
    flow.wait_work_done()
    waiting = flow.pli("record", "list", "--by", flow.pharmacy["login"], "--json")
    assert [(row["state"], row["reason"]) for row in waiting] == [("to_reconcile", "signature")]
    assert flow.ask("order.list", by=flow.patient(1)["login"]) == []
    assert flow.ask("record.list", by=flow.patient(1)["login"]) == []


def neighbour(flow: Flow) -> User:
    keys = Path(flow.info["neighbour"]["certificate"]).parent
    signer = {"certificate": str(keys / "neighbour-signer.pem"), "key": str(keys / "neighbour-signer.key")}
    return {"address": f"laboratoire@{NEIGHBOUR}", "name": "Laboratoire inventé", **signer}


def test_the_log_names_nobody(flow: Flow) -> None:
    flow.assert_clean("Laboratoire inventé", "ordonnance-inventée", "cr-inventé")
