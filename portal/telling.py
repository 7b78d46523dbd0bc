"""What an open board is told of an order that changed: its number, its column, its card, whether to ring."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from portal.cards import Card
from portal.desk import Desk
from portal.language import translated
from portal.pages import Pages, for_reader
from portal.preferences import PreferenceBook
from portal.services import Services
from portal.session import Visitor
from portal.together import Together
from portal.waiting import alarm
from record.order_thread import waits_since


@dataclass(frozen=True, slots=True)
class Board:
    """One board that is open: who reads it, in which language."""

    visitor: Visitor
    language: str


class Telling:
    """The boards of a pharmacy get the same card, made once; each reader has an entry in the trail of their own."""

    def __init__(self, services: Services, pages: Pages, desk: Desk, preferences: PreferenceBook) -> None:
        self._services, self._pages, self._desk, self._preferences = services, pages, desk, preferences
        self._together = Together(self._tell)

    async def told(self, board: Board, order_id: int) -> str:
        """The event's data as JSON; empty when there is nothing to show to this pharmacy. Raises NotFound."""
        by_language = await self._together.ask(board.visitor.mailbox_id, order_id, board)
        return for_reader(by_language.get(board.language, ""), board.visitor)

    def _tell(self, order_id: int, boards: tuple[Board, ...]) -> dict[str, str]:
        """By language, for any reader."""
        card = self._desk.card([board.visitor for board in boards], order_id)
        if card is None:
            return {}
        ring = self._alarm(card, boards[0].visitor)
        return {language: self._data(card, ring, language) for language in _languages(boards)}

    def _alarm(self, card: Card, visitor: Visitor) -> tuple[str, int]:
        minutes = self._preferences.of(visitor.mailbox_id, visitor.holder_id).escalate_minutes
        unread = self._services.db.read(waits_since, card.order.id) if card.unseen else None
        return alarm(card.order, card.owed, minutes, self._services.clock.now(), unread)

    def _data(self, card: Card, ring: tuple[str, int], language: str) -> str:
        html = self._pages.card(card, language) if card.column else ""
        facts: dict[str, Any] = {"order": card.order.number, "column": card.column, "html": html}
        facts |= {"new": card.is_new, "version": card.order.version}
        facts["alarm"] = translated(ring[0], language) % {"count": ring[1]}
        return json.dumps(facts, ensure_ascii=False)


def _languages(boards: Collection[Board]) -> set[str]:
    return {board.language for board in boards}
