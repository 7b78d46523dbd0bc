"""What this room needs of the mail room to write a letter of its own."""

from typing import Protocol

from core.address import Address


class Submitter(Protocol):
    """Sends a plain letter from one of our mailboxes, signed with that mailbox's seal."""

    def submit(
        self,
        sender_mailbox_id: int,
        recipients: tuple[Address, ...],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
    ) -> int:
        """Durable when it returns the message's id. The same key sends once, whatever else is asked.

        `text` has LF line ends, `in_reply_to` is a Message-ID or empty. Raises Temporary, Permanent.
        """
        ...
