"""The ways from a certificate up to the anchors, by names and signatures: shortest first, and never many.

Authorities that certify one another make more ways than anybody can walk: twenty certificates kept a path builder busy
for minutes. What leads to no anchor is left out beforehand, and the rest is looked for by its length.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crypto.reading import UNREADABLE, Folded, folded

Path = tuple[x509.Certificate, ...]

MOST_ROUTES = 16
MOST_STEPS = 2000
LONGEST = 64


@dataclass(frozen=True, eq=False, repr=False)
class Authority:
    """One pinned certificate. `entity`: its name and key; the same twice in a path would be a circle."""

    certificate: x509.Certificate
    is_anchor: bool
    entity: tuple[Folded, bytes]
    issuer: Folded


class Routes:
    """Below a fixed set of anchors and intermediates. Safe for use by several threads."""

    def __init__(self, anchors: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate]) -> None:
        roots = [one for each in anchors if (one := _authority(each, is_anchor=True)) is not None]
        known = {one.certificate.public_bytes(Encoding.DER) for one in roots}
        others = [each for each in intermediates if each.public_bytes(Encoding.DER) not in known]
        below = [one for each in others if (one := _authority(each, is_anchor=False)) is not None]
        self._named: defaultdict[Folded, list[Authority]] = defaultdict(list)
        for one in (*roots, *_reaching(roots, below)):
            self._named[one.entity[0]].append(one)
        self._signed: dict[tuple[int, int], bool] = {}

    def named(self, name: Folded) -> list[x509.Certificate]:
        """Those of this name that lead to an anchor."""
        return [one.certificate for one in self._named.get(name, ())]

    def up(self, leaf: x509.Certificate) -> Iterator[Path]:
        """Leaf first, anchor last; each signed by the next. Dates and all else are not looked at."""
        begun: deque[tuple[Authority, ...]] = deque([()])
        steps = found = 0
        while begun and found < MOST_ROUTES:
            above = begun.popleft()
            for one in self._named.get(above[-1].issuer if above else folded(leaf.issuer), ()):
                steps += 1
                if steps > MOST_STEPS:
                    return
                if any(one.entity == each.entity for each in above) or not self._holds(leaf, above, one):
                    continue
                if one.is_anchor:
                    found += 1
                    yield (leaf, *(each.certificate for each in above), one.certificate)
                elif len(above) < LONGEST:
                    begun.append((*above, one))

    def _holds(self, leaf: x509.Certificate, above: tuple[Authority, ...], one: Authority) -> bool:
        """Between authorities it is reckoned once."""
        if not above:
            return signed_by(leaf, one.certificate)
        pair = id(above[-1]), id(one)
        if pair not in self._signed:
            self._signed[pair] = signed_by(above[-1].certificate, one.certificate)
        return self._signed[pair]


def _authority(certificate: x509.Certificate, *, is_anchor: bool) -> Authority | None:
    """None for a key that nobody can check anything with."""
    try:
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Authority(certificate, is_anchor, (folded(certificate.subject), key), folded(certificate.issuer))
    except UNREADABLE:
        return None


def _reaching(roots: Iterable[Authority], below: Iterable[Authority]) -> list[Authority]:
    """Those that have an anchor above them, by their names alone."""
    issued: defaultdict[Folded, list[Authority]] = defaultdict(list)
    for one in below:
        issued[one.issuer].append(one)
    names = deque({one.entity[0] for one in roots})
    seen, found = set(names), []
    while names:
        for one in issued.get(names.popleft(), ()):
            found.append(one)
            if one.entity[0] not in seen:
                seen.add(one.entity[0])
                names.append(one.entity[0])
    return found


def signed_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    """Whether the key of `upper` made the signature of `lower`, by whatever algorithm."""
    key, signed, signature = upper.public_key(), lower.tbs_certificate_bytes, lower.signature
    try:
        parameters, digest = lower.signature_algorithm_parameters, lower.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and digest is not None:
            key.verify(signature, signed, parameters, digest)  # type: ignore[arg-type]  # TypeError below
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
            key.verify(signature, signed, parameters)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True
