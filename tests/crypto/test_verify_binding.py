"""A valid signature under the wrong sender, and messages that two programs would cut or read differently."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crypto.mailbox import only_address, same_address
from crypto.verdict import Refusal
from crypto.verify import Reason, Signature
from tests.support.cms_maker import Recipe, mail, signed_data
from tests.support.pki import HEADERS, OTHER, PART, SIGNER, custom, key_of, openssl_accepts, person, signed
from tests.support.pki import reason_of as reason
from tests.support.pki import verdict_of as verdict

BOX = signed_data(Recipe())
FROM = b"From: dr.aubin@cabinet.example\r\n"


def under(headers: bytes, **changes) -> Reason:
    answer = verdict(mail(BOX, headers=headers), **changes)
    assert answer.signature is not Signature.PASS or answer.reason is Reason.OK
    return answer.reason


# --- who -------------------------------------------------------------------------------------------------------------


def test_another_persons_valid_signature_is_refused():
    raw = signed(person(OTHER))
    assert openssl_accepts(raw)  # the signature is good; it is just not the sender's
    assert reason(raw) is Reason.FROM_MISMATCH
    assert reason(raw, envelope_sender=OTHER) is Reason.FROM_MISMATCH


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b"To: a@b.example\r\n", Reason.FROM_COUNT),
        (FROM + FROM, Reason.FROM_COUNT),
        (FROM + b"From: victim@hopital.example\r\n", Reason.FROM_COUNT),
        (FROM + b"fRoM: victim@hopital.example\r\n", Reason.FROM_COUNT),
        (b"From: victim@hopital.example\r\n", Reason.FROM_MISMATCH),
        (b"From: DR.AUBIN@cabinet.example\r\n", Reason.FROM_MISMATCH),
        (b"From: dr.aubin@cabinet.example.evil.example\r\n", Reason.FROM_MISMATCH),
        (b"From: xdr.aubin@cabinet.example\r\n", Reason.FROM_MISMATCH),
        (b"From: dr.aubin@cabinet.exampl\r\n", Reason.FROM_MISMATCH),
        (b"From: dr.aubin@sub.cabinet.example\r\n", Reason.FROM_MISMATCH),
        (b"From: victim@hopital.example <dr.aubin@cabinet.example>\r\n", Reason.FROM_MISLEADING),
        (b'From: "victim@hopital.example" <dr.aubin@cabinet.example>\r\n', Reason.FROM_MISLEADING),
        (b"From: (victim@hopital.example) dr.aubin@cabinet.example\r\n", Reason.FROM_MISLEADING),
        (b"From: dr.aubin@cabinet.example (victim@hopital.example)\r\n", Reason.FROM_MISLEADING),
        (b"From: =?utf-8?q?victim=40hopital.example?= <dr.aubin@cabinet.example>\r\n", Reason.FROM_MISLEADING),
        (b"From: =?utf-8?b?dmljdGltQGhvcGl0YWwuZXhhbXBsZQ==?= <dr.aubin@cabinet.example>\r\n", Reason.FROM_MISLEADING),
        (b"From: =?utf-8?q?victim?= =?utf-8?q?=40hopital.ex?= <dr.aubin@cabinet.example>\r\n", Reason.FROM_MISLEADING),
        ("From: victim＠hopital.example <dr.aubin@cabinet.example>\r\n".encode(), Reason.FROM_MISLEADING),
        (b"From: dr.aubin@cabinet.example, victim@hopital.example\r\n", Reason.FROM_UNREADABLE),
        (b"From: victim@hopital.example, dr.aubin@cabinet.example\r\n", Reason.FROM_UNREADABLE),
        (b"From: <victim@hopital.example> <dr.aubin@cabinet.example>\r\n", Reason.FROM_UNREADABLE),
        (b"From: <dr.aubin@cabinet.example> victim@hopital.example\r\n", Reason.FROM_UNREADABLE),
        (b"From: <@relay.example:dr.aubin@cabinet.example>\r\n", Reason.FROM_UNREADABLE),
        (b"From: group: dr.aubin@cabinet.example;\r\n", Reason.FROM_UNREADABLE),
        (b'From: "dr.aubin"@cabinet.example\r\n', Reason.FROM_UNREADABLE),
        (b"From: dr.aubin@[192.0.2.1]\r\n", Reason.FROM_UNREADABLE),
        (b"From: dr.aubin @cabinet.example\r\n", Reason.FROM_UNREADABLE),
        (b"From: dr.aubin@cabinet.example\\\r\n", Reason.FROM_UNREADABLE),
        (b'From: "open <dr.aubin@cabinet.example>\r\n', Reason.FROM_UNREADABLE),
        (b"From: <dr.aubin@cabinet.example\r\n", Reason.FROM_UNREADABLE),
        (b"From: dr.aubin@cabinet.example>\r\n", Reason.FROM_UNREADABLE),
        (b"From: \r\n", Reason.FROM_UNREADABLE),
        (b"From: <>\r\n", Reason.FROM_UNREADABLE),
        ("From: dr.аubin@cabinet.example\r\n".encode(), Reason.FROM_UNREADABLE),
        (b"From: dr.aubin@cabinet.example\xff\r\n", Reason.FROM_UNREADABLE),
        (b"From: " + b"(" * 500 + b" dr.aubin@cabinet.example\r\n", Reason.FROM_UNREADABLE),
        (b"From: " + b"x " * 5000 + b"<dr.aubin@cabinet.example>\r\n", Reason.FROM_UNREADABLE),
        (FROM + b"Sender: victim@hopital.example\r\n", Reason.SENDER_MISMATCH),
        (FROM + b"Sender: dr.aubin@cabinet.example\r\nSender: dr.aubin@cabinet.example\r\n", Reason.SENDER_MISMATCH),
        (b"From: victim@hopital.example\r\nSender: dr.aubin@cabinet.example\r\n", Reason.FROM_MISMATCH),
        (b"From : victim@hopital.example\r\n" + FROM, Reason.BAD_HEADER),
        (b"From : dr.aubin@cabinet.example\r\n", Reason.BAD_HEADER),
        (b"\tFrom: victim@hopital.example\r\n" + FROM, Reason.BAD_HEADER),
        (FROM + b"no colon\r\n", Reason.BAD_HEADER),
        (b"From victim@hopital.example Mon Mar  2\r\n" + FROM, Reason.BAD_HEADER),
        (FROM + b"X: a\rFrom: victim@hopital.example\r\n", Reason.BAD_HEADER),
        (FROM + b"X: a\nFrom: victim@hopital.example\r\n", Reason.BAD_HEADER),
        (FROM + b"X: a\0\r\n", Reason.BAD_HEADER),
        (FROM + b"X: y\r\n" * 1001, Reason.BAD_HEADER),
        (FROM + b"X: " + b"y" * 110_000 + b"\r\n", Reason.TOO_LARGE),
    ],
)
def test_a_sender_who_is_not_the_signer_is_refused(headers, expected):
    assert under(headers) is expected


@pytest.mark.parametrize(
    "sender", [OTHER, "dr.aubin@cabinet.example.evil", "DR.aubin@cabinet.example", "<x>", "dr.aubin"]
)
def test_another_envelope_sender_is_refused(sender):
    assert reason(signed(), envelope_sender=sender) is Reason.ENVELOPE_MISMATCH


@pytest.mark.parametrize(
    "who",
    [
        custom(key_of("p256"), email=None),
        custom(key_of("p256"), email="dr.aubin@cabinet.example.evil.example"),
        custom(key_of("p256"), email="r.aubin@cabinet.example"),
        custom(key_of("p256"), email=OTHER, name=SIGNER),
    ],
)
def test_a_certificate_for_another_address_is_refused(who):
    assert reason(signed(who)) in (Reason.NO_EMAIL, Reason.FROM_MISMATCH)


@given(st.text(max_size=30), st.text(max_size=30))
@example("", "@")
@example("x", "x")
def test_addresses_are_the_same_only_when_they_are(one, other):
    assert not same_address(one, other) or one.lower() == other.lower()


@given(st.binary(max_size=300))
def test_any_bytes_give_one_address_or_a_refusal(value):
    try:
        address = only_address(value)
    except Refusal:
        return
    assert address.count("@") == 1
    assert address.isascii()
    assert not set(address) & set(' \t\r\n<>,;:"()[]\\')


# --- where the parts are cut -----------------------------------------------------------------------------------------

GENUINE = mail(BOX)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"--outer-0--\r\n", b"", Reason.BAD_MULTIPART),
        (b"--outer-0--\r\n", b"--outer-0\r\n\r\nthird\r\n--outer-0--\r\n", Reason.BAD_MULTIPART),
        (b"--outer-0--\r\n", b"--outer-0--\r\nText behind the signature\r\n", Reason.BAD_MULTIPART),
        (b"--outer-0--\r\n", b"--outer-0--\r\n--outer-0--\r\n", Reason.BAD_MULTIPART),
        (b"--outer-0--\r\n", b"--outer-0--x\r\n", Reason.BAD_MULTIPART),
        (
            b"\r\n--outer-0\r\nContent-Type: application",
            b"\r\n--outer-0--\r\nContent-Type: application",
            Reason.BAD_MULTIPART,
        ),
        (b"\r\n\r\n--outer-0\r\n", b"\r\n\r\n--outer-0x\r\n\r\nshown\r\n--outer-0\r\n", Reason.BAD_MULTIPART),
        (b"\r\n\r\n--outer-0\r\n", b"\r\n\r\n--outer-0\r\n\r\nshown\r\n--outer-0\r\n", Reason.BAD_MULTIPART),
        (b"\r\n\r\n--outer-0\r\n", b"\r\n\r\n--outer-0\x0b\r\n", Reason.BAD_MULTIPART),
        (b'boundary="outer-0"', b'boundary="outer-0"; boundary="other"', Reason.BAD_HEADER),
        (b'boundary="outer-0"', b"boundary*=us-ascii''outer-0", Reason.BAD_HEADER),
        (b'boundary="outer-0"', b'boundary*0="outer"; boundary*1="-0"', Reason.BAD_HEADER),
        (b'boundary="outer-0"', b'boundary=(comment)"outer-0"', Reason.BAD_HEADER),
        (b'boundary="outer-0"', b"boundary=outer-0 junk", Reason.BAD_HEADER),
        (b'boundary="outer-0"', b"boundary=", Reason.BAD_HEADER),
        (b'boundary="outer-0"', b'boundary=""', Reason.BAD_MULTIPART),
        (b'boundary="outer-0"', b'boundary="outer-0 "', Reason.BAD_MULTIPART),
        (b'boundary="outer-0"', b'boundary="' + b"o" * 71 + b'"', Reason.BAD_MULTIPART),
        (b'boundary="outer-0"', b'boundary="outer\\"-0"', Reason.BAD_MULTIPART),
        (b'; boundary="outer-0"', b"", Reason.BAD_MULTIPART),
        (b'protocol="application/pkcs7-signature";\r\n', b"\r\n", Reason.BAD_MULTIPART),
        (b"MIME-Version: 1.0\r\n", b"Content-Type: text/plain\r\n", Reason.BAD_HEADER),
        (b"MIME-Version: 1.0\r\n", b"Content-Transfer-Encoding: base64\r\n", Reason.BAD_MULTIPART),
        (b"MIME-Version: 1.0\r\n", b"Content-Transfer-Encoding: 7bit\r\n" * 2, Reason.BAD_HEADER),
        (b"application/pkcs7-signature; name", b"application/octet-stream; name", Reason.BAD_MULTIPART),
        (b"\r\nContent-Type: application/pkcs7-signature; name=smime.p7s", b"\r\nX: none", Reason.BAD_MULTIPART),
        (
            b"\r\nContent-Type: application/pkcs7-sig",
            b"\r\nContent-Type: text/plain\r\nContent-Type: application/pkcs7-sig",
            Reason.BAD_MULTIPART,
        ),
        (b"une ligne.\r\n", b"une ligne.\n", Reason.BAD_LINES),
        (b"une ligne.\r\n", b"une ligne.\r", Reason.BAD_LINES),
        (b"une ligne.", b"une\0ligne.", Reason.BAD_LINES),
        (b"Subject: Essai", b"Subject: Ess\xe9\r", Reason.BAD_HEADER),
    ],
)
def test_a_message_that_could_be_cut_in_two_ways_is_refused(old, new, expected):
    assert old in GENUINE
    assert reason(GENUINE.replace(old, new, 1)) is expected


def test_a_signed_message_wrapped_around_another_text_is_refused():
    """The genuine parts, with a foreign part put before them under the same boundary."""
    raw = GENUINE.replace(
        b"--outer-0\r\n", b"--outer-0\r\nContent-Type: text/plain\r\n\r\nPayez ici.\r\n--outer-0\r\n", 1
    )
    assert reason(raw) is Reason.BAD_MULTIPART


def test_an_inner_boundary_that_extends_the_outer_one_is_refused():
    part = PART.replace(b"inner", b"outer-0-inner")
    raw = mail(signed_data(Recipe(content=part)), part=part)
    assert reason(raw) is Reason.BAD_MULTIPART
    assert reason(mail(signed_data(Recipe(content=part)), part=part, boundary=b"other")) is Reason.OK


def test_headers_only_or_empty_messages_are_answered():
    assert reason(b"") is Reason.NOT_SIGNED
    assert reason(b"\r\n") is Reason.NOT_SIGNED
    assert reason(GENUINE.partition(b"\r\n\r\n")[0]) is Reason.BAD_MULTIPART
    assert reason(HEADERS) is Reason.NOT_SIGNED
