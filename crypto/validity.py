"""Until when certificates and revocation lists are good, for the operator's eye."""

from __future__ import annotations

import datetime as dt

from cryptography import x509


class Unreadable(ValueError):
    """The bytes are no certificates or lists in PEM."""


def certificates_end(pem: bytes) -> list[dt.datetime]:
    """The end of each certificate's validity, in order. Raises Unreadable, also when there is none."""
    try:
        return [certificate.not_valid_after_utc for certificate in x509.load_pem_x509_certificates(pem)]
    except ValueError:
        raise Unreadable("no certificate in PEM") from None


def lists_end(pem: bytes) -> list[tuple[dt.datetime, dt.datetime]]:
    """(made, next one due) of each revocation list, in order. Raises Unreadable."""
    found = []
    mark = b"-----BEGIN X509 CRL-----"
    for part in pem.split(mark)[1:]:
        try:
            crl = x509.load_pem_x509_crl(mark + part)
        except ValueError:
            raise Unreadable("no revocation list in PEM") from None
        made = crl.last_update_utc
        found.append((made, crl.next_update_utc or made))
    return found
