"""Encrypted mail, whole: openssl opens it and finds a signature; we open what openssl closed; forgers are found out."""

import subprocess

import pytest

from crypto.enveloped import CannotOpen
from crypto.secret_mail import encrypt_message, hide, is_encrypted, open_message
from crypto.verdict import Reason, Signature
from tests.support.pki import HEADERS, OTHER, PART, SIGNER, openssl_accepts, person, reason_of, signed, verdict_of

TO = person(OTHER)
MAIL = encrypt_message(HEADERS, PART, person(), [TO.certificate])


def opened_by_openssl(tmp_path, raw, who):
    certificate, key = who.save(tmp_path, "who")
    (tmp_path / "in").write_bytes(raw)
    command = ["openssl", "cms", "-decrypt", "-in", tmp_path / "in", "-recip", certificate, "-inkey", key]
    done = subprocess.run([*map(str, command)], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openssl_opens_it_and_finds_the_signature(tmp_path):
    inside = opened_by_openssl(tmp_path, MAIL, TO)
    assert b"Bonjour" in inside and b"Subject: Essai" in inside
    assert openssl_accepts(HEADERS + inside, SIGNER)


def test_nothing_of_it_is_seen_on_the_way():
    assert b"Bonjour" not in MAIL and b"Essai" not in MAIL and b"Subject: [...]" in MAIL
    answer = verdict_of(MAIL)
    assert (answer.signature, answer.reason) == (Signature.NONE, Reason.ENCRYPTED)
    assert is_encrypted(MAIL) and not is_encrypted(signed()) and not is_encrypted(b"")


def test_the_recipient_reads_what_was_written_and_by_whom():
    opened = open_message(MAIL, TO)
    assert b"Subject: Essai\r\n" in opened.partition(b"\r\n\r\n")[0]
    assert b"Bonjour" in opened
    answer = verdict_of(opened)
    assert (answer.reason, answer.signer_email) == (Reason.OK, SIGNER)


def test_nobody_else_opens_it():
    with pytest.raises(CannotOpen):
        open_message(MAIL, person())


def test_somebody_who_forwards_it_as_their_own_is_found_out():
    thief = MAIL.replace(b"dr.aubin@cabinet.example", b"voleur@cabinet.example", 1)
    assert reason_of(open_message(thief, TO), envelope_sender="voleur@cabinet.example") is Reason.FROM_MISMATCH


def test_a_changed_message_is_not_opened():
    at = MAIL.rindex(b"\r\n", 0, -10) - 20
    changed = MAIL[:at] + (b"B" if MAIL[at : at + 1] != b"B" else b"C") + MAIL[at + 1 :]
    with pytest.raises(CannotOpen):
        open_message(changed, TO)


def test_openssl_s_encrypted_mail_is_opened(tmp_path):
    certificate, _ = TO.save(tmp_path, "to")
    (tmp_path / "in").write_bytes(signed())
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", tmp_path / "in", "-recip", certificate]
    done = subprocess.run([*map(str, command), "-keyopt", "ecdh_kdf_md:sha256"], capture_output=True, timeout=60)
    raw = HEADERS + done.stdout.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    raw = raw.replace(b"enveloped-data", b"authEnveloped-data") if b"authEnveloped" not in raw else raw
    assert b"Bonjour" in open_message(raw, TO)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        signed(),
        MAIL.replace(b"base64", b"8bit"),
        MAIL.replace(b"authEnveloped-data", b"enveloped-data"),
        MAIL[:-50],
        MAIL + b"*",
        MAIL.replace(b"Content-Type: ", b"Content-Type: text/plain\r\nContent-Type: ", 1),
    ],
)
def test_what_is_not_encrypted_mail_is_refused(raw):
    with pytest.raises(CannotOpen):
        open_message(raw, TO)


def test_hiding_keeps_what_relays_need():
    block = b"From: a@b.example\r\nSubject: une\r\n longue\r\nKeywords: sang\r\nX-MSS-MES: FIN\r\n"
    assert hide(block) == b"From: a@b.example\r\nSubject: [...]\r\nX-MSS-MES: FIN\r\n"
