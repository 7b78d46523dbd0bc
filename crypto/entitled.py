"""Whether mail may be encrypted to a certificate: the same anchors, lists and address rules as for whoever signs."""

from __future__ import annotations

import datetime as dt

from cryptography import x509

from crypto.certificate import check_above, read_certificate
from crypto.enveloped import CannotEncrypt, check_can_encrypt
from crypto.mailbox import same_address
from crypto.trust import Trust
from crypto.verdict import Reason, Refusal

Recipient = x509.Certificate


def check_recipient(der: bytes, email: str, trust: Trust, at: dt.datetime) -> Recipient:
    """The certificate of this address, valid at `at`, for a key that encrypts. Raises Refusal.

    Revocation that cannot be known now is refused too: what was encrypted to a stolen key cannot be called back.
    """
    leaf = read_certificate(der)
    certificate = leaf.certificate
    path = trust.paths.find(certificate, at)
    check_above(path)
    if not any(same_address(email, each) for each in leaf.emails):
        raise Refusal(Reason.FROM_MISMATCH)
    try:
        check_can_encrypt(certificate)
    except CannotEncrypt:
        raise Refusal(Reason.WRONG_USAGE) from None
    trust.check_revocation(path, at)
    return certificate
