"""From the signer's certificate up to a pinned anchor (RFC 5280 §6), by pyhanko-certvalidator.

`crypto.routes` looks for the ways up, the library weighs them: what a stranger made never meets it, since one of our
pinned authorities must have signed it. Paths are remembered; the clock is checked each time.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import OrderedDict
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA224
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import ValidationContext
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
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import DisallowWeakAlgorithmsPolicy, PKIXValidationParams
from pyhanko_certvalidator.validate import async_validate_path

from crypto.anchors import as_anchor
from crypto.profile import check_profile
from crypto.reading import Folded, folded
from crypto.revocation import issuers_named
from crypto.routes import Path, Routes
from crypto.verdict import Reason, Refusal

Result = TypeVar("Result")

REMEMBERED = 4096
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL + 1)  # it writes the names of people
_WEAK = DisallowWeakAlgorithmsPolicy(frozenset({"md2", "md5", "sha1", "sha224"}))  # type: ignore[no-untyped-call]


class PathCache:
    """Finds and remembers paths below a fixed set of anchors and intermediates. Safe for use by several threads."""

    def __init__(self, anchors: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate]) -> None:
        read = {each: one for each in anchors if (one := _as_anchor(each)) is not None}
        self._anchors = read
        self._routes = Routes(read, intermediates)
        self._known: OrderedDict[bytes, Path] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, leaf: x509.Certificate, at: dt.datetime) -> Path:
        """Out: leaf first, anchor last, all valid at `at`. Raises Refusal."""
        encoded = leaf.public_bytes(Encoding.DER)
        with self._lock:
            path = self._known.get(encoded)
        if path is None or not all(_valid_at(certificate, at) for certificate in path):
            path = self._search(leaf, at)
            self._remember(encoded, path)
        return path

    def list_issuers(self, path: Path) -> set[Folded]:
        """The names of all who may sign lists about this path, about who signs those, and so on."""
        names: set[Folded] = set()
        found = {name for each in path for name in issuers_named(each)}
        while found - names:
            new, names = found - names, names | found
            found = {name for one in new for each in self._routes.named(one) for name in issuers_named(each)}
        return names

    def check_lists(self, path: Path, at: dt.datetime, lists: Iterable[bytes]) -> None:
        """RFC 5280 §6.3 in full, with revocation lists (DER) of every kind, for the whole path. Raises Refusal."""
        signers = [_parsed(one) for name in self.list_issuers(path) for one in self._routes.named(name)]
        context = ValidationContext(
            trust_roots=list(self._anchors.values()),
            other_certs=signers,
            moment=at,
            allow_fetching=False,
            crls=tuple(lists),
            revocation_mode="require",
            time_tolerance=dt.timedelta(0),
            algorithm_usage_policy=_WEAK,
        )
        self._validate(path, context)

    def _remember(self, encoded: bytes, path: Path) -> None:
        with self._lock:
            self._known[encoded] = path
            self._known.move_to_end(encoded)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _search(self, leaf: x509.Certificate, at: dt.datetime) -> Path:
        """The shortest that holds; where none does, why the shortest did not. Raises Refusal."""
        if isinstance(leaf.signature_hash_algorithm, SHA1 | SHA224) and self._routes.named(folded(leaf.issuer)):
            raise Refusal(Reason.WEAK_ALGORITHM)
        why = None
        for route in self._routes.up(leaf):
            try:
                self._check(route, at)
            except Refusal as refusal:
                why = why or refusal
            else:
                return route
        raise why or Refusal(Reason.UNTRUSTED)

    def _check(self, route: Path, at: dt.datetime) -> None:
        """All but revocation, which comes last: only where all else holds can "later" be the answer."""
        context = ValidationContext(
            trust_roots=[self._anchors[route[-1]]],
            moment=at,
            allow_fetching=False,
            revocation_mode="none",
            time_tolerance=dt.timedelta(0),
            algorithm_usage_policy=_WEAK,
        )
        self._validate(route, context)
        if not _valid_at(route[-1], at):  # RFC 5280 leaves the anchor's dates to us
            raise Refusal(Reason.EXPIRED if at > route[-1].not_valid_after_utc else Reason.NOT_YET_VALID)
        check_profile(route)

    def _validate(self, path: Path, context: ValidationContext) -> None:
        leaf, *between = [_parsed(each) for each in path[:-1]]
        _validate(ValidationPath(self._anchors[path[-1]], between[::-1], leaf), context)


def _validate(path: ValidationPath, context: ValidationContext) -> None:
    """RFC 5280 §6.1. Raises Refusal."""
    try:
        # the library heeds what an anchor says only beside parameters of one's own
        _run(async_validate_path(context, path, PKIXValidationParams()))
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


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine that never waits (nothing is fetched), so that no event loop is needed or disturbed."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    work.close()
    raise RuntimeError("path validation tried to wait")


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
