"""What a message may not exceed, and the one error that says so."""

import enum

from core.errors import BadInput


class Bound(enum.Enum):
    """Why a message is refused. The value is safe to log and to count."""

    DEPTH = "mime-depth"
    PARTS = "mime-parts"
    HEADER = "header-octets"
    PARAMETERS = "parameters"
    BOUNDARY = "boundary-octets"
    ADDRESSES = "address-tokens"
    DECODED = "decoded-octets"
    STORED = "stored-tree"  # a part tree read back from the store is not one that we wrote


class MimeBounds(BadInput):
    """The message is larger or deeper than any honest one. `reason` names the bound, never the content."""

    def __init__(self, reason: Bound) -> None:
        super().__init__("the structure of the message passes our limits", f"mime bound: {reason.value}")
        self.reason = reason
