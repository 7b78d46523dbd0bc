"""One FETCH on its way out: what the ways of answering share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import structlog

from mail.imap.contents import Content
from mail.imap.fetch_answer import Plan
from mail.imap.fetch_items import Item
from mail.imap.fetch_lines import Batch
from mail.imap.session import Session
from mail.index import Index

FEW = 4  # messages that are read without a trip to a thread

log = structlog.get_logger()


class Sending(ABC):
    """`missing` and `damaged`: some of the messages had no answer."""

    def __init__(self, session: Session, plan: Plan, index: Index) -> None:
        self.plan = plan
        self.missing = self.damaged = False
        self._session = session
        self._view = session.selected
        self._index = index

    @abstractmethod
    async def send(self, places: Sequence[int]) -> None:
        """Answer for these places of the view. Raises Closed, DatabaseDown."""

    def _found(self, places: Sequence[int]) -> Sequence[int | None]:
        """Where they stand in the index, as far as they are there."""
        view, index = self._view, self._index
        return places if view.uids is index.uids else [index.place(view.uids[place]) for place in places]

    def _batch(self, places: Sequence[int]) -> Batch:
        """Those that are there; the others are missing."""
        numbers, found = [place + 1 for place in places], self._found(places)
        if found is places:
            return Batch(self._view, self._index, numbers, places)
        there = [(number, place) for number, place in zip(numbers, found, strict=True) if place is not None]
        self.missing |= len(there) < len(places)
        return Batch(self._view, self._index, [number for number, _ in there], [place for _, place in there])

    def _tell_keywords(self, batch: Batch, *, asked: bool = False) -> None:
        if asked or Item.FLAGS in self.plan.items:
            self._session.tell_keywords(batch.flags())

    def _damage(self, content: Content, error: Exception) -> None:
        """The others are still sent."""
        self.damaged = True
        log.error("imap.damaged", message_id=content.message_id, cause=type(error).__name__)
