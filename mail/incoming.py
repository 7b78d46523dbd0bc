"""A mail on its way in, as the stages see it: a value that grows, never a thing that they change."""

import enum
from datetime import datetime

from core.address import Address
from core.value import Value
from mail.auth import Identity
from mail.bounds import MimeBounds
from mail.dsn_parameters import NO_MAIL_WISHES, MailWishes
from mail.headers import Headers
from mail.recipients import Recipient
from mail.structure import Description


class Door(enum.Enum):
    """By which listener it comes."""

    MX = "mx"  # another operator
    SUBMISSION = "submission"  # one of our users
    COLLECT = "collect"  # fetched from a mailbox at another operator


class Peer(Value, frozen=True):
    """Who is at the other end. `certificate_dn` (RFC 4514 text) and its SHA-256 come from a checked client
    certificate; both are empty without one. `address` is the IP address."""

    address: str
    helo: str = ""
    extended: bool = False
    tls: bool = False
    certificate_dn: str = ""
    certificate_sha256: str = ""

    def __repr__(self) -> str:
        return f"Peer({self.address})"


class Letter(Value, frozen=True):
    """The message itself, once it is whole. `description` is None when `broken` says which bound it passes."""

    raw: bytes
    headers: Headers
    description: Description | None
    broken: MimeBounds | None = None


class Incoming(Value, frozen=True):
    """What is known so far. `sender` is None for the null sender. `recipient` is the one being named, at RCPT;
    `letter` is there at the end of DATA; `size` is the declared size before it, the real one after. `wishes` is what
    the sender asks to be told (RFC 3461); each recipient has its own. `require_tls`: only to servers that promise to
    keep it under TLS (RFC 8689)."""

    door: Door
    peer: Peer
    received_at: datetime
    identity: Identity | None = None
    sender: Address | None = None
    recipients: tuple[Recipient, ...] = ()
    recipient: Recipient | None = None
    size: int | None = None
    letter: Letter | None = None
    wishes: MailWishes = NO_MAIL_WISHES
    require_tls: bool = False

    @property
    def from_patient(self) -> bool:
        """A patient writes: by the address, or by the account."""
        by_account = self.identity is not None and self.identity.role == "patient"
        return by_account or (self.sender is not None and self.sender.is_patient)

    def __repr__(self) -> str:
        return f"Incoming({self.door.value}, {len(self.recipients)} recipients)"
