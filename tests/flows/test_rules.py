"""Who may write to whom, and as whom, over real SMTP with TLS. DOMAIN: FAQ-MES, R2 2.2.8, trust circle of operators."""

import imaplib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crypto.authority import Authority
from ops.demo.cast import NEIGHBOUR
from tests.support.flow import Flow, User
from tests.support.smtp_client import SmtpClient, SmtpTarget

pytestmark = pytest.mark.slow

STRANGER = "pharmacie.2@demo.mssante.test"
ROBOT = "automate@labo.demo.mssante.test"
FOREIGN = f"laboratoire@{NEIGHBOUR}"


def sends(flow: Flow, user: User, to: str, subject: str = "Question inventée", **more) -> tuple[int, bool, str]:
    """Code of the answer, whether it came after the data, and the Message-ID."""
    made = flow.write(user, to, subject, **more)
    answer = flow.submit(user, made.raw, to)
    return answer.code, answer.after_data, made.message_id


def other_operator(flow: Flow) -> User:
    papers = flow.info["neighbour"]
    keys = Path(papers["certificate"]).parent
    signer = {"certificate": str(keys / "neighbour-signer.pem"), "key": str(keys / "neighbour-signer.key")}
    return {"address": FOREIGN, "name": "Laboratoire inventé", **signer}


def test_patients_do_not_write_to_each_other(flow: Flow) -> None:
    assert sends(flow, flow.patient(0), flow.patient(1)["address"])[:2] == (550, False)


def test_a_patient_does_not_write_first_to_a_professional(flow: Flow) -> None:
    assert sends(flow, flow.patient(0), flow.physician["address"])[:2] == (550, False)


def test_a_patient_writes_first_to_a_pharmacy_that_dispensed_only(flow: Flow) -> None:
    flow.pli("account", "add", STRANGER, "--role", "pharmacist", "--kind", "ORG", "--password", "demo-inventé")
    assert sends(flow, flow.patient(0), STRANGER)[:2] == (550, False)
    code, _, message_id = sends(flow, flow.patient(0), flow.pharmacy["address"])
    assert code == 250
    assert "$SignaturePass" in flow.fetch(flow.pharmacy, message_id)[1]


def test_who_was_written_to_may_answer_until_it_is_over(flow: Flow) -> None:
    patient, physician = flow.patient(1), flow.physician
    assert sends(flow, physician, patient["address"], "Vos résultats inventés")[0] == 250
    assert sends(flow, patient, physician["address"], "Re: Vos résultats inventés")[0] == 250
    assert sends(flow, physician, patient["address"], "[FIN]")[0] == 250
    assert sends(flow, patient, physician["address"], "Re: encore une chose")[:2] == (550, False)
    assert sends(flow, physician, patient["address"], "Je rouvre")[0] == 250
    assert sends(flow, patient, physician["address"], "Re: Je rouvre")[0] == 250


def test_one_message_may_forbid_answers_to_itself(flow: Flow) -> None:
    patient, physician = flow.patient(2), flow.physician
    final = sends(flow, physician, patient["address"], "Dernier mot", extra=(("X-MSS-MES", "FIN"),))[2]
    assert "X-MSS-MES: FIN" in flow.fetch(patient, final)[0].decode()
    assert sends(flow, patient, physician["address"], "Re: Dernier mot", answers=final)[:2] == (550, True)
    assert sends(flow, patient, physician["address"], "Autre chose")[0] == 250


def test_nobody_sends_as_somebody_else(flow: Flow) -> None:
    physician, pharmacy = flow.physician, flow.pharmacy["address"]
    raw = flow.write(physician, pharmacy, "Sous un autre nom").raw
    answer = flow.submit(physician, raw, pharmacy, sender="rene.autre@demo.mssante.test")
    assert (answer.code, answer.after_data) == (550, False)
    forged = flow.write(physician, pharmacy, "Sous un autre nom", sender="rene.autre@demo.mssante.test").raw
    answer = flow.submit(physician, forged, pharmacy)
    assert (answer.code, answer.after_data) == (550, True)


