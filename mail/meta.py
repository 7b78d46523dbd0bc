"""What is kept sealed beside a message: our trace lines, who sent it to whom, the verdict, the answers of FETCH."""

from functools import cached_property

from msgspec.json import Decoder, encode
from pydantic_core import from_json

from core.value import Value
from crypto.sealed import Sealer, object_aad, unseal
from mail.part import Part, loads


def meta_aad(message_id: int) -> bytes:
    """What sealed meta-data is bound to."""
    return object_aad("meta", message_id, 1)


def key_aad(message_id: int) -> bytes:
    """What a wrapped object key is bound to."""
    return object_aad("key", message_id, 1)


class Answers(Value, frozen=True):
    """What FETCH answers from: wire texts, and the part tree as it is kept."""

    envelope: bytes
    body: bytes
    bodystructure: bytes
    tree_json: str

    @property
    def octets(self) -> int:
        """What the texts take."""
        return len(self.envelope) + len(self.body) + len(self.bodystructure) + len(self.tree_json)

    @classmethod
    def unseal(cls, key: bytes, sealed: bytes, message_id: int) -> "Answers":
        """From the row of a message, the rest of its meta-data left aside. Raises SealBroken."""
        found = from_json(unseal(key, sealed, meta_aad(message_id)))
        return cls(
            found["envelope_text"].encode("latin-1"),
            found["body_text"].encode("latin-1"),
            found["bodystructure_text"].encode("latin-1"),
            found["tree_json"],
        )


class MessageMeta(Value, frozen=True, dict=True):
    """Texts are decoded for people, `envelope`, `body` and `bodystructure` are ready for the wire.

    `trace` are our own header lines (CRLF), which never stand in the raw message. `sender` and `recipients` are the
    envelope's; an empty sender is the null sender. `verdict` and `reason` are words of `crypto.verify`. `tree_json` is
    the part tree of `mail.part`. A field that did not exist when the row was written is empty.
    """

    trace: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    from_: str = ""
    from_name: str = ""
    subject: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    date: str = ""
    size: int = 0
    sha256: str = ""
    received_at: int = 0
    listener: str = ""
    verdict: str = ""
    reason: str = ""
    signer: str = ""
    signer_subject: str = ""
    signer_certificate: str = ""
    tree_json: str = ""
    envelope_text: str = ""
    body_text: str = ""
    bodystructure_text: str = ""

    def __repr__(self) -> str:
        return f"MessageMeta(size={self.size}, verdict={self.verdict!r})"

    @property
    def envelope(self) -> bytes:
        """ENVELOPE as it goes over the wire."""
        return self.envelope_text.encode("latin-1")

    @property
    def body(self) -> bytes:
        """BODY as it goes over the wire."""
        return self.body_text.encode("latin-1")

    @property
    def bodystructure(self) -> bytes:
        """BODYSTRUCTURE as it goes over the wire."""
        return self.bodystructure_text.encode("latin-1")

    @cached_property
    def tree(self) -> Part:
        """The offsets of the parts in the raw message."""
        return loads(self.tree_json.encode())

    def sealed(self, with_: Sealer, message_id: int) -> bytes:
        """For the row."""
        return with_.seal(encode(self), meta_aad(message_id))

    @classmethod
    def unseal(cls, key: bytes, sealed: bytes, message_id: int) -> "MessageMeta":
        """From the row. Raises SealBroken."""
        return _READER.decode(unseal(key, sealed, meta_aad(message_id)))


_READER = Decoder(MessageMeta)
