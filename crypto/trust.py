"""Whom we trust: anchors, intermediates that the operator gave, revocation lists that the operator fetched.

Nothing here comes from a message, and nothing is fetched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509

from crypto.path import PathCache
from crypto.reading import UNREADABLE
from crypto.revocation import Lists, Named, check_plain, delta_revokes, freshness
from crypto.routes import Path
from crypto.standing import Standings
from crypto.verdict import Reason, Refusal

__all__ = ["BadTrust", "Trust"]


class BadTrust(ValueError):
    """Anchors or intermediates cannot be read."""


@dataclass(frozen=True, repr=False)
class Trust:
    """Make a new one when anchors or lists change; share one between threads and verifications (it remembers paths)."""

    anchors: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    lists: Lists = field(default_factory=Lists)
    paths: PathCache = field(init=False, compare=False)
    standings: Standings = field(init=False, compare=False, default_factory=Standings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", PathCache(self.anchors, self.intermediates))

    def __repr__(self) -> str:
        return (
            f"Trust({len(self.anchors)} anchors, {len(self.intermediates)} intermediates, {len(self.lists.raw)} lists)"
        )

    def check_revocation(self, path: Path, at: dt.datetime) -> None:
        """`path`: as `paths.find` gave it. Raises Refusal: REVOKED, REVOCATION_UNKNOWN, REVOCATION_STALE; nothing
        where the operator gave no lists to look into."""
        if not self.lists.wanted:
            return
        others = self._speaking(path, self.lists.others)
        try:
            check_plain(path, self.lists, at)
        except Refusal as refusal:
            # an authority may sign its lists with another key than certificates
            rolled_over = refusal.reason is Reason.REVOCATION_UNKNOWN and self._speaking(path, self.lists.raw)
            if not others and not rolled_over:
                raise
        else:
            if not others:
                return
        self.paths.check_lists(path, at, self._speaking(path, self.lists.raw))
        if delta_revokes(path, others, at):  # the validator reads a delta only where something points at it
            raise Refusal(Reason.REVOKED)

    def keep_good(self, der: bytes, path: Path, at: dt.datetime) -> None:
        """`der`, the first of `path`, has passed all of its checks at `at`, revocation among them: it would pass them
        again for as long as the path is valid and the lists are fresh. Where plain lists alone do not tell, or newer
        ones wait for their time, nothing is kept."""
        spans = [(each.not_valid_before_utc, each.not_valid_after_utc) for each in path]
        if self.lists.wanted:
            fresh = freshness(path, self.lists, at)
            if len(fresh) < len(path) - 1 or self._speaking(path, self.lists.others):
                return
            spans += fresh
        self.standings.keep(der, (max(since for since, _ in spans), min(until for _, until in spans)))

    def _speaking(self, path: Path, lists: tuple[Named, ...]) -> list[bytes]:
        """Those of these lists that may speak of the path, or of who signs such a list: with the lists of a whole
        country the validator would read all of them each time."""
        names = self.paths.list_issuers(path) if lists else set()
        return [der for name, der in lists if name in names]

    @classmethod
    def load(cls, anchors: bytes, intermediates: bytes = b"", crls: Iterable[bytes] | None = None) -> Trust:
        """In: PEM bundles, and lists in DER or PEM; None where revocation is not looked at. Raises BadTrust."""
        roots, middle = _certificates(anchors), _certificates(intermediates)
        if not roots:
            raise BadTrust("no trust anchor")
        return cls(roots, middle, Lists.load(crls, (*roots, *middle)))

    def with_crls(self, crls: Iterable[bytes]) -> Trust:
        """The same anchors with other lists."""
        return Trust(self.anchors, self.intermediates, Lists.load(crls, (*self.anchors, *self.intermediates)))


def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    if not pem.strip():
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except UNREADABLE:
        raise BadTrust("a certificate cannot be read") from None


def readable(pem: bytes) -> bool:
    """Whether every certificate of this PEM text can be read, and there is one."""
    try:
        return bool(_certificates(pem))
    except BadTrust:
        return False
