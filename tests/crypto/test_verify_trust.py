"""Certificates and paths that must not pass: wrong time, wrong root, wrong use, wrong issuer."""

import datetime as dt

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crypto.authority import Authority
from crypto.identity import Identity
from crypto.trust import BadTrust, Trust
from crypto.verify import Reason
from tests.support.cms_maker import Recipe, mail, signed_data
from tests.support.pki import DAY, NOW, SIGNER, custom, der, key_of, openssl_accepts, person, pki, signed
from tests.support.pki import reason_of as reason
from tests.support.pki import verdict_of as verdict


def test_expired_and_not_yet_valid_are_refused():
    expired = custom(key_of("p256"), end=NOW - dt.timedelta(seconds=1))
    early = custom(key_of("p256"), start=NOW + dt.timedelta(seconds=1))
    assert reason(signed(expired)) is Reason.EXPIRED
    assert reason(signed(early)) is Reason.NOT_YET_VALID
    assert not openssl_accepts(signed(expired))
    assert not openssl_accepts(signed(early))


def test_a_remembered_path_still_expires():
    trust = pki().trust
    assert reason(signed(), trust=trust) is Reason.OK
    assert reason(signed(), trust=trust, at=NOW + 5000 * DAY) is Reason.EXPIRED
    assert reason(signed(), trust=trust, at=NOW - 5000 * DAY) is Reason.NOT_YET_VALID
    assert reason(signed(), trust=trust) is Reason.OK


def test_a_certificate_that_was_found_good_is_asked_for_again_once_its_lists_are_old():
    trust = pki().trust_with(*pki().crls(days=7))
    expected = {
        NOW: Reason.OK,
        NOW + 7 * DAY: Reason.OK,
        NOW + 7 * DAY + dt.timedelta(seconds=1): Reason.REVOCATION_STALE,
        NOW - dt.timedelta(minutes=6): Reason.REVOCATION_STALE,
        NOW - dt.timedelta(minutes=4): Reason.OK,
        NOW + 5000 * DAY: Reason.EXPIRED,
    }
    for at in (*expected, *reversed(expected)):
        assert reason(signed(), trust=trust, at=at) is expected[at]


def test_a_certificate_that_was_found_good_speaks_for_no_other_sender_and_no_other_content():
    trust, mail = pki().trust, signed()
    assert reason(mail, trust=trust) is Reason.OK
    assert trust.standings.is_good(der(person().certificate), NOW)
    assert reason(mail, trust=trust, envelope_sender="un.autre@cabinet.example") is Reason.ENVELOPE_MISMATCH
    assert reason(mail.replace(b"Bonjour", b"Bonsoir"), trust=trust) is Reason.CONTENT_CHANGED
    assert reason(mail.replace(SIGNER.encode(), b"un.autre@cabinet.example", 1), trust=trust) is Reason.FROM_MISMATCH


def test_a_list_whose_time_has_not_come_is_heeded_once_it_has():
    """Found good by the list of today, a certificate is not good by the one of tomorrow that was there already."""
    who = person()
    today, tomorrow = pki().crls(), NOW + DAY
    pki().mail_ca.revoked[who.certificate.serial_number] = tomorrow
    try:
        later = pki().crls(at=tomorrow)
    finally:
        del pki().mail_ca.revoked[who.certificate.serial_number]
    trust = pki().trust_with(*today, *later)
    for at, answer in ((NOW, Reason.OK), (tomorrow, Reason.REVOKED), (NOW, Reason.OK)):
        assert reason(signed(who), trust=trust, at=at) is answer


def test_what_was_refused_is_not_found_good_later():
    gone, trust = person(), pki().trust
    pki().mail_ca.revoked[gone.certificate.serial_number] = NOW - DAY
    try:
        revoking = pki().trust_with(*pki().crls())
    finally:
        del pki().mail_ca.revoked[gone.certificate.serial_number]
    for _ in range(2):
        assert reason(signed(gone), trust=revoking) is Reason.REVOKED
        assert not revoking.standings.is_good(der(gone.certificate), NOW)
        assert reason(signed(gone), trust=trust) is Reason.OK


def test_an_expired_anchor_is_refused():
    old = Authority.create("Vieille racine", now=NOW - 30 * DAY, days=10)
    leaf = old.issue_smime(SIGNER, "A", now=NOW - 29 * DAY, days=365)
    assert reason(signed(leaf), trust=Trust.load(old.certificate_pem)) is Reason.EXPIRED


def test_an_unknown_root_is_refused_even_when_the_mail_brings_it_along():
    leaf = pki().stranger.issue_smime(SIGNER, "Aubin Camille", now=NOW - DAY)
    assert reason(signed(leaf)) is Reason.UNTRUSTED
    brought = [der(leaf.certificate), der(pki().stranger.certificate)]
    assert reason(mail(signed_data(Recipe(who=leaf, certificates=brought)))) is Reason.UNTRUSTED


def test_a_root_with_the_name_of_ours_is_not_ours():
    twin = Authority.create("Messagerie d'essai", now=NOW - 30 * DAY)
    leaf = twin.issue_smime(SIGNER, "Aubin Camille", now=NOW - DAY)
    assert leaf.certificate.issuer == pki().mail_ca.certificate.subject
    assert reason(signed(leaf)) is Reason.UNTRUSTED


def test_intermediates_come_from_the_operator_only():
    below = pki().root.issue_authority("Autorité non déclarée", now=NOW - DAY)
    leaf = below.issue_smime(SIGNER, "Aubin Camille", now=NOW - DAY)
    assert reason(signed(leaf)) is Reason.UNTRUSTED  # though the mail brings a valid chain
    declared = Trust.load(pki().root.certificate_pem, below.certificate_pem)
    assert reason(signed(leaf), trust=declared) is Reason.OK


