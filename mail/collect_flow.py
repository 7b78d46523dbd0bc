"""How much another operator's server may say before it is asked again: aioimaplib itself would hold a literal of any
size, whatever RFC822.SIZE had told before."""

from aioimaplib import IMAP4_SSL

from mail.limits import MESSAGE_OCTETS

MOST = MESSAGE_OCTETS + 1024 * 1024  # a message and what is said around it, or the UIDs of a large folder


class Flow:
    """Stands before the client's protocol; hangs up on a server that says too much."""

    def __init__(self, client: IMAP4_SSL) -> None:
        self._protocol = client.protocol
        self._take = client.protocol.data_received
        self._left = MOST
        client.protocol.data_received = self._received

    def begin(self) -> None:
        """The server is asked anew."""
        self._left = MOST

    def _received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left >= 0:
            self._take(data)
        elif self._protocol.transport is not None:
            self._protocol.transport.abort()
