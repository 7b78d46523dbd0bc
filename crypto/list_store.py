"""Revocation lists that were fetched, weighed against those that are kept: only a better one takes a place.

A list is better when an authority of ours signed it, it is in force now, and it is no older than the one of its scope
that is kept: an attacker on the way can withhold a list, but neither invent one nor bring an old one back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from crypto.reading import UNREADABLE
from crypto.revocation import AHEAD, BadList, each_list, is_usable, issuer_of, key_bytes, next_update, number_of

Authorities = Sequence[x509.Certificate]
_SCOPES = (ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR)


@dataclass(frozen=True, repr=False)
class Kept:
    """One list. `scope`: who signed it and of what it speaks; `age`: what is larger is newer."""

    der: bytes
    scope: tuple[bytes, ...]
    age: tuple[dt.datetime, int]
    until: dt.datetime


def weigh(data: bytes, authorities: Authorities, at: dt.datetime, kept: Iterable[Kept] = ()) -> list[Kept]:
    """The lists in one file, DER or PEM. Raises BadList for the first that is not at least as good as `kept`."""
    ders = each_list(data)
    if not ders:
        raise BadList("there is no list in it")
    found = [_read(der, authorities) for der in ders]
    before = {one.scope: one for one in kept}
    for one in found:
        if one.until < at:
            raise BadList("the list is out of date")
        if one.age[0] > at + AHEAD:
            raise BadList("the list is dated after today")
        if one.scope in before and one.age < before[one.scope].age:
            raise BadList("the list is older than the one that is kept")
    return found


def read_kept(data: bytes, authorities: Authorities) -> list[Kept]:
    """What a file holds of good lists, whatever their age; the rest is left out."""
    found = []
    for der in each_list(data) if data.strip() else []:
        try:
            found.append(_read(der, authorities))
        except BadList:
            continue
    return found


def merged(kept: Iterable[Kept], fetched: Iterable[Kept]) -> bytes:
    """PEM: for each scope the newest list, in an order that does not depend on how they came."""
    newest: dict[tuple[bytes, ...], Kept] = {}
    for one in (*kept, *fetched):
        if one.scope not in newest or one.age >= newest[one.scope].age:
            newest[one.scope] = one
    return b"".join(_pem(newest[scope].der) for scope in sorted(newest))


def load_authorities(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Raises BadList for what cannot be read."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except UNREADABLE:
        raise BadList("the authorities cannot be read") from None


def _read(der: bytes, authorities: Authorities) -> Kept:
    """Raises BadList."""
    if not is_usable(der, tuple(authorities)):
        raise BadList("unreadable, of an unknown kind, or not signed by an authority of ours")
    crl = x509.load_der_x509_crl(der)
    by = issuer_of(crl, authorities)
    scope = (key_bytes(by), by.subject.public_bytes(), *(_value(crl, oid) for oid in _SCOPES))
    return Kept(der, scope, (crl.last_update_utc, number_of(crl)), next_update(crl))


def _value(crl: x509.CertificateRevocationList, oid: x509.ObjectIdentifier) -> bytes:
    """Of a delta only that it is one: its number changes with each."""
    try:
        found = crl.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return b""
    return b"delta" if isinstance(found, x509.DeltaCRLIndicator) else found.public_bytes()


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
