"""What every stage is."""

from typing import Protocol

from mail.incoming import Incoming
from mail.replies import MailError


class Stage(Protocol):
    """One rule. `check` says None, or the refusal that the peer will read. It may raise DatabaseDown."""

    name: str

    def check(self, mail: Incoming) -> MailError | None: ...

    def waits(self, _mail: Incoming) -> bool:
        """Whether `check` would wait for a database or a network: then it is asked on a thread, never on the loop."""
        return False