def test_a_self_signed_certificate_is_refused():
    key = key_of("p384")
    own = custom(key, issuer=Identity(custom(key).certificate, key))
    assert reason(signed(own)) is Reason.UNTRUSTED


def test_a_leaf_acting_as_authority_is_refused():
    child = custom(key_of("p384"), issuer=person())
    assert reason(signed(child)) is Reason.UNTRUSTED
    brave = Trust.load(pki().root.certificate_pem, pki().mail_ca.certificate_pem + person().certificate_pem)
    assert reason(signed(child), trust=brave) is Reason.BAD_PATH
    assert not openssl_accepts(signed(child))


def test_a_path_longer_than_its_authority_allows_is_refused():
    too_deep = custom(key_of("p384"), ca=True, usages=("key_cert_sign",), purposes=(), email=None)
    leaf = custom(key_of("p256"), issuer=too_deep)
    middle = pki().mail_ca.certificate_pem + too_deep.certificate.public_bytes(Encoding.PEM)
    assert reason(signed(leaf), trust=Trust.load(pki().root.certificate_pem, middle)) is Reason.BAD_PATH


def test_an_authority_that_signs_mail_itself_is_refused():
    who = custom(key_of("p256"), ca=True, usages=("digital_signature", "key_cert_sign"))
    assert reason(signed(who)) is Reason.WRONG_USAGE


@pytest.mark.parametrize(
    "change",
    [
        {"purposes": (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)},
        {"usages": ("key_encipherment",)},
        {"usages": ("key_agreement",)},
    ],
)
def test_a_certificate_for_another_use_is_refused(change):
    assert reason(signed(custom(key_of("p256"), **change))) is Reason.WRONG_USAGE


@pytest.mark.parametrize("purposes", [(), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)])
def test_a_certificate_for_any_use_signs_mail(purposes):
    assert reason(signed(custom(key_of("p256"), purposes=purposes))) is Reason.OK


def test_a_trust_without_anchor_cannot_be_made():
    for pem in (b"", b"  \n", b"noise", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"):
        with pytest.raises(BadTrust):
            Trust.load(pem)


def test_no_name_is_given_for_who_is_not_trusted():
    leaf = pki().stranger.issue_smime(SIGNER, "Aubin Camille", now=NOW - DAY)
    for raw in (
        signed(leaf),
        signed().replace(b"Bonjour", b"Bonsoir"),
        signed(custom(key_of("rsa2048"), end=NOW - DAY / 2)),
    ):
        answer = verdict(raw)
        assert (answer.signer_email, answer.signer_subject) == (None, None)
        assert answer.certificate_sha256


def sha1_signed() -> Identity:
    """A certificate whose authority signed it with SHA-1; no builder makes one any more."""
    weak = asn1.Certificate.load(der(person().certificate)).copy()
    for algorithm in (weak["tbs_certificate"]["signature"], weak["signature_algorithm"]):
        algorithm["algorithm"] = "sha1_ecdsa"
    signature = pki().mail_ca.identity.key.sign(weak["tbs_certificate"].dump(force=True), ec.ECDSA(SHA1()))
    weak["signature_value"] = signature
    return Identity(x509.load_der_x509_certificate(weak.dump(force=True)), person().key, person().chain)


def test_a_certificate_signed_with_sha1_is_refused():
    weak = sha1_signed()
    made, above = weak.certificate, pki().mail_ca.certificate.public_key()
    above.verify(made.signature, made.tbs_certificate_bytes, ec.ECDSA(SHA1()))  # genuine, and yet too weak
    assert reason(signed(weak)) is Reason.WEAK_ALGORITHM


@pytest.mark.parametrize(
    ("permitted", "expected"),
    [(["cabinet.example"], Reason.OK), (["hopital.example"], Reason.BAD_PATH), ([".cabinet.example"], Reason.BAD_PATH)],
)
def test_an_authority_limited_to_other_domains_is_held_to_it(permitted, expected):
    limits = x509.NameConstraints([x509.RFC822Name(domain) for domain in permitted], None)
    bounded = limited(limits)
    leaf = custom(key_of("p256"), issuer=bounded)
    assert reason(signed(leaf), trust=Trust.load(pki().root.certificate_pem, pem_of(bounded))) is expected


def limited(limits: x509.NameConstraints) -> Identity:
    key = key_of("p384")
    builder = x509.CertificateBuilder(
        pki().root.certificate.subject,
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Autorité bornée")]),
        key.public_key(),
        x509.random_serial_number(),
        NOW - DAY,
        NOW + DAY,
    ).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(limits, critical=True)
    return Identity(builder.sign(pki().root.identity.key, SHA256()), key, (pki().root.certificate,))


def pem_of(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(Encoding.PEM)


@pytest.mark.slow
def test_a_list_of_a_hundred_thousand_is_read_once():
    """The list is parsed when trust is made, not at each verification."""
    busy = Authority.create("Grande autorité", now=NOW - 30 * DAY)
    good, gone = (busy.issue_smime(SIGNER, "A", now=NOW - DAY) for _ in range(2))
    busy.revoked = dict.fromkeys(range(1, 100000), NOW - DAY)
    busy.revoke(gone.certificate, now=NOW)
    trust = Trust.load(busy.certificate_pem, crls=[busy.crl(now=NOW)])
    assert reason(signed(good), trust=trust) is Reason.OK
    assert reason(signed(gone), trust=trust) is Reason.REVOKED
