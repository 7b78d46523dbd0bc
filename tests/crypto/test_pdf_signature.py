"""Signed PDFs: what pyHanko's signer makes passes; what was changed, added, hidden or signed by strangers does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.pdf_signature import PDF_OCTETS, is_signed_pdf, pdf_text_fr, verify_pdf
from crypto.verdict import Reason, Signature
from tests.support.pdf_signer import signed_pdf, with_update
from tests.support.pki import DAY, NOW, OTHER, SIGNER, custom, key_of, person, pki
from tests.support.record_files import text_pdf

PLAIN = text_pdf("Ordonnance inventée", "Amoxicilline 1 g")
SIGNED = signed_pdf(PLAIN, person())


def reason(data: bytes, trust=None, at=NOW) -> Reason:
    return verify_pdf(data, trust=trust or pki().trust, at=at).reason


@pytest.mark.parametrize("kind", ["p256", "rsa2048", "ed25519"])
def test_a_signed_prescription_passes(kind):
    digest = "sha512" if kind == "ed25519" else "sha256"
    answer = verify_pdf(signed_pdf(PLAIN, person(kind=kind), digest=digest), trust=pki().trust, at=NOW)
    assert (answer.signature, answer.reason) == (Signature.PASS, Reason.OK)
    assert answer.signer_email == SIGNER and "CN=Aubin Camille" in answer.signer_subject
    assert answer.certificate_sha256 == person(kind=kind).sha256
    assert is_signed_pdf(answer) and pdf_text_fr(answer.reason).startswith("PDF signé")


def test_the_older_form_of_adobe_passes_too():
    assert reason(signed_pdf(PLAIN, person(), pades=False, digest="sha384")) is Reason.OK


def test_two_signers_name_the_last():
    twice = signed_pdf(signed_pdf(PLAIN, person(), certify=False), person(OTHER), field="Deux", certify=False)
    answer = verify_pdf(twice, trust=pki().trust, at=NOW)
    assert (answer.reason, answer.signer_email) == (Reason.OK, OTHER)


def test_a_good_signature_does_not_cover_for_a_bad_one():
    stranger = pki().stranger.issue_smime(SIGNER, "X", now=NOW - DAY)
    twice = signed_pdf(signed_pdf(PLAIN, stranger, certify=False), person(), field="Deux", certify=False)
    assert reason(twice) is Reason.UNTRUSTED


@pytest.mark.parametrize("data", [PLAIN, b"", b"%PDF-1.7\n", b"text"])
def test_what_is_not_signed_says_so(data):
    answer = verify_pdf(data, trust=pki().trust, at=NOW)
    assert (answer.signature, answer.reason) == (Signature.NONE, Reason.NOT_SIGNED)
    assert not is_signed_pdf(answer)


def test_one_changed_byte_is_seen():
    changed = SIGNED.replace(b"Amoxicilline 1 g", b"Amoxicilline 9 g")
    assert changed != SIGNED and reason(changed) is Reason.CONTENT_CHANGED


def test_a_page_changed_by_an_update_behind_the_signature_is_seen():
    for certify in (True, False):
        assert reason(with_update(signed_pdf(PLAIN, person(), certify=certify))) is Reason.CONTENT_CHANGED


def test_bytes_behind_the_file_are_seen():
    """pyHanko takes octets that no cross-reference names for none; readers that repair files show them."""
    for end in (b"", b"%%EOF\n"):
        assert reason(SIGNED + b"\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" + end) is not Reason.OK
    assert reason(SIGNED + b"\n") is Reason.OK


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (lambda: pki().stranger.issue_smime(SIGNER, "X", now=NOW - DAY), Reason.UNTRUSTED),
        (lambda: custom(key_of("p256"), end=NOW - DAY / 2), Reason.EXPIRED),
        (lambda: custom(key_of("p256"), start=NOW + DAY / 2), Reason.NOT_YET_VALID),
        (lambda: custom(key_of("p256"), usages=("key_agreement",)), Reason.WRONG_USAGE),
        (lambda: custom(key_of("rsa1024")), Reason.WEAK_ALGORITHM),
        (lambda: pki().mail_ca.issue_server(["x.example"], now=NOW - DAY), Reason.WRONG_USAGE),
    ],
)
def test_whoever_may_not_sign_is_refused(who, expected):
    assert reason(signed_pdf(PLAIN, who())) is expected


def test_a_weak_hash_is_refused():
    assert reason(signed_pdf(PLAIN, person(), digest="sha1")) is Reason.WEAK_ALGORITHM


def test_revocation_counts_as_for_mail():
    gone = pki().mail_ca.issue_smime(SIGNER, "Parti", now=NOW - DAY)
    data = signed_pdf(PLAIN, gone)
    assert reason(data, pki().trust_with(*pki().crls())) is Reason.OK
    pki().mail_ca.revoke(gone.certificate, now=NOW)
    try:
        assert reason(data, pki().trust_with(*pki().crls())) is Reason.REVOKED
        assert reason(SIGNED, pki().trust_with(*pki().crls(at=NOW - 20 * DAY))) is Reason.REVOCATION_STALE
        assert reason(SIGNED, pki().trust_with()) is Reason.REVOCATION_UNKNOWN
    finally:
        pki().mail_ca.revoked.pop(gone.certificate.serial_number)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/ETSI.CAdES.detached", b"/ETSI.RFC3161       "),
        (b"/ByteRange [", b"/ByteRange [1"),
        (b"/Contents <30", b"/Contents <31"),
        (b"startxref", b"startxxxx"),
    ],
)
def test_rubble_is_answered(old, new):
    assert old in SIGNED
    assert reason(SIGNED.replace(old, new)) is not Reason.OK


def test_a_file_beyond_the_bound_is_not_read():
    assert reason(SIGNED + b" " * PDF_OCTETS) is Reason.TOO_LARGE


def test_a_time_without_zone_is_our_mistake():
    with pytest.raises(ValueError, match="zone"):
        verify_pdf(PLAIN, trust=pki().trust, at=NOW.replace(tzinfo=None))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(SIGNED) - 1), st.binary(min_size=1, max_size=6))
def test_mutations_never_pass(place, patch):
    changed = SIGNED[:place] + patch + SIGNED[place + len(patch) :]
    answer = verify_pdf(changed, trust=pki().trust, at=NOW)
    assert answer.signature is not Signature.PASS or changed == SIGNED or _only_padding(place, patch)


def _only_padding(place: int, patch: bytes) -> bool:
    """Zeros behind the CMS, and the case of its hexadecimal digits, say nothing."""
    start = SIGNED.index(b"/Contents <3") + 10
    end = SIGNED.index(b">", start)
    return start < place and place + len(patch) <= end
