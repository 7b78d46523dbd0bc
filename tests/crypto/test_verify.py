"""Genuine mail passes, whoever made it; and openssl, asked each time, says the same."""

import pytest

from crypto.verify import Reason, Signature, authentication_results, reason_text_fr, signed_content
from tests.support.cms_maker import Recipe, mail, opaque_mail, signed_data
from tests.support.pki import (
    HEADERS,
    NOW,
    OTHER,
    PART,
    SIGNER,
    custom,
    key_of,
    openssl_accepts,
    openssl_sign,
    person,
    pki,
    signed,
)
from tests.support.pki import verdict_of as verdict

PSS = ("-keyopt", "rsa_padding_mode:pss")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("p256", ()),
        ("p384", ("-md", "sha384")),
        ("p256", ("-md", "sha512")),
        ("rsa2048", ()),
        ("rsa2048", ("-md", "sha512")),
        ("rsa3072", ("-md", "sha384")),
        ("rsa2048", PSS),
        ("rsa2048", (*PSS, "-md", "sha512", "-keyopt", "rsa_pss_saltlen:0")),
        ("rsa3072", (*PSS, "-md", "sha384")),
        ("p256", ("-cades",)),
        ("rsa2048", ("-cades", "-md", "sha384")),
        ("p256", ("-keyid",)),
        ("p256", ("-nosmimecap",)),
    ],
)
def test_mail_signed_by_openssl_passes_here_as_there(kind, options):
    raw = openssl_sign(person(kind=kind), *options)
    assert openssl_accepts(raw, SIGNER)
    answer = verdict(raw)
    assert answer.reason is Reason.OK
    assert answer.signature is Signature.PASS
    assert answer.signer_email == SIGNER
    assert "CN=Aubin Camille" in answer.signer_subject
    assert answer.certificate_sha256 == person(kind=kind).sha256


@pytest.mark.parametrize("options", [(), ("-stream",), ("-md", "sha512"), ("-stream", "-cades")])
def test_opaque_mail_of_openssl_passes_here_as_there(options):
    raw = openssl_sign(person(), "-nodetach", *options)
    assert openssl_accepts(raw, SIGNER)
    assert verdict(raw).reason is Reason.OK
    assert signed_content(raw) == PART


def test_large_opaque_content_from_a_streaming_signer_passes():
    part = b"Content-Type: text/plain\r\n\r\n" + b"une ligne de texte\r\n" * 20_000
    raw = openssl_sign(person(), "-nodetach", "-stream", part=part)
    assert verdict(raw).reason is Reason.OK
    assert signed_content(raw) == part


@pytest.mark.parametrize(
    ("digest", "reason"), [("sha512", Reason.OK), ("sha256", Reason.BAD_CMS), ("sha384", Reason.BAD_CMS)]
)
def test_ed25519_goes_with_sha_512(digest, reason):
    raw = mail(signed_data(Recipe(who=person(kind="ed25519"), digest=digest)))
    assert verdict(raw).reason is reason


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_hand_made_mail_passes_here_as_there(kind):
    raw = mail(signed_data(Recipe(who=person(kind=kind))))
    assert openssl_accepts(raw, SIGNER)
    assert verdict(raw).reason is Reason.OK


def test_a_signer_named_by_key_identifier_passes():
    raw = mail(signed_data(Recipe(who=person(), by_key_identifier=True)))
    assert openssl_accepts(raw, SIGNER)
    assert verdict(raw).reason is Reason.OK


def test_hand_made_opaque_mail_passes():
    raw = opaque_mail(signed_data(Recipe(embed=True)))
    assert openssl_accepts(raw, SIGNER)
    assert verdict(raw).reason is Reason.OK


@pytest.mark.parametrize(
    "sender",
    [
        b"dr.aubin@cabinet.example",
        b"<dr.aubin@cabinet.example>",
        b"Dr Aubin <dr.aubin@cabinet.example>",
        b'"Aubin, Camille" <dr.aubin@cabinet.example>',
        b"dr.aubin@CABINET.Example",
        b"\r\n Dr\r\n\tAubin <dr.aubin@cabinet.example>",
        b"dr.aubin@cabinet.example (Dr Aubin)",
        b'"dr.aubin@cabinet.example" <dr.aubin@cabinet.example>',
        "Docteur Chloé <dr.aubin@cabinet.example>".encode(),
        b"=?utf-8?b?Q2hsb8Op?= <dr.aubin@cabinet.example>",
    ],
)
def test_every_honest_way_to_write_the_sender_passes(sender):
    raw = mail(signed_data(Recipe()), headers=b"From: " + sender + b"\r\nTo: x@y.example\r\n")
    assert verdict(raw).reason is Reason.OK


