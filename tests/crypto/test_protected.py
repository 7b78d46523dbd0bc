"""Header protection: what is written holds here and at openssl; what is changed on the way is seen."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.protected import check_protected, is_protected, protect, protected_fields
from crypto.rawmime import read_header
from crypto.verdict import Refusal, Signature
from crypto.verify import Reason, signed_content
from tests.support.pki import HEADERS, PART, SIGNER, openssl_accepts, reason_of, signed, verdict_of

MAIL = signed(headers=HEADERS, part=protect(HEADERS, PART))


def test_protected_mail_passes_here_as_there():
    assert openssl_accepts(MAIL, SIGNER)
    assert reason_of(MAIL) is Reason.OK
    assert is_protected(signed_content(MAIL))


def test_any_mail_reader_still_sees_the_same_message():
    inner = next(email.message_from_bytes(MAIL, policy=email.policy.SMTP).iter_parts())
    assert inner.get_content_type() == "multipart/mixed"
    assert inner["content-type"].params["hp"] == "clear"
    assert inner["subject"] == "Essai"
    assert [part.get_content_type() for part in inner.iter_parts()] == ["text/plain", "application/octet-stream"]


def test_the_fields_inside_are_the_ones_outside():
    assert [name for name, _ in protected_fields(signed_content(MAIL))] == [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
    ]
    assert protected_fields(PART) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: Essai", b"Subject: Urgent"),
        (b"Subject: Essai", b"Subject: Essai\r\nSubject: Essai"),
        (b"Subject: Essai\r\n", b""),
        (b"To: m.leroux@pharmacie.example", b"To: voleur@ailleurs.example"),
        (b"To: m.leroux@pharmacie.example", b"To: m.leroux@pharmacie.example\r\nCc: voleur@ailleurs.example"),
        (b"To: m.leroux@pharmacie.example", b"To: m.leroux@pharmacie.example\r\nReply-To: voleur@ailleurs.example"),
        (b"Date: Mon, 2 Mar 2026", b"Date: Tue, 3 Mar 2026"),
        (b"Message-ID: <1@cabinet.example>", b"Message-ID: <2@cabinet.example>"),
        (b"=?utf-8?q?Dr_Aubin?=", b"=?utf-8?q?Pr_Aubin?="),
    ],
)
def test_what_was_changed_outside_is_seen(old, new):
    assert MAIL.count(old) == 2
    answer = verdict_of(MAIL.replace(old, new, 1))
    assert (answer.signature, answer.reason) == (Signature.FAIL, Reason.HEADER_CHANGED)
    assert openssl_accepts(MAIL.replace(old, new, 1), SIGNER)  # openssl does not look at it


def test_what_was_changed_inside_is_a_changed_content():
    head, _, rest = MAIL.partition(b"\r\n\r\n")
    assert reason_of(head + b"\r\n\r\n" + rest.replace(b"Subject: Essai", b"Subject: Urgent")) is Reason.CONTENT_CHANGED


def test_a_spoofed_sender_is_said_first():
    spoofed = MAIL.replace(b"<dr.aubin@cabinet.example>", b"<dr.autre@cabinet.example>", 1)
    assert reason_of(spoofed) is Reason.FROM_MISMATCH


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: Essai", b"Subject:\r\n Essai"),
        (b"Date: Mon, 2 Mar 2026", b"Date: Mon,\r\n\t2  Mar 2026"),
        (b"Subject: Essai", b"Received: from x by y; Mon, 2 Mar 2026 12:00:00 +0000\r\nSubject: Essai"),
        (b"Subject: Essai", b"X-Spam: no\r\nSubject: Essai"),
    ],
)
def test_what_relays_may_do_disturbs_nothing(old, new):
    assert reason_of(MAIL.replace(old, new, 1)) is Reason.OK


def test_mail_of_before_is_as_good_as_ever():
    assert reason_of(signed().replace(b"Subject: Essai", b"Subject: Autre", 1)) is Reason.OK


def test_without_binding_nothing_outside_counts():
    assert reason_of(MAIL.replace(b"Subject: Essai", b"Subject: Urgent", 1), binding=False) is Reason.OK


def test_a_part_without_type_gets_one():
    inner = protect(HEADERS, b"\r\nBonjour\r\n")
    assert inner.endswith(b'Content-Type: text/plain; charset=us-ascii;\r\n hp="clear"\r\n\r\nBonjour\r\n')
    assert reason_of(signed(part=inner)) is Reason.OK


def test_a_folded_type_keeps_its_parameters():
    inner = protect(HEADERS, b'Content-Type: text/plain;\r\n\tcharset="utf-8";\r\nX-A: b\r\n\r\nBonjour\r\n')
    kind = email.message_from_bytes(inner, policy=email.policy.SMTP)["content-type"]
    assert dict(kind.params) == {"charset": "utf-8", "hp": "clear"}


def test_encrypted_payloads_list_what_stood_outside():
    hidden = HEADERS.replace(b"Subject: Essai", b"Subject: [...]")
    inner = protect(HEADERS, PART, hidden=hidden)
    assert b"HP-Outer: Subject: [...]\r\n" in inner and b"Subject: Essai\r\n" in inner and b'hp="cipher"' in inner
    assert ("subject", b" Essai") in protected_fields(inner)
    check_protected(read_header(hidden), inner)  # hiding is what it is for


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_bytes_are_answered_or_refused(outer, inner):
    try:
        check_protected(read_header(outer), inner)
    except Refusal as refusal:
        assert refusal.reason in (Reason.HEADER_CHANGED, Reason.TOO_LARGE)


_FIELD = st.tuples(st.sampled_from(["Subject", "To", "X-MSS-MES", "Keywords"]), st.text("abc é", max_size=30))


@given(st.lists(_FIELD, max_size=6))
def test_what_is_protected_agrees_with_itself(fields):
    block = b"From: a@b.example\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in fields)
    check_protected(read_header(block.removesuffix(b"\r\n")), protect(block, PART))
