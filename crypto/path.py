"""From the signer's certificate up to a pinned anchor (RFC 5280 §6), by pyhanko-certvalidator.

A certificate from a message reaches that library only after one of our pinned authorities was seen to have signed it:
what a stranger made never meets the path builder. Paths are remembered; the clock is checked each time.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA224
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    PathBuildingError,
    RevokedError,
    StaleRevinfoError,
    ValidationError,
)
from pyhanko_certvalidator.policy_decl import DisallowWeakAlgorithmsPolicy, PKIXValidationParams

from crypto.anchors import as_anchor
from crypto.profile import check_profile
from crypto.reading import Folded, folded
from crypto.revocation import issuers_named
from crypto.verdict import Reason, Refusal

Path = tuple[x509.Certificate, ...]
Result = TypeVar("Result")

REMEMBERED = 4096
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL + 1)  # it writes the names of people
_WEAK = DisallowWeakAlgorithmsPolicy(frozenset({"md2", "md5", "sha1", "sha224"}))  # type: ignore[no-untyped-call]


class PathCache:
    """Finds and remembers paths below a fixed set of anchors and intermediates. Safe for use by several threads."""

    def __init__(self, anchors: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate]) -> None:
        self._anchors = tuple(anchors)
        self._authorities = (*self._anchors, *intermediates)
        self._named: defaultdict[Folded, list[x509.Certificate]] = defaultdict(list)
        for each in self._authorities:
            self._named[folded(each.subject)].append(each)
        self._parsed_anchors = [one for each in self._anchors if (one := _as_anchor(each)) is not None]
        self._parsed_others = [_parsed(certificate) for certificate in self._authorities[len(self._anchors) :]]
        self._known: OrderedDict[bytes, Path] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, leaf: x509.Certificate, at: dt.datetime) -> Path:
        """Out: leaf first, anchor last, all valid at `at`. Raises Refusal."""
        encoded = leaf.public_bytes(Encoding.DER)
        with self._lock:
            path = self._known.get(encoded)
        if path is None or not all(_valid_at(certificate, at) for certificate in path):
            path = self._search(leaf, encoded, at)
            self._remember(encoded, path)
        return path

    def list_issuers(self, path: Path) -> set[Folded]:
        """The names of all who may sign lists about this path, about who signs those, and so on."""
        names: set[Folded] = set()
        found = {name for each in path for name in issuers_named(each)}
        while found - names:
            new, names = found - names, names | found
            found = {name for one in new for each in self._named.get(one, ()) for name in issuers_named(each)}
        return names

    def check_lists(self, leaf: x509.Certificate, at: dt.datetime, lists: Iterable[bytes]) -> None:
        """RFC 5280 §6.3 in full, with revocation lists (DER) of every kind, for the whole path. Raises Refusal."""
        context = self._context(at, "require", tuple(lists))
        _validate(_parsed(leaf), context)

    def _context(self, at: dt.datetime, revocation: str, lists: tuple[bytes, ...] = ()) -> ValidationContext:
        return ValidationContext(
            trust_roots=self._parsed_anchors,
            other_certs=self._parsed_others,
            moment=at,
            allow_fetching=False,
            crls=lists,
            revocation_mode=revocation,
            time_tolerance=dt.timedelta(0),
            algorithm_usage_policy=_WEAK,
        )

    def _remember(self, encoded: bytes, path: Path) -> None:
        with self._lock:
            self._known[encoded] = path
            self._known.move_to_end(encoded)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _search(self, leaf: x509.Certificate, encoded: bytes, at: dt.datetime) -> Path:
        _check_issued(leaf, self._named.get(folded(leaf.issuer), ()))
        context = self._context(at, "none")  # lists come last: only where all else holds can "later" be the answer
        path = _validate(asn1.Certificate.load(encoded), context)
        anchor = self._anchor(path[-1])
        if not _valid_at(anchor, at):  # RFC 5280 leaves the anchor's dates to us
            raise Refusal(Reason.EXPIRED if at > anchor.not_valid_after_utc else Reason.NOT_YET_VALID)
        found = (leaf, *(x509.load_der_x509_certificate(der) for der in path[1:-1]), anchor)
        check_profile(found)
        return found

    def _anchor(self, encoded: bytes) -> x509.Certificate:
        return next(anchor for anchor in self._anchors if anchor.public_bytes(Encoding.DER) == encoded)


def _validate(leaf: asn1.Certificate, context: ValidationContext) -> list[bytes]:
    """Out: DER of each certificate, leaf first. Raises Refusal."""
    # the library heeds what an anchor says only beside parameters of one's own
    validator = CertificateValidator(leaf, validation_context=context, pkix_params=PKIXValidationParams())
    try:
        path = _run(validator.async_validate_path())
    except ExpiredError:
        raise Refusal(Reason.EXPIRED) from None
    except NotYetValidError:
        raise Refusal(Reason.NOT_YET_VALID) from None
    except RevokedError:
        raise Refusal(Reason.REVOKED) from None
    except StaleRevinfoError:
        raise Refusal(Reason.REVOCATION_STALE) from None
    except InsufficientRevinfoError:
        raise Refusal(Reason.REVOCATION_UNKNOWN) from None
    except DisallowedAlgorithmError:
        raise Refusal(Reason.WEAK_ALGORITHM) from None
    except PathBuildingError:
        raise Refusal(Reason.UNTRUSTED) from None
    except (ValidationError, NotImplementedError, TypeError):  # kinds of name constraints that it cannot weigh
        raise Refusal(Reason.BAD_PATH) from None
    return [certificate.dump() for certificate in path][::-1]


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine that never waits (nothing is fetched), so that no event loop is needed or disturbed."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    work.close()
    raise RuntimeError("path validation tried to wait")


def _check_issued(leaf: x509.Certificate, named: Sequence[x509.Certificate]) -> None:
    """At least one of the pinned authorities of the issuer's name signed this certificate. Raises Refusal."""
    if not named:
        raise Refusal(Reason.UNTRUSTED)
    if isinstance(leaf.signature_hash_algorithm, SHA1 | SHA224):
        raise Refusal(Reason.WEAK_ALGORITHM)
    if not any(_signed_by(leaf, authority) for authority in named):
        raise Refusal(Reason.UNTRUSTED)


def _signed_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    key, signed, signature = authority.public_key(), leaf.tbs_certificate_bytes, leaf.signature
    try:
        parameters, digest = leaf.signature_algorithm_parameters, leaf.signature_hash_algorithm
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


def _valid_at(certificate: x509.Certificate, at: dt.datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _as_anchor(certificate: x509.Certificate) -> CertTrustAnchor | None:
    """None where it says something of those below that cannot be read: nobody is trusted through it."""
    try:
        return as_anchor(_parsed(certificate))
    except (ValueError, TypeError, KeyError):
        return None


def _parsed(certificate: x509.Certificate) -> asn1.Certificate:
    return asn1.Certificate.load(certificate.public_bytes(Encoding.DER))
