"""The circle of trust as the gate asks it: which certificate's name may speak for which domain, and which domains there
are, remembered for a while.

A new list is signalled by its commit (in any process) and forgets all answers; what no signal tells is asked again
within `KEPT_S`.
"""

import threading
from collections.abc import Iterable
from time import monotonic

from core.db import Db
from core.errors import BadInput
from core.freight import Signal
from directory.trusted import TOPIC, is_listed, is_withdrawn, parse_dn, trusts, trusts_anywhere

KEPT_S = 30.0
MOST = 10_000

Question = tuple[str | None, str | None]  # whose name, for which domain; None: any


class Circle:
    """Safe for use by several threads."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._kept: dict[Question, tuple[float, bool]] = {}
        self._age = 0
        self._withdrawn = False
        db.on_commit(self._heard)

    def remembers(self, dn_text: str, domain: str | None) -> bool:
        """Whether `trusts` would answer without reading the database."""
        return self._answer((dn_text, domain)) is not None

    def trusts(self, dn_text: str, domain: str | None) -> bool:
        """Whether the name (RFC 4514 text) is listed for the domain; for None, the null sender's: for any domain.

        Raises DatabaseDown.
        """
        known = self._answer((dn_text, domain))
        if known is None:
            known = self._learnt((dn_text, domain))
            self._withdrawn = not known and self._db.read(is_withdrawn)
        return known

    def remembers_domain(self, domain: str) -> bool:
        """Whether `lists` would answer without reading the database."""
        return self._answer((None, domain)) is not None

    def lists(self, domain: str) -> bool:
        """Whether anybody may speak for the domain. Raises DatabaseDown."""
        known = self._answer((None, domain))
        return self._learnt((None, domain)) if known is None else known

    @property
    def withdrawn(self) -> bool:
        """Whether the last name that was not listed met a list too old to be used: a reason to try again later."""
        return self._withdrawn

    def _answer(self, question: Question) -> bool | None:
        with self._lock:
            until, answer = self._kept.get(question, (0.0, False))
        return answer if until > monotonic() else None

    def _learnt(self, question: Question) -> bool:
        age = self._age
        answer = self._asked(*question)
        with self._lock:
            if age == self._age:
                if len(self._kept) >= MOST:
                    self._kept.clear()
                self._kept[question] = (monotonic() + KEPT_S, answer)
        return answer

    def _asked(self, dn_text: str | None, domain: str | None) -> bool:
        if dn_text is None:
            return domain is not None and self._db.read(is_listed, domain)
        try:
            shown = parse_dn(dn_text)
        except BadInput:
            return False
        if domain is None:
            return self._db.read(trusts_anywhere, shown)
        return self._db.read(trusts, domain, shown)

    def _heard(self, signals: Iterable[Signal]) -> None:
        if any(topic == TOPIC for topic, _ref in signals):
            with self._lock:
                self._age += 1
                self._kept.clear()
