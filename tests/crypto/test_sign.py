"""Signing: openssl and our verifier accept; the bytes are the ones given; what would break on the way is refused."""

import email
import email.policy
import hashlib

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from crypto.rawmime import take_apart
from crypto.sign import BadKey, BadPart, assemble, sign_detached, sign_message
from crypto.verify import Reason, signed_content, verify_message
from tests.support.pki import HEADERS, NOW, PART, SIGNER, key_of, openssl_accepts, person, pki, signed

KINDS = ["p256", "p384", "rsa2048", "rsa3072"]


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_and_our_verifier_accept(kind):
    mail = signed(person(kind=kind))
    assert openssl_accepts(mail, SIGNER)
    assert verify_message(mail, trust=pki().trust, at=NOW).reason is Reason.OK


def test_the_signed_bytes_are_the_ones_given():
    assert signed_content(signed()) == PART
    assert b"\r\n\r\n" + b"--" in signed()
    assert PART in signed()


def test_the_shape_is_the_one_of_the_standard():
    mail = signed()
    assert mail.startswith(HEADERS)
    assert mail.count(b"\n") == mail.count(b"\r\n") == mail.count(b"\r")
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    parsed = email.message_from_bytes(mail, policy=email.policy.SMTP)
    assert parsed.get_content_type() == "multipart/signed"
    assert parsed["content-type"].params["protocol"] == "application/pkcs7-signature"
    assert parsed["content-type"].params["micalg"] == "sha-256"
    content, signature = parsed.iter_parts()
    assert content.get_content_type() == "multipart/mixed"
    assert signature.get_content_type() == "application/pkcs7-signature"
    assert signature.get_filename() == "smime.p7s"
    encoded = mail.rpartition(b"\r\n\r\n")[2].split(b"\r\n--")[0]
    assert {len(line) for line in encoded.split(b"\r\n")[:-1]} == {76}


def test_the_chain_goes_along_without_the_root():
    content = cms.ContentInfo.load(take_apart(signed()).cms)["content"]
    names = {certificate.chosen.subject.native["common_name"] for certificate in content["certificates"]}
    assert names == {"Aubin Camille", "Messagerie d'essai"}


def test_unix_line_ends_become_crlf_before_signing():
    mail = signed(part=PART.replace(b"\r\n", b"\n"))
    assert signed_content(mail) == PART
    assert openssl_accepts(mail, SIGNER)


SAFE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)


@settings(max_examples=40, deadline=None)
@given(st.lists(SAFE, max_size=20), st.sampled_from([b"\n", b"\r\n"]), st.integers(0, 3))
def test_any_text_verifies_and_keeps_its_bytes(lines, end, blank):
    part = b"Content-Type: text/plain" + end * 2 + end.join(line.encode() for line in lines) + end * blank
    mail = signed(part=part)
    assert signed_content(mail) == part.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert verify_message(mail, trust=pki().trust, at=NOW).reason is Reason.OK


def test_lines_that_look_like_boundaries_do_no_harm():
    mail = signed(part=b"Content-Type: text/plain\r\n\r\n--\r\n----\r\n--=_pli_\r\n--=_pli_0--\r\n.\r\n")
    assert openssl_accepts(mail)
    assert verify_message(mail, trust=pki().trust, at=NOW).reason is Reason.OK


TEXT = b"Content-Type: text/plain\r\n\r\n"


@pytest.mark.parametrize(
    "part",
    [
        TEXT + b"x" * 999,
        TEXT + "é".encode(),
        TEXT + b"\xff",
        TEXT + b"nul \0",
        TEXT + b"bare \r here",
        b"Content-Type: text/plain",
        b"",
        b"no blank line\r\n",
    ],
)
def test_a_part_that_would_not_survive_is_refused(part):
    with pytest.raises(BadPart):
        signed(part=part)


def test_a_line_of_998_octets_is_still_signed():
    assert openssl_accepts(signed(part=TEXT + b"x" * 998))


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"\r\n",
        b"From: a@b.example\n",
        b"From: a@b.example\r\n\r\nBcc: x@y.example\r\n",
        b"From: a@b.example\rBcc: x\r\n",
        b"From: a@b.example\r\nno colon here\r\n",
        b" From: folded first\r\n",
        b"From: a@b.example\r\n \t \r\nX: only blanks in a fold\r\n",
        b"From: a@b.example\r\nMIME-Version: 1.0\r\n",
        b"From: a@b.example\r\nContent-Type: text/html\r\n",
        b"content-transfer-encoding: base64\r\nFrom: a@b.example\r\n",
        "From: é@b.example\r\n".encode(),
        b"Subject: " + b"x" * 999 + b"\r\n",
        b"From: a\0@b.example\r\n",
        b": empty name\r\n",
    ],
)
def test_a_header_block_with_surprises_is_refused(headers):
    with pytest.raises(BadPart):
        signed(headers=headers)


def test_folded_headers_are_kept():
    headers = b"From: dr.aubin@cabinet.example\r\nSubject: un\r\n\t deux\r\n trois\r\n"
    assert signed(headers=headers).startswith(headers + b"MIME-Version: 1.0\r\n")


def test_the_error_never_repeats_the_content():
    with pytest.raises(BadPart) as caught:
        signed(part=TEXT + "Mme Céleste".encode())
    assert "leste" not in str(caught.value)


def test_a_kind_of_key_that_cannot_sign_is_refused():
    who = person()
    with pytest.raises(BadKey, match="RSA"):
        sign_message(HEADERS, PART, ed448.Ed448PrivateKey.generate(), who.certificate)
    with pytest.raises(BadKey, match="2048"):
        sign_message(HEADERS, PART, key_of("rsa1024"), who.certificate)


@pytest.mark.parametrize("digest", [SHA256(), SHA384(), SHA512()])
@pytest.mark.parametrize(("kind", "pss"), [("rsa2048", True), ("rsa3072", False), ("p384", False)])
def test_every_digest_and_padding_of_the_profile(kind, pss, digest):
    who = person(kind=kind)
    box = sign_detached(PART, who.key, who.certificate, who.chain, digest=digest, pss=pss)
    mail = assemble(HEADERS, PART, box, digest.name.replace("sha", "sha-").encode())
    assert openssl_accepts(mail, SIGNER)
    assert verify_message(mail, trust=pki().trust, at=NOW).reason is Reason.OK


def test_ed25519_holds_here_and_at_pyhanko():
    """openssl 3.0 verifies no Ed25519 in CMS: pyHanko is the second opinion."""
    mail = signed(person(kind="ed25519"))
    assert b"micalg=sha-512" in mail
    assert verify_message(mail, trust=pki().trust, at=NOW).reason is Reason.OK
    box = cms.ContentInfo.load(take_apart(mail).cms)["content"]
    digest = hashlib.sha512(PART).digest()
    own = asn1.Certificate.load(person(kind="ed25519").certificate.public_bytes(Encoding.DER))
    assert validate_sig_integrity(box["signer_infos"][0], own, "data", digest) == (True, True)


def test_a_key_that_is_not_the_certificates_makes_no_valid_mail():
    mail = sign_message(HEADERS, PART, person("x@y.example").key, person().certificate, person().chain)
    assert not openssl_accepts(mail)
    assert verify_message(mail, trust=pki().trust, at=NOW).reason is Reason.BAD_SIGNATURE
