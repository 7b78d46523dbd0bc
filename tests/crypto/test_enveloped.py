"""Encryption: openssl reads what we write; we read what openssl writes by our profile, and nothing that was altered."""

import subprocess

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from crypto.enveloped import CannotEncrypt, CannotOpen, decrypt, encrypt
from tests.support.pki import OTHER, PART, custom, key_of, person

KINDS = ("p256", "p384", "rsa2048", "rsa3072")
BOX = encrypt(PART, [person().certificate])


def openssl(tmp_path, who, *command, data):
    certificate, key = who.save(tmp_path, "who")
    (tmp_path / "in").write_bytes(data)
    files = ["-in", str(tmp_path / "in"), "-out", str(tmp_path / "out")]
    named = [str(certificate) if each == "CERT" else str(key) if each == "KEY" else each for each in command]
    done = subprocess.run(["openssl", "cms", *named[:1], *files, *named[1:]], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return (tmp_path / "out").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_opens_what_we_close(kind, tmp_path):
    box = encrypt(PART, [person(OTHER).certificate, person(kind=kind).certificate])
    command = ("-decrypt", "-binary", "-inform", "DER", "-recip", "CERT", "-inkey", "KEY")
    assert openssl(tmp_path, person(kind=kind), *command, data=box) == PART


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [(), ("-stream",)])
def test_we_open_what_openssl_closes(kind, stream, tmp_path):
    how = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256") if kind.startswith("rsa") else ("ecdh_kdf_md:sha256",)
    options = [each for option in how for each in ("-keyopt", option)]
    command = ("-encrypt", "-binary", "-outform", "DER", "-aes-256-gcm", *stream, "-recip", "CERT", *options)
    box = openssl(tmp_path, person(kind=kind), *command, data=PART)
    assert decrypt(box, person(kind=kind)) == PART


@pytest.mark.parametrize("kind", KINDS)
def test_each_recipient_opens_it_and_nobody_else(kind):
    box = encrypt(PART, [person(kind=kind).certificate, person(OTHER).certificate])
    assert decrypt(box, person(kind=kind)) == decrypt(box, person(OTHER)) == PART
    with pytest.raises(CannotOpen):
        decrypt(box, person("x@y.example", kind))


def test_no_box_shows_its_content_or_repeats_itself():
    assert PART[:40] not in BOX
    assert BOX != encrypt(PART, [person().certificate])


@pytest.mark.parametrize("place", range(0, len(BOX), 7))
def test_a_changed_byte_never_changes_what_is_read(place):
    changed = bytearray(BOX)
    changed[place] ^= 1
    try:
        assert decrypt(bytes(changed), person()) == PART  # an octet that says nothing, such as a version
    except CannotOpen:
        return
    assert place < len(BOX) - len(PART)


@pytest.mark.parametrize("place", range(len(BOX) - len(PART) - 18, len(BOX), 5))
def test_a_changed_byte_of_content_or_tag_is_refused(place):
    changed = bytearray(BOX)
    changed[place] ^= 1
    with pytest.raises(CannotOpen):
        decrypt(bytes(changed), person())


@pytest.mark.parametrize("data", [b"", b"0", BOX[:-1], BOX + b"\0", b"\x30\x80", BOX[:200]])
def test_rubble_is_refused(data):
    with pytest.raises(CannotOpen):
        decrypt(data, person())


def test_a_short_tag_is_refused():
    tag = BOX[-16:]
    with pytest.raises(CannotOpen):
        decrypt(BOX.replace(b"\x04\x10" + tag, b"\x04\x0c" + tag[:12]), person())


def test_cbc_is_refused_though_openssl_writes_it(tmp_path):
    command = ("-encrypt", "-binary", "-outform", "DER", "-aes-256-cbc", "-recip", "CERT")
    with pytest.raises(CannotOpen):
        decrypt(openssl(tmp_path, person(), *command, data=PART), person())


def test_rsa_without_oaep_is_refused_though_openssl_writes_it(tmp_path):
    command = ("-encrypt", "-binary", "-outform", "DER", "-aes-256-gcm", "-recip", "CERT")
    who = person(kind="rsa2048")
    with pytest.raises(CannotOpen):
        decrypt(openssl(tmp_path, who, *command, data=PART), who)


@pytest.mark.parametrize(
    "who",
    [
        custom(key_of("p256")),  # may only sign
        custom(key_of("rsa2048")),
        custom(key_of("rsa1024"), usages=("key_encipherment",)),
        custom(key_of("ed25519"), usages=("digital_signature", "key_agreement")),
    ],
)
def test_a_certificate_that_is_not_for_encryption_is_refused(who):
    with pytest.raises(CannotEncrypt):
        encrypt(PART, [person().certificate, who.certificate])


def test_nobody_is_no_recipient():
    with pytest.raises(CannotEncrypt):
        encrypt(PART, [])


def test_certificates_that_say_so_are_taken():
    who = custom(key_of("rsa2048"), usages=("key_encipherment",), purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION,))
    assert decrypt(encrypt(b"", [who.certificate]), who) == b""


@given(st.binary(max_size=300))
def test_noise_is_answered(noise):
    with pytest.raises(CannotOpen):
        decrypt(noise, person())


@given(st.integers(0, len(BOX) - 1), st.binary(min_size=1, max_size=8))
def test_mutations_are_answered(place, patch):
    changed = BOX[:place] + patch + BOX[place + len(patch) :]
    try:
        decrypt(changed, person())
    except CannotOpen:
        pass
