"""Revocation: the revoked are refused; where the list is old or missing, nobody is told "pass"."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.authority import Authority
from crypto.revocation import BadList, Lists, RevocationList, is_listed
from crypto.trust import Trust
from crypto.verify import Reason, Signature
from tests.support.pki import DAY, NOW, OTHER, SIGNER, der, person, pki, signed
from tests.support.pki import verdict_of as verdict
from tests.support.revocation_lists import build

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def world():
    """An own root and authority below, whose lists the test may fill."""
    root = Authority.create("Racine", now=NOW - 30 * DAY)
    return root, root.issue_authority("Messagerie", now=NOW - 30 * DAY)


def trust(world, *crls):
    return Trust.load(world[0].certificate_pem, world[1].certificate_pem, crls)


def answer(world, *crls, at=NOW):
    leaf = world[1].issue_smime(SIGNER, "Aubin", now=NOW - DAY)
    return verdict(signed(leaf), trust=trust(world, *crls), at=at)


def fresh(world, at=NOW):
    return [authority.crl(now=at, days=7) for authority in world]


def test_fresh_lists_without_the_signer_pass(world):
    assert answer(world, *fresh(world)).reason is Reason.OK


def test_a_revoked_signer_is_refused(world):
    leaf = world[1].issue_smime(SIGNER, "Aubin", now=NOW - DAY)
    world[1].revoke(leaf.certificate, now=NOW - DAY / 2)
    got = verdict(signed(leaf), trust=trust(world, *fresh(world)))
    assert (got.signature, got.reason) == (Signature.FAIL, Reason.REVOKED)


def test_a_revoked_authority_takes_its_people_with_it(world):
    world[0].revoke(world[1].certificate, now=NOW)
    assert answer(world, *fresh(world)).reason is Reason.REVOKED


def test_a_revoked_signer_stays_refused_when_the_list_grows_old(world):
    leaf = world[1].issue_smime(SIGNER, "Aubin", now=NOW - DAY)
    world[1].revoke(leaf.certificate, now=NOW)
    assert verdict(signed(leaf), trust=trust(world, *fresh(world)), at=NOW + 30 * DAY).reason is Reason.REVOKED


@pytest.mark.parametrize("at", [NOW + 7 * DAY + MINUTE, NOW + 300 * DAY, NOW - 6 * MINUTE])
def test_a_stale_list_is_temporary_never_pass(world, at):
    got = answer(world, *fresh(world), at=at)
    assert (got.signature, got.reason) == (Signature.TEMPERROR, Reason.REVOCATION_STALE)


def test_a_clock_a_little_behind_does_not_matter(world):
    assert answer(world, *fresh(world), at=NOW - 4 * MINUTE).reason is Reason.OK


def test_a_missing_list_is_temporary_never_pass(world):
    for one in fresh(world):
        got = answer(world, one)
        assert (got.signature, got.reason) == (Signature.TEMPERROR, Reason.REVOCATION_UNKNOWN)


def test_one_stale_list_among_fresh_ones_is_enough(world):
    old, new = world[0].crl(now=NOW - 30 * DAY), world[1].crl(now=NOW)
    assert answer(world, old, new).reason is Reason.REVOCATION_STALE


def test_the_newest_list_counts_in_whatever_order(world):
    leaf = world[1].issue_smime(SIGNER, "Aubin", now=NOW - DAY)
    before = world[1].crl(now=NOW - DAY)
    world[1].revoke(leaf.certificate, now=NOW)
    after, above = world[1].crl(now=NOW), world[0].crl(now=NOW)
    for order in ((before, after, above), (after, before, above)):
        assert verdict(signed(leaf), trust=trust(world, *order)).reason is Reason.REVOKED


def test_what_is_wrong_for_good_is_said_before_what_is_temporary(world):
    leaf = world[1].issue_smime(OTHER, "Leroux", now=NOW - DAY)
    stale = [authority.crl(now=NOW - 30 * DAY) for authority in world]
    assert verdict(signed(leaf), trust=trust(world, *stale)).reason is Reason.FROM_MISMATCH


def test_lists_can_be_replaced_later(world):
    leaf = world[1].issue_smime(SIGNER, "Aubin", now=NOW - DAY)
    first = trust(world, *fresh(world))
    assert verdict(signed(leaf), trust=first).reason is Reason.OK
    world[1].revoke(leaf.certificate, now=NOW)
    assert verdict(signed(leaf), trust=first.with_crls(fresh(world))).reason is Reason.REVOKED


def test_pem_and_der_are_read(world):
    der = world[0].crl(now=NOW)
    pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
    issuers = [world[0].certificate]
    assert RevocationList.load(der, issuers) == RevocationList.load(pem, issuers)
    assert "serials" in repr(RevocationList.load(der, issuers))


@pytest.mark.parametrize("how", ["stranger", "name", "key", "leaf"])
def test_a_list_signed_by_somebody_else_is_refused(world, how):
    leaf = world[1].issue_smime(SIGNER, "Aubin", now=NOW - DAY)
    made = {
        "stranger": pki().stranger.crl(now=NOW),
        "name": build(world[1], issuer=leaf.certificate.subject),
        "key": build(world[1], key=pki().stranger.identity.key),
        "leaf": build(world[1], issuer=leaf.certificate.subject, key=leaf.key),
    }[how]
    assert answer(world, world[0].crl(now=NOW), made).reason is Reason.REVOCATION_UNKNOWN


A_LIST = pki().mail_ca.crl(now=NOW)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_flipped_bit_in_a_list_is_refused(data):
    crl = bytearray(A_LIST)
    place = data.draw(st.integers(0, len(crl) * 8 - 1))
    crl[place // 8] ^= 1 << place % 8
    with pytest.raises(BadList):
        RevocationList.load(bytes(crl), [pki().mail_ca.certificate])


def test_a_signature_that_is_not_whole_octets_is_refused():
    """The one bit outside of what is signed: "a bit of the last octet is unused", where that bit is zero anyway."""
    lists = (pki().mail_ca.crl(now=NOW) for _ in range(200))
    crl = bytearray(next(one for one in lists if not one[-1] & 1))
    unused = len(crl) - len(x509.load_der_x509_crl(bytes(crl)).signature) - 1
    assert crl[unused] == 0
    crl[unused] = 1
    with pytest.raises(BadList):
        RevocationList.load(bytes(crl), [pki().mail_ca.certificate])


@given(st.binary(max_size=300))
def test_noise_is_not_a_list(noise):
    with pytest.raises(BadList):
        RevocationList.load(noise, [pki().root.certificate])


def test_without_lists_nothing_is_checked():
    assert verdict(signed(person())).reason is Reason.OK


def test_lists_wanted_but_not_there_are_temporary():
    assert verdict(signed(person()), trust=pki().trust_with()).reason is Reason.REVOCATION_UNKNOWN


def test_a_file_may_hold_many_lists(world):
    together = b"".join(authority.crl_pem(now=NOW) for authority in world)
    assert (
        answer(world, together, b"noise", b"-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----").reason is Reason.OK
    )


def test_a_certificate_by_itself_is_looked_up():
    ca = Authority.create("Porte", now=NOW - DAY)
    good, gone = (ca.issue_client(name, now=NOW - DAY) for name in ("Bonne", "Partie"))
    ca.revoke(gone.certificate, now=NOW)
    lists = Lists.load([ca.crl(now=NOW)], [ca.certificate])
    assert is_listed(der(gone.certificate), lists, [ca.certificate])
    assert not is_listed(der(good.certificate), lists, [ca.certificate])
    assert not is_listed(b"noise", lists, [ca.certificate])
    assert not is_listed(der(gone.certificate), Lists.load([], [ca.certificate]), [ca.certificate])
