"""Revocation lists of every kind: the revoked are found in each, and what a list does not speak of is not good."""

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags

from crypto.authority import Authority
from crypto.trust import Trust
from crypto.verify import Reason
from tests.support.pki import DAY, NOW, pki, signed
from tests.support.pki import verdict_of as verdict
from tests.support.revocation_lists import OTHER_PLACE, PLACE, build, entry, point, published, soon, uri

ROOT = Authority.create("Racine", now=NOW - 30 * DAY)
BELOW = ROOT.issue_authority("Messagerie", now=NOW - 30 * DAY)
ABOVE = ROOT.crl(now=NOW)
LEAF = published(BELOW, PLACE)
SOME = published(BELOW, PLACE, reasons=frozenset({ReasonFlags.key_compromise}))
HERE = {"full_name": [uri(PLACE)]}
THERE = {"full_name": [uri(OTHER_PLACE)]}
OTHERS = frozenset(ReasonFlags) - {ReasonFlags.key_compromise, ReasonFlags.unspecified, ReasonFlags.remove_from_crl}
GONE = (entry(LEAF.certificate),)


def answer(*lists, who=LEAF, at=NOW, middle=BELOW.certificate_pem):
    trust = Trust.load(ROOT.certificate_pem, middle, [ABOVE, *lists])
    return verdict(signed(who), trust=trust, at=at).reason


GOOD = {
    "complete": [build(BELOW)],
    "of this place": [build(BELOW, point(**HERE))],
    "of this place, among others": [build(BELOW, point(full_name=[uri(OTHER_PLACE), uri(PLACE)]))],
    "of people only": [build(BELOW, point(only_contains_user_certs=True, **HERE))],
    "base and delta": [build(BELOW), build(BELOW, (x509.DeltaCRLIndicator(7), True), number=8)],
    "another place too": [build(BELOW, point(**THERE)), build(BELOW, point(**HERE))],
    "somebody else gone": [build(BELOW, entries=[entry(SOME.certificate)])],
    "two halves of the reasons": [
        build(BELOW, point(only_some_reasons=frozenset({ReasonFlags.key_compromise}), **HERE)),
        build(BELOW, point(only_some_reasons=OTHERS, **HERE)),
    ],
}
REVOKED = {
    "complete": [build(BELOW, entries=GONE)],
    "on hold": [build(BELOW, entries=[entry(LEAF.certificate, (x509.CRLReason(ReasonFlags.certificate_hold), False))])],
    "of this place": [build(BELOW, point(**HERE), entries=GONE)],
    "of people only": [build(BELOW, point(only_contains_user_certs=True, **HERE), entries=GONE)],
    "by the delta alone": [build(BELOW), build(BELOW, (x509.DeltaCRLIndicator(7), True), number=8, entries=GONE)],
    "for one reason": [
        build(
            BELOW,
            point(only_some_reasons=frozenset({ReasonFlags.key_compromise}), **HERE),
            entries=[entry(LEAF.certificate, (x509.CRLReason(ReasonFlags.key_compromise), False))],
        ),
        build(BELOW, point(only_some_reasons=OTHERS, **HERE)),
    ],
    "the newer list": [build(BELOW, number=6), build(BELOW, number=9, entries=GONE)],
}
NOT_KNOWN = {
    "nothing": [],
    "of another place": [build(BELOW, point(**THERE))],
    "of authorities only": [build(BELOW, point(only_contains_ca_certs=True, **HERE))],
    "of attribute certificates only": [build(BELOW, point(only_contains_attribute_certs=True, **HERE))],
    "of one reason only": [build(BELOW, point(only_some_reasons=frozenset({ReasonFlags.key_compromise}), **HERE))],
    "delta without base": [build(BELOW, (x509.DeltaCRLIndicator(7), True), number=8)],
    "unknown critical extension": [
        build(BELOW, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True))
    ],
    "indirect, by a stranger": [build(pki().stranger, point(indirect_crl=True, **HERE))],
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name):
    assert answer(*GOOD[name]) is Reason.OK


@pytest.mark.parametrize("name", REVOKED)
def test_revoked(name):
    assert answer(*REVOKED[name]) is Reason.REVOKED


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_no_list_speaks_of_is_never_good(name):
    assert answer(*NOT_KNOWN[name]) in (Reason.REVOCATION_UNKNOWN, Reason.REVOCATION_STALE)


@pytest.mark.parametrize("name", GOOD)
def test_old_lists_of_any_kind_are_temporary(name):
    assert answer(*GOOD[name], at=soon(48)) in (Reason.REVOCATION_UNKNOWN, Reason.REVOCATION_STALE)


def test_an_unknown_critical_entry_extension_is_never_good():
    odd = entry(SOME.certificate, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True))
    assert answer(build(BELOW, entries=[odd])) is not Reason.OK


def test_an_indirect_list_revokes_for_the_authority_that_names_it():
    other = ROOT.issue_authority("Listes", now=NOW - 30 * DAY)
    named = [x509.DirectoryName(other.certificate.subject)]
    who = published(BELOW, PLACE, crl_issuer=named)
    of_below = (x509.CertificateIssuer([x509.DirectoryName(BELOW.certificate.subject)]), True)
    middle = BELOW.certificate_pem + other.certificate_pem
    indirect = point(indirect_crl=True, **HERE)
    gone = build(other, indirect, entries=[entry(who.certificate, of_below)])
    same_number_of_another = build(other, indirect, entries=[entry(who.certificate)])
    assert answer(gone, who=who, middle=middle) is Reason.REVOKED
    assert answer(build(other, indirect), who=who, middle=middle) is Reason.OK
    assert answer(same_number_of_another, who=who, middle=middle) is Reason.OK
    assert answer(gone, build(BELOW), middle=middle) is Reason.OK


def test_on_hold_in_the_base_and_released_by_the_delta():
    freed = entry(LEAF.certificate, (x509.CRLReason(ReasonFlags.remove_from_crl), False))
    held = build(BELOW, entries=[entry(LEAF.certificate, (x509.CRLReason(ReasonFlags.certificate_hold), False))])
    delta = build(BELOW, (x509.DeltaCRLIndicator(7), True), number=8, entries=[freed])
    assert answer(held, delta) in (Reason.OK, Reason.REVOKED)
    assert answer(held) is Reason.REVOKED