def test_nobody_submits_without_an_account(flow: Flow) -> None:
    target = SmtpTarget(flow.server.port("submissions"), tls="implicit", context=flow.context())
    raw = flow.write(flow.physician, flow.pharmacy["address"], "Sans compte").raw
    with SmtpClient(target) as client:
        assert client.send(flow.pharmacy["address"], raw).code == 530


def test_other_operators_show_a_certificate_of_their_own_domain(flow: Flow) -> None:
    to, author = flow.patient(0)["address"], other_operator(flow)
    raw = flow.write(author, to, "Compte rendu inventé").raw
    assert flow.relay(FOREIGN, raw, to, None).code == 550
    answer = flow.relay("laboratoire@ailleurs.mssante.test", raw, to, flow.info["neighbour"])
    assert (answer.code, answer.after_data) == (550, False)
    assert flow.relay(FOREIGN, raw, to, software(flow)).code == 550  # certified, but no operator
    with pytest.raises(OSError):
        flow.relay(FOREIGN, raw, to, flow.patient(0))  # certified for mail, not for connections
    assert flow.relay(FOREIGN, raw, to, flow.info["neighbour"]).code == 250


def test_other_operators_do_not_borrow_an_author(flow: Flow) -> None:
    to, author = flow.patient(0)["address"], other_operator(flow)
    raw = flow.write(author, to, "Compte rendu inventé", sender=flow.physician["address"]).raw
    answer = flow.relay(FOREIGN, raw, to, flow.info["neighbour"])
    assert (answer.code, answer.after_data) == (550, True)


def test_mail_from_outside_needs_tls(flow: Flow) -> None:
    with SmtpClient(SmtpTarget(flow.server.port("mx"), sender=FOREIGN)) as client:
        assert client.send(flow.patient(0)["address"], b"Subject: x\r\n\r\n\r\n").code == 530


def test_a_software_logs_in_by_its_certificate(flow: Flow) -> None:
    papers = software(flow)
    flow.pli("account", "add", ROBOT, "--role", "software", "--kind", "APP", "--certificate", papers["certificate"])
    patient = flow.patient(0)["address"]
    made = flow.write({**papers, "address": ROBOT}, patient, "Bilan inventé")
    context = flow.context(papers)
    with SmtpClient(SmtpTarget(flow.server.port("submissions"), "127.0.0.1", ROBOT, "implicit", context)) as client:
        assert client.command(b"AUTH EXTERNAL =")[0] == 235
        assert client.send(patient, made.raw).code == 250
    assert flow.fetch(flow.patient(0), made.message_id)
    with SmtpClient(SmtpTarget(flow.server.port("submissions"), tls="implicit", context=flow.context())) as client:
        assert client.command(b"AUTH EXTERNAL =")[0] == 504
    imap = imaplib.IMAP4_SSL("localhost", flow.server.port("imaps"), ssl_context=context)
    assert imap.authenticate("EXTERNAL", lambda _: b"")[0] == "OK"
    assert imap.select("INBOX")[0] == "OK"
    imap.logout()


def software(flow: Flow) -> User:
    """A certificate of the demo's authority for a program."""
    authority = Authority.load(flow.home / "tls" / "ca.pem", flow.home / "tls" / "ca.key")
    issued = authority.issue_client("Automate inventé", now=datetime.now(UTC), emails=[ROBOT])
    certificate, key = issued.save(flow.home / "keys", "robot")
    return {"certificate": str(certificate), "key": str(key)}


def test_the_log_names_nobody(flow: Flow) -> None:
    flow.assert_clean(STRANGER, ROBOT, FOREIGN, "demo-inventé", "Automate inventé", "rene.autre", "Laboratoire inventé")
