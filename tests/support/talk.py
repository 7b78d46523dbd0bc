"""The physician in her room, and those who write to her: a running demonstration as its users see it."""

import email
import time
from typing import Any

from tests.support.flow import Flow, User
from tests.support.matrix_user import MatrixUser


class Talk:
    """The physician in her room, and the pharmacist's mail client."""

    def __init__(self, flow: Flow, physician: MatrixUser, room: str) -> None:
        self.flow, self.physician, self.room = flow, physician, room

    def mail(self, subject: str, text: str, **more: Any) -> Any:
        """The pharmacist writes to the physician by SMTP; returns the letter."""
        to = self.flow.physician["address"]
        written = self.flow.write(self.flow.pharmacy, to, subject, text=text, **more)
        self.flow.submit(self.flow.pharmacy, written.raw, to)
        return written

    def answer(self, subject: str, user: User | None = None) -> Any:
        """The mail with this subject in the pharmacist's INBOX, or another user's, parsed; its signature holds."""
        found = None
        for _ in range(120):
            found = self.flow.look(user or self.flow.pharmacy, subject=subject)
            if found:
                break
            time.sleep(0.5)  # each look is a TLS connection of its own
        assert found, subject
        raw, flags = found
        assert "$SignaturePass" in flags
        return email.message_from_bytes(raw, policy=email.policy.default)

    def homeserver_store(self) -> bytes:
        """Database, its log and media of Synapse; not the bridge's keys, nor those of the demonstration's players."""
        folder = self.flow.home / "matrix"
        found = [path for path in sorted(folder.glob("homeserver*")) if path.is_file()]
        found += [path for path in sorted((folder / "media").rglob("*")) if path.is_file()]
        return b"".join(path.read_bytes() for path in found)


def answers(event: Any, asked: str) -> bool:
    """Whether this event answers that one."""
    content = getattr(event, "source", {}).get("content", {})
    return content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == asked
