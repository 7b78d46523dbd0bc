"""What a certificate is for, beyond its path: sealing what others read (lists, documents)."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from crypto.verdict import Reason, Refusal

DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
SEALS = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


def check_seal(leaf: x509.Certificate) -> None:
    """An end entity's certificate whose key may sign documents: the field's seals are marked for e-mail.

    Raises Refusal: a gateway's TLS certificate of the same authority seals nothing.
    """
    if _value(leaf, x509.BasicConstraints, "ca"):
        raise Refusal(Reason.WRONG_USAGE)
    _check_use(leaf)


def check_pinned_seal(pinned: x509.Certificate, at: dt.datetime) -> None:
    """A certificate that the operator pinned itself, so that nobody above is asked: its dates and what it is for.

    Raises Refusal.
    """
    if at < pinned.not_valid_before_utc:
        raise Refusal(Reason.NOT_YET_VALID)
    if at > pinned.not_valid_after_utc:
        raise Refusal(Reason.EXPIRED)
    _check_use(pinned)


def _check_use(leaf: x509.Certificate) -> None:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        if not (usage.digital_signature or usage.content_commitment):
            raise Refusal(Reason.WRONG_USAGE)
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not SEALS & set(purposes):
            raise Refusal(Reason.WRONG_USAGE)
    except x509.ExtensionNotFound:
        pass


def _value(leaf: x509.Certificate, kind: type[x509.BasicConstraints], name: str) -> bool:
    try:
        return bool(getattr(leaf.extensions.get_extension_for_class(kind).value, name))
    except x509.ExtensionNotFound:
        return False
