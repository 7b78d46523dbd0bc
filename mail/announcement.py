"""What upper rooms want to be told of: given by the wiring, so that this room knows none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.outbox import TOPIC
from mail.incoming import Incoming


def always(_mail: Incoming) -> bool:
    """Every message."""
    return True


@dataclass(frozen=True, slots=True)
class Announcement:
    """An outbox kind, promised in the delivery's commit for each message that it concerns."""

    kind: str
    concerns: Callable[[Incoming], bool] = always
    topic: str = TOPIC  # who is woken


def announced(mail: Incoming, wanted: Iterable[Announcement]) -> tuple[tuple[str, str], ...]:
    """What to promise for this message: kinds, and who is woken, in their order."""
    return tuple((each.kind, each.topic) for each in wanted if each.concerns(mail))
