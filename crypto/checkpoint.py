"""Signed checkpoints of a growing tree: C2SP tlog-checkpoint in a signed note, Ed25519 (RFC 8032).

Text: origin, size and root in lines of their own, then the time, an empty line, and the signature line
`— origin base64(key id ‖ signature)`. Whoever has the verifier key checks it without us: it holds no secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519 = b"\x01"  # C2SP signed-note: signature type
ID_BYTES = 4
DASH = "— "
MOST_LINES = 16
_ORIGIN = re.compile(r"pli-audit/[0-9a-f]{16}")


class NotSigned(ValueError):
    """The text is no checkpoint, or not one of this key."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree had `size` leaves and this root at this time."""

    size: int
    root: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Verifier:
    """Knows the public key only."""

    origin: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """From `origin+id+base64(type ‖ key)`. Raises NotSigned."""
        origin, _, rest = text.strip().partition("+")
        _id, _, key = rest.partition("+")
        raw = _decoded(key)
        found = cls(origin, raw[1:])
        if raw[:1] != ED25519 or len(found.public) != 32 or found.text != text.strip():
            raise NotSigned("no verifier key")
        return found

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.origin.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key, to be handed to auditors."""
        return f"{self.origin}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this key signed. Raises NotSigned."""
        body, _, signed = note.partition("\n\n")
        if len(body.split("\n")) > MOST_LINES or not signed.startswith(DASH):
            raise NotSigned("no checkpoint")
        origin, _, encoded = signed.strip().removeprefix(DASH).partition(" ")
        raw = _decoded(encoded)
        if origin != self.origin or not hmac.compare_digest(raw[:ID_BYTES], self.key_id):
            raise NotSigned("signed by another key")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(raw[ID_BYTES:], body.encode() + b"\n")
        except InvalidSignature:
            raise NotSigned("the signature does not hold") from None
        return _read(body, self.origin)


class Signer:
    """Signs as one origin; the key is made of 32 secret bytes."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.verifier = Verifier("pli-audit/" + hashlib.sha256(public).hexdigest()[:16], public)

    def note(self, checkpoint: Checkpoint) -> str:
        """The signed note, with its last line end."""
        root = base64.b64encode(checkpoint.root).decode()
        at = checkpoint.at.astimezone(UTC).isoformat(timespec="seconds")
        body = f"{self.verifier.origin}\n{checkpoint.size}\n{root}\n{at}\n"
        signature = base64.b64encode(self.verifier.key_id + self._key.sign(body.encode())).decode()
        return f"{body}\n{DASH}{self.verifier.origin} {signature}\n"


def split_notes(text: str) -> list[str]:
    """The notes of a file, one behind the other; what a power cut tore, unsigned, is left out."""
    found, lines = list[str](), list[str]()
    for line in text.split("\n"):
        if _ORIGIN.fullmatch(line):
            lines = []
        lines.append(line)
        if line.startswith(DASH):
            found.append("\n".join(lines) + "\n")
            lines = []
    return found


def _read(body: str, origin: str) -> Checkpoint:
    lines = body.split("\n")
    try:
        if lines[0] != origin or len(lines) < 4 or not lines[1].isascii() or not lines[1].isdigit():
            raise NotSigned("no checkpoint")
        return Checkpoint(int(lines[1]), _decoded(lines[2]), datetime.fromisoformat(lines[3]))
    except ValueError:
        raise NotSigned("no checkpoint") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotSigned("not in base64") from None