def test_a_sender_field_that_agrees_passes():
    assert verdict(signed(headers=HEADERS + b"Sender: dr.aubin@cabinet.example\r\n")).reason is Reason.OK


def test_a_certificate_with_several_addresses_passes_for_each():
    who = custom(key_of("p256"), emails=(OTHER,))
    assert verdict(signed(who)).reason is Reason.OK
    headers = b"From: " + OTHER.encode() + b"\r\n"
    answer = verdict(signed(who, headers=headers), envelope_sender=OTHER)
    assert (answer.reason, answer.signer_email) == (Reason.OK, OTHER)


def test_without_binding_only_signature_and_path_count():
    headers = b"From: someone@else.example\r\nFrom: two@else.example\r\n"
    assert verdict(signed(headers=headers), binding=False).reason is Reason.OK


@pytest.mark.parametrize("sender", [None, ""])
def test_an_unknown_or_empty_envelope_sender_binds_nothing(sender):
    assert verdict(signed(), envelope_sender=sender).reason is Reason.OK


def test_a_preamble_and_blanks_after_delimiters_pass():
    raw = signed().replace(b"\r\n\r\n--=_pli", b"\r\n\r\nThis is an S/MIME signed message\r\n--=_pli", 1)
    head, line, rest = raw.partition(b"\r\n--=_pli_")
    end = rest.index(b"\r\n")
    raw = head + line + rest[:end] + b" \t" + rest[end:]
    assert verdict(raw).reason is Reason.OK


def test_a_file_kept_with_unix_line_ends_passes():
    assert verdict(signed().replace(b"\r\n", b"\n")).reason is Reason.OK


def test_fresh_revocation_lists_do_not_disturb_the_honest():
    assert verdict(signed(), trust=pki().trust_with(*pki().crls())).reason is Reason.OK


def test_one_trust_answers_many_times_and_remembers_the_path():
    trust = pki().trust
    assert {verdict(signed(), trust=trust).reason for _ in range(5)} == {Reason.OK}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (b"Content-Type: text/plain\r\n", Reason.NOT_SIGNED),
        (b"", Reason.NOT_SIGNED),
        (b"Content-Type: multipart/mixed; boundary=x\r\n", Reason.NOT_SIGNED),
        (b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=x\r\n', Reason.NOT_SMIME),
        (b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n", Reason.ENCRYPTED),
    ],
)
def test_mail_without_our_kind_of_signature_is_none(headers, reason):
    answer = verdict(b"From: a@b.example\r\n" + headers + b"\r\nbody\r\n")
    assert (answer.signature, answer.reason) == (Signature.NONE, reason)
    assert answer.signer_email is None


def test_signed_mail_inside_other_mail_is_not_a_signed_mail():
    inner = signed()
    outer = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + inner + b"\r\n--o--\r\n"
    assert verdict(outer).signature is Signature.NONE


def test_every_reason_has_a_word_and_a_sentence():
    for reason in Reason:
        text = reason_text_fr(reason)
        assert text.endswith(".") and text[0].isupper() and len(text) < 120
    assert len({reason_text_fr(reason) for reason in Reason}) == len(Reason)


def test_the_header_line_says_it_in_the_words_of_the_standard():
    line = authentication_results(verdict(signed()), "mx.pli.example")
    assert line == (
        b"Authentication-Results: mx.pli.example;\r\n\tsmime=pass reason=ok\r\n"
        b"\tbody.smime-identifier=dr.aubin@cabinet.example\r\n"
    )
    changed = authentication_results(verdict(signed().replace(b"Bonjour", b"Bonsoir")), "mx.pli.example")
    assert changed == b"Authentication-Results: mx.pli.example;\r\n\tsmime=fail reason=content-changed\r\n"


@pytest.mark.parametrize("identifier", ["", "a b", "a\r\nX: y", "é.example", "a;b", "x" * 300])
def test_the_header_line_takes_no_odd_identifier(identifier):
    with pytest.raises(ValueError, match="host name"):
        authentication_results(verdict(signed()), identifier)


def test_nothing_printed_names_the_signer():
    answer = verdict(signed())
    assert "aubin" not in repr(answer).lower()


def test_a_time_without_zone_is_our_mistake():
    with pytest.raises(ValueError, match="zone"):
        verdict(signed(), at=NOW.replace(tzinfo=None))
