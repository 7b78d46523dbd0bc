"""What the operator's page shows; `ops` gathers it, as it alone knows the whole house."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from portal.lights import Light


@dataclass(frozen=True, slots=True)
class Waiting:
    """One promise that is not kept yet, or was given up; `reason` is our own word."""

    row: str
    work: str
    state: str
    attempts: int
    due: str
    reason: str


@dataclass(frozen=True, slots=True)
class Boxes:
    """So many mailboxes of this kind and state, with so many messages."""

    kind: str
    state: str
    mailboxes: int
    messages: int


@dataclass(frozen=True, slots=True)
class Span:
    """What came in and what was filed within one hour or day."""

    label: str
    received: int
    filed: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that a person should look at: ids and our own words only."""

    at: str
    what: str
    actor: str
    outcome: str
    detail: str


class Overview(Protocol):
    """Asked at each view of the page."""

    def lights(self) -> tuple[Light, ...]:
        """As `pli doctor`, without the mail to ourselves; a minute old at most."""
        ...

    def queue(self) -> Sequence[Waiting]: ...
    def retry(self, row: int, actor: str) -> bool:
        """Give a buried row its attempts back."""
        ...

    def boxes(self) -> Sequence[Boxes]: ...
    def flow(self) -> Sequence[Span]:
        """The last 24 hours, oldest first."""
        ...

    def incidents(self) -> Sequence[Incident]:
        """Of the last 30 days, newest first."""
        ...

    def journal(self) -> Sequence[Incident]:
        """The newest entries of the trail, newest first."""
        ...

    def indicators(self, month: str, actor: str) -> str:
        """CSV of one month, YYYY-MM. Raises BadInput."""
        ...

    def metrics(self, token: str, peer: str, forwarded: bool) -> bytes | None:
        """For Prometheus; None for whoever may not see them."""
        ...
