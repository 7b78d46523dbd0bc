"""The small authority: what it issues passes openssl's strict checks, says that it is worthless, and stays private."""

import datetime as dt
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crypto.authority import DEMO_MARK, Authority
from crypto.identity import Identity, IdentityBroken, new_private_key
from tests.support.pki import NOW, SIGNER, custom, key_of, openssl_trusts, person, pki

KINDS = ["p256", "p384", "rsa2048", "ed25519"]


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_trusts_an_email_certificate(kind):
    out = openssl_trusts(person(kind=kind))
    assert out.returncode == 0, out.stderr


def test_openssl_trusts_server_and_client_for_their_purpose_only():
    server = pki().mail_ca.issue_server(["mx.pli.example", "127.0.0.1"], now=NOW)
    client = pki().mail_ca.issue_client("Passerelle", now=NOW, dns=["mx.other.example"], organization="Autre")
    assert openssl_trusts(server, "sslserver").returncode == 0
    assert openssl_trusts(client, "sslclient").returncode == 0
    for who, purpose in ((server, "smimesign"), (client, "smimesign"), (server, "sslclient"), (client, "sslserver")):
        assert openssl_trusts(who, purpose).returncode != 0
    assert openssl_trusts(person(), "sslclient").returncode != 0


def test_a_leaf_cannot_issue():
    child = custom(key_of("p384"), issuer=person())
    assert openssl_trusts(child).returncode != 0


def test_the_root_issues_leaves_itself_too():
    leaf = pki().root.issue_smime(SIGNER, "Aubin Camille", now=NOW)
    assert openssl_trusts(leaf).returncode == 0
    assert leaf.chain == (pki().root.certificate,)


@pytest.mark.parametrize("who", ["root", "sub", "leaf", "server", "client"])
def test_every_subject_of_the_demo_says_that_it_is_worthless(who):
    world = pki()
    made = {
        "root": world.root.certificate,
        "sub": world.mail_ca.certificate,
        "leaf": person().certificate,
        "server": world.root.issue_server(["a.example"], now=NOW).certificate,
        "client": world.root.issue_client("c", now=NOW, organization="Établissement").certificate,
    }[who]
    parts = [part.value for part in made.subject]
    assert DEMO_MARK in parts
    assert made.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)[0].value == "FR"


def test_an_authority_that_is_no_demo_does_not_say_so():
    real = Authority.create("Autorité", now=NOW, demo=False)
    assert all(DEMO_MARK != part.value for part in real.certificate.subject)


def test_keys_are_of_the_kind_asked_for():
    assert isinstance(person().key, ec.EllipticCurvePrivateKey)
    assert isinstance(person(kind="rsa2048").key, rsa.RSAPrivateKey)
    assert person(kind="rsa2048").key.key_size == 2048
    with pytest.raises(ValueError, match="kind"):
        new_private_key("rsa1024")


def test_the_extensions_are_those_of_the_profile():
    found = person().certificate.extensions
    usage = found.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.content_commitment, usage.value.key_cert_sign) == (1, 1, 0)
    assert (usage.value.key_agreement, usage.value.key_encipherment) == (1, 0)
    assert list(found.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    names = found.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == [SIGNER]
    above = pki().mail_ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert found.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == above.digest


def test_dates_follow_the_given_time():
    leaf = pki().root.issue_smime(SIGNER, "A", now=NOW, days=10).certificate
    assert leaf.not_valid_before_utc <= NOW < leaf.not_valid_after_utc == NOW + dt.timedelta(days=10)


def test_the_list_is_signed_and_names_the_revoked(tmp_path):
    world = Authority.create("Racine", now=NOW)
    gone, here = (world.issue_smime(SIGNER, "A", now=NOW) for _ in range(2))
    world.revoke(gone.certificate, now=NOW)
    crl = x509.load_der_x509_crl(world.crl(now=NOW, days=7))
    assert crl.is_signature_valid(world.identity.key.public_key())
    assert crl.get_revoked_certificate_by_serial_number(gone.certificate.serial_number) is not None
    assert crl.get_revoked_certificate_by_serial_number(here.certificate.serial_number) is None
    assert crl.next_update_utc == NOW + dt.timedelta(days=7)


def test_openssl_refuses_the_revoked(tmp_path):
    world = Authority.create("Racine", now=NOW)
    gone = world.issue_smime(SIGNER, "A", now=NOW)
    at = ["-attime", str(int(NOW.timestamp())), "-crl_check", "-CAfile", tmp_path / "all.pem", tmp_path / "who.pem"]
    gone.save(tmp_path, "who")

    def verify():
        crl = x509.load_der_x509_crl(world.crl(now=NOW)).public_bytes(x509_pem())
        (tmp_path / "all.pem").write_bytes(world.certificate_pem + crl)
        return subprocess.run(["openssl", "verify", *at], capture_output=True, check=False).returncode

    assert verify() == 0
    world.revoke(gone.certificate, now=NOW)
    assert verify() != 0


def x509_pem():
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.PEM


def test_files_come_back_and_keys_are_private(tmp_path):
    certificate, key = person().save(tmp_path, "aubin")
    assert key.stat().st_mode & 0o777 == 0o600
    again = Identity.load(certificate, key)
    assert again.certificate == person().certificate
    assert again.chain == person().chain
    assert again.sha256 == person().sha256
    pki().mail_ca.save(tmp_path)
    loaded = Authority.load(tmp_path / "ca.pem", tmp_path / "ca.key")
    assert openssl_trusts(loaded.issue_smime(SIGNER, "A", now=NOW)).returncode == 0


def test_a_key_file_replaces_a_readable_one_privately(tmp_path):
    (tmp_path / "a.key").write_text("old")
    (tmp_path / "a.key").chmod(0o644)
    _, key = person().save(tmp_path, "a")
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_key_of_another_certificate_is_refused():
    with pytest.raises(IdentityBroken, match="belong"):
        Identity.from_pem(person().certificate_pem, person("x@y.example", "p384").key_pem)


@pytest.mark.parametrize(
    "certificate", [b"", b"noise", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_broken_files_are_refused(certificate):
    with pytest.raises(IdentityBroken):
        Identity.from_pem(certificate, person().key_pem)


def test_a_broken_key_is_refused_without_showing_it():
    pem = person().key_pem
    with pytest.raises(IdentityBroken) as caught:
        Identity.from_pem(person().certificate_pem, pem[:80] + b"?" + pem[81:])
    assert pem.split(b"\n")[1].decode()[:20] not in str(caught.value)


def test_nothing_printed_shows_key_or_name():
    assert repr(person()) == f"Identity({person().sha256[:12]}…)"
    assert "Aubin" not in repr(person())
