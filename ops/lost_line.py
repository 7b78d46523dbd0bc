"""A step of Celery's consumer: a line to the broker that is gone is missed at once.

A broker that takes its leave within a tenth of a second of the worker's coming is heard by nobody: Celery drops what
its first read tells of (`_quick_drain`), and its loop goes round without a line until a heartbeat fails, a minute or
two later.
"""

from functools import partial

from celery import bootsteps
from celery.worker.consumer import Consumer


class LostLine(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery tells no types
    """Each turn of the loop begins with a look whether the line is there; Celery connects anew where it is not."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: object) -> None:
        super().__init__(consumer, **options)
        self._look = partial(_look, consumer)

    def start(self, consumer: Consumer) -> None:
        """With each connection; a transport without a loop of its own tells by itself."""
        if consumer.hub:
            consumer.hub.on_tick.add(self._look)

    def stop(self, consumer: Consumer) -> None:
        """Before each connection anew, and at the end."""
        if consumer.hub:
            consumer.hub.on_tick.discard(self._look)


def _look(consumer: Consumer) -> None:
    if consumer.connection and not consumer.connection.connected:
        raise ConnectionResetError
