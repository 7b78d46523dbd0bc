"""What a user's own mail program makes: a letter, signed with the user's certificate."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.address import Address
from core.ids import token
from crypto.identity import Identity
from crypto.protected import protect
from crypto.sign import sign_message
from mail.compose import Attachment, Draft, header_block, mime_entity

PDF = "application/pdf"


@dataclass(frozen=True)
class Letter:
    """`message_id` with its angle brackets, as it stands in the header."""

    raw: bytes
    message_id: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


def letter(
    user: dict[str, Any],
    to: str,
    subject: str,
    *,
    text: str = "Bonjour, voici ma demande inventée.",
    files: Sequence[tuple[str, str, bytes]] = (),
    answers: str = "",
    sender: str = "",
    extra: tuple[tuple[str, str], ...] = (),
) -> Letter:
    """`user` has `address`, `certificate`, `key`, as in demo.json; `sender` is another address for From; `files` are
    (name, media type, octets); `answers` is the Message-ID of the message answered."""
    author, seal = Address.parse(sender or user["address"]), Identity.load(user["certificate"], user["key"])
    message_id = f"{token()}@{author.domain}"
    draft = Draft(
        sender=author,
        sender_name=user.get("name", ""),
        recipients=[Address.parse(to)],
        subject=subject,
        text=f"{text}\n",
        message_id=message_id,
        date=datetime.now(UTC),
        in_reply_to=answers,
        attachments=[Attachment(media, name, content) for name, media, content in files],
        extra=extra,
    )
    head = header_block(draft)
    raw = sign_message(head, protect(head, mime_entity(draft)), seal.key, seal.certificate, seal.chain)
    return Letter(raw, f"<{message_id}>", text)


def altered(raw: bytes, near: bytes = b"application/pdf") -> bytes:
    """One octet changed, a hundred octets into the content after `near`."""
    place = raw.index(b"\r\n\r\n", raw.index(near)) + 100
    return raw[:place] + (b"B" if raw[place : place + 1] == b"A" else b"A") + raw[place + 1 :]
