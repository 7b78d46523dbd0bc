"""Delivery status notifications of other operators, read: which message, which recipients, what happened. RFC 3464."""

from dataclasses import dataclass

from mail.content import decode_part
from mail.headers import Headers, header_end
from mail.part import Part, numbered
from mail.words import decode

STATUS = "message/delivery-status"
ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
MOST = 1000  # recipients of one report
_FIELD_OCTETS = 256 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """One recipient of a report: `action` is a word of RFC 3464 §2.3.3, `status` an enhanced code."""

    recipient: str
    action: str
    status: str


def parse(raw: bytes, tree: Part) -> tuple[Told, ...]:
    """What a message reports; empty when it is no report. Raises MimeBounds."""
    part = next((part for _path, part in numbered(tree) if part.media == STATUS), None)
    if part is None:
        return ()
    data = decode_part(raw, part, _FIELD_OCTETS).replace(b"\r\n", b"\n")
    groups = [Headers(group + b"\n") for group in data.split(b"\n\n")[: MOST + 1] if group.strip()]
    found = [(_of(group, b"final-recipient"), _of(group, b"action"), _of(group, b"status")) for group in groups]
    return tuple(
        Told(recipient.rpartition(";")[2].strip(), action.lower(), status.split(" ")[0])
        for recipient, action, status in found
        if recipient and action.lower() in ACTIONS
    )


def original_id(raw: bytes, tree: Part) -> str:
    """The Message-ID of the mail that comes back with a report, whole or its header; empty without one."""
    for _path, part in numbered(tree):
        if part.media == "message/rfc822" and part.message is not None:
            return _of(Headers(raw[part.message.start : part.message.body]), b"message-id")
        if part.media in {"text/rfc822-headers", "message/rfc822"}:
            data = decode_part(raw, part, _FIELD_OCTETS)
            return _of(Headers(data[: header_end(data, 0, len(data))]), b"message-id")
    return ""


def _of(fields: Headers, name: bytes) -> str:
    return decode(fields.first(name) or b"").strip()[:1000]
