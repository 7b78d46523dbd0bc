"""Which mail is shown in a room: two deliveries at once, right after a start, both know."""

import threading
from types import SimpleNamespace
from typing import Any

from instant.bridged import Bridged

MAILBOX = 7


class SlowDb:
    """Reads when it is let; `asked` is set when somebody waits for the answer."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def on_commit(self, _heard: Any) -> None:
        """Nothing changes here."""

    def read(self, _work: Any) -> frozenset[int]:
        self.asked.set()
        assert self.go.wait(30)
        return frozenset({MAILBOX})


def test_a_second_delivery_waits_for_the_first_look() -> None:
    db = SlowDb()
    bridged, found = Bridged(db), list[bool]()
    mail: Any = SimpleNamespace(recipients=[SimpleNamespace(mailbox_id=MAILBOX)])

    def deliver() -> None:
        found.append(bridged.concerns(mail))

    first, second = (threading.Thread(target=deliver) for _ in range(2))
    first.start()
    assert db.asked.wait(30)
    second.start()
    second.join(0.2)  # as far as it gets: it must not have decided
    assert found == []
    db.go.set()
    for thread in (first, second):
        thread.join(30)
    assert found == [True, True]
