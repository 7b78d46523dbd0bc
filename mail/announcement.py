"""What upper rooms want to be told of: given by the wiring, so that this room knows none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mail.incoming import Incoming


def always(_mail: Incoming) -> bool:
    """Every message."""
    return True


@dataclass(frozen=True, slots=True)
class Announcement:
    """An outbox kind, promised in the delivery's commit for each message that it concerns."""

    kind: str
    concerns: Callable[[Incoming], bool] = always


def kinds_for(mail: Incoming, wanted: Iterable[Announcement]) -> tuple[str, ...]:
    """The kinds to promise for this message, in their order."""
    return tuple(announcement.kind for announcement in wanted if announcement.concerns(mail))
