"""A valid signature is not yet the right sender: certificate address = From = Sender = envelope sender."""

from __future__ import annotations

from collections.abc import Sequence

from crypto.mailbox import only_address, same_address
from crypto.rawmime import Header
from crypto.verdict import Reason, Refusal


def check_binding(header: Header, emails: Sequence[str], envelope_sender: str | None) -> str:
    """Out: the sender's address. Raises Refusal.

    `emails`: the rfc822Names of the signer's certificate (RFC 8550 §3). `envelope_sender`: None where not known, "" for
    a report (RFC 5321 §4.5.5); both bind nothing.
    """
    if not emails:
        raise Refusal(Reason.NO_EMAIL)
    written = header.all("from")
    if len(written) != 1:
        raise Refusal(Reason.FROM_COUNT)
    address = only_address(written[0])
    if not any(same_address(address, email) for email in emails):
        raise Refusal(Reason.FROM_MISMATCH)
    _check_sender(header, address)
    if envelope_sender and not same_address(envelope_sender, address):
        raise Refusal(Reason.ENVELOPE_MISMATCH)
    return address


def _check_sender(header: Header, address: str) -> None:
    senders = header.all("sender")
    if len(senders) > 1 or any(not same_address(only_address(sender), address) for sender in senders):
        raise Refusal(Reason.SENDER_MISMATCH)
