"""Certificates that were found good, each with the span of time for which the same anchors and lists say so again."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict

Span = tuple[dt.datetime, dt.datetime]  # both ends belong to it

REMEMBERED = 4096


class Standings:
    """Belongs to one `Trust`, whose anchors and lists never change. Safe for use by several threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Span] = OrderedDict()
        self._lock = threading.Lock()

    def is_good(self, der: bytes, at: dt.datetime) -> bool:
        """Whether this certificate was found good for a time that holds `at`."""
        span = self._known.get(der)
        return span is not None and span[0] <= at <= span[1]

    def keep(self, der: bytes, span: Span) -> None:
        """It was found good. The oldest is forgotten when there are too many."""
        with self._lock:
            self._known[der] = span
            self._known.move_to_end(der)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
