"""What passes between the bridge and its Matrix client, in words of ours: nothing here knows a library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import Permanent, Temporary


class ChatLost(Temporary):
    """The homeserver does not answer, or not well: try again."""


class ChatDenied(ChatLost):
    """The homeserver answers no to this one request; its errcode is the cause."""


class SessionEnded(Permanent):
    """The bridge's session was revoked or locked: nothing more can be done with it."""


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """One event of a room's timeline, decrypted. `unread` holds the ciphertext where its key is not there yet.

    `redacts`: the event that this one takes back; of a membership, the member. `sender_key`: of the device that has
    encrypted it; empty where it came in clear.
    """

    event_id: str
    room_id: str
    sender: str
    sent_at: int
    type: str
    content: Mapping[str, Any]
    unread: Mapping[str, Any] | None = None
    redacts: str = ""
    sender_key: str = ""

    def __repr__(self) -> str:
        return f"Received({self.type})"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody asks the bridge into a room."""

    room_id: str
    inviter: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Events between the last batch and this one that were not sent: to be fetched back from `before`."""

    room_id: str
    before: str


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """One answer of /sync. `new_keys`: sessions whose room keys came, which may open what waits."""

    token: str
    events: tuple[Received, ...] = ()
    invitations: tuple[Invitation, ...] = ()
    gaps: tuple[Gap, ...] = ()
    left: tuple[str, ...] = ()
    new_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """A file in the homeserver's store, encrypted: the `file` of a message's content."""

    file: Mapping[str, Any] = field(default_factory=dict)
