"""Our own header lines: kept beside the message, never inside its bytes. RFC 5321 §4.4, RFC 8601, RFC 7281."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from core.address import Address
from core.value import Value
from crypto.verdict import Verdict, authentication_results

_UNSAFE = re.compile(r"[^A-Za-z0-9.:_\[\]-]+")


class Passage(Value, frozen=True):
    """How a message came in: what the peer called itself, where it called from, what it was told."""

    helo: str
    peer: str
    protocol: str  # RFC 3848: ESMTP, ESMTPS, ESMTPA, ESMTPSA
    host: str
    authserv_id: str
    message_id: int
    at: datetime


@lru_cache(maxsize=16)  # many messages come within one second
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


@lru_cache(maxsize=256)
def _results(verdict: Verdict, authserv_id: str) -> str:
    return authentication_results(verdict, authserv_id).decode()


def protocol_word(*, extended: bool, tls: bool, authenticated: bool) -> str:
    """RFC 3848."""
    if not extended:
        return "SMTP"
    return "ESMTP" + ("S" if tls else "") + ("A" if authenticated else "")


def trace_lines(passage: Passage, sender: Address | None, verdict: Verdict) -> str:
    """Return-Path, Received and Authentication-Results, CRLF after each. No recipient is named: copies may be blind."""
    helo, peer = _UNSAFE.sub("?", passage.helo)[:255], _UNSAFE.sub("?", passage.peer)[:64]
    return (
        f"Return-Path: <{sender.text if sender else ''}>\r\n"
        f"Received: from {helo or 'unknown'} ([{peer}])\r\n"
        f"\tby {passage.host} with {passage.protocol} id {passage.message_id};\r\n"
        f"\t{_date(int(passage.at.timestamp()))}\r\n"
    ) + _results(verdict, passage.authserv_id)
