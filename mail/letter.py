"""A whole message read once: its header, its description, and what is kept about it."""

from datetime import datetime

from core.clock import epoch_ms
from crypto.verdict import Verdict
from mail.addresses import addresses
from mail.bounds import MimeBounds
from mail.headers import Headers, header_end
from mail.incoming import Incoming, Letter
from mail.meta import MessageMeta
from mail.part import dumps
from mail.spool import Spooled
from mail.structure import Description, describe
from mail.words import decode, decode_words

MOST_SHOWN = 1000  # characters of a subject or name that are kept to be shown; the message itself has them all

# How clients see the verdict; they cannot set these (mail.folder_rows.OURS).
VERDICT_FLAGS = {
    "pass": "$SignaturePass",
    "fail": "$SignatureFail",
    "permerror": "$SignatureFail",
    "temperror": "$SignatureUnknown",
    "none": "$SignatureNone",
}


def read_letter(raw: bytes) -> Letter:
    """Header and description of a message. Never raises: what passes a bound is said in `broken`."""
    try:
        description = describe(raw)
    except MimeBounds as error:
        return Letter(raw, _headers(raw), None, error)
    return Letter(raw, description.headers, description)


def meta_of(
    mail: Incoming, letter: Letter, description: Description, body: Spooled, trace: str, verdict: Verdict
) -> MessageMeta:
    """What is kept sealed beside the message."""
    sender = (mail.sender.text if mail.sender else "", tuple(each.address.text for each in mail.recipients))
    return build_meta(letter, description, body, sender, trace, verdict, mail.received_at, mail.door.value)


def build_meta(
    letter: Letter,
    description: Description,
    body: Spooled,
    envelope: tuple[str, tuple[str, ...]],
    trace: str,
    verdict: Verdict,
    received_at: datetime,
    listener: str,
) -> MessageMeta:
    """As `meta_of`, for a message that no envelope brought: `envelope` is (sender, recipients)."""
    headers = letter.headers
    from_, from_name = first_from(headers)
    return MessageMeta(
        trace=trace,
        sender=envelope[0],
        recipients=envelope[1],
        from_=from_,
        from_name=from_name,
        subject=_words(headers, b"subject"),
        message_id=_id(headers, b"message-id"),
        in_reply_to=_id(headers, b"in-reply-to"),
        date=_words(headers, b"date"),
        size=body.size,
        sha256=body.sha256.hex(),
        received_at=epoch_ms(received_at),
        listener=listener,
        verdict=verdict.signature.value,
        reason=verdict.reason.value,
        signer=verdict.signer_email or "",
        signer_subject=verdict.signer_subject or "",
        signer_certificate=verdict.certificate_sha256 or "",
        tree_json=dumps(description.tree).decode(),
        envelope_text=description.envelope.decode("latin-1"),
        body_text=description.body.decode("latin-1"),
        bodystructure_text=description.bodystructure.decode("latin-1"),
    )


def first_from(headers: Headers) -> tuple[str, str]:
    """Address and display name of the first From mailbox; empty where there is none. Raises MimeBounds."""
    for found in addresses(headers.first(b"from") or b"").items:
        if found.is_mailbox:
            return decode(found.address)[:MOST_SHOWN], decode_words(found.name or b"")[:MOST_SHOWN]
    return "", ""


def is_signed(description: Description) -> bool:
    """Worth a verification: anything that claims to be signed or enveloped by CMS."""
    return description.tree.media in {"multipart/signed", "application/pkcs7-mime", "application/x-pkcs7-mime"}


def _headers(raw: bytes) -> Headers:
    try:
        return Headers(raw[: header_end(raw, 0, len(raw))])
    except MimeBounds:
        return Headers(b"")


def _words(headers: Headers, name: bytes) -> str:
    return decode_words(headers.first(name) or b"")[:MOST_SHOWN]


def _id(headers: Headers, name: bytes) -> str:
    return decode(headers.first(name) or b"").strip()[:MOST_SHOWN]
