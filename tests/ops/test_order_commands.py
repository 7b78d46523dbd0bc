"""`pli order confirm|move` while the machine still reads: whoever saw no page is not refused for an old one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.db import Db
from core.errors import Refused
from mail.store import Store
from ops.commands import order as order_commands
from record.lines import propose
from record.order_book import READING, OrderBook
from record.order_detail import Detail
from record.order_facts import Order
from tests.support.kept import PHARMACY, Kept, open_kept, prescribed

pytestmark = pytest.mark.slow

FIRST = propose("PARACÉTAMOL 1 g, comprimé : 1 comprimé matin et soir")
BETTER = propose("PARACÉTAMOL 1 g, comprimé : 1 comprimé matin et soir\nRAMIPRIL 5 mg, gélule : 1 le matin")
DOUBTFUL = tuple(replace(line, strength="? mg") for line in FIRST)


@pytest.fixture
def kept(database_url: str, tmp_path: Path) -> Iterator[Kept]:  # noqa: F811
    found = open_kept(database_url, tmp_path)
    yield found
    found.db.close()


class Overtaken:
    """The database; just before each unit of work, the machine's reading comes in."""

    def __init__(self, kept: Kept, order: Order, read: Detail) -> None:
        self._kept, self._order, self._read = kept, order, read
        self.read = kept.db.read

    def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        book = OrderBook(self._kept.keyring, self._kept.trail)
        self._kept.db.run(book.propose, self._order.id, self._read, self._kept.clock.now())
        return self._kept.db.run(work, *args, **kwargs)


def drafted(kept: Kept) -> Order:
    detail = Detail(lines=FIRST, provenance="pdf", alerts=(READING,))
    args = (prescribed(kept), kept.pharmacy.mailbox.id, kept.patient_id, detail, kept.clock.now())
    order = kept.db.run(OrderBook(kept.keyring, kept.trail).draft, *args)
    assert order is not None
    return order


def app(kept: Kept, db: "Db | Overtaken") -> Any:
    book = OrderBook(kept.keyring, kept.trail)
    store = Store(kept.db, kept.keyring, kept.blobs)
    house = {"db": db, "keyring": kept.keyring, "trail": kept.trail, "clock": kept.clock, "store": store}
    return SimpleNamespace(**house, orders=book)


def ask(kept: Kept, command: str, order: Order, read: Detail, **more: str) -> dict[str, Any]:
    arguments = {"by": PHARMACY, "number": order.number} | more
    found: dict[str, Any] = order_commands.COMMANDS[command](
        app(kept, Overtaken(kept, order, read)), arguments, lambda *_: None
    )
    return found


def test_an_order_is_moved_while_the_machine_reads(kept: Kept):
    order = drafted(kept)
    assert ask(kept, "order.move", order, Detail(lines=BETTER, provenance="pdf"), to="taken")["state"] == "taken"


def test_an_order_is_shown_as_it_stands_once_the_look_is_traced(kept: Kept):
    shown = ask(kept, "order.show", drafted(kept), Detail(lines=BETTER, provenance="pdf"))
    assert [line["name"] for line in shown["lines"]] == ["PARACÉTAMOL", "RAMIPRIL"]


def test_the_lines_that_are_confirmed_are_those_of_that_moment(kept: Kept):
    order = drafted(kept)
    assert ask(kept, "order.confirm", order, Detail(lines=BETTER, provenance="pdf"))["confirmed"] == 2
    book = OrderBook(kept.keyring, kept.trail)
    detail = kept.db.read(lambda session: book.detail(session, book.get(session, order.id)))
    assert [line.name for line in detail.lines] == ["PARACÉTAMOL", "RAMIPRIL"] and not detail.unconfirmed


def test_a_strength_that_became_doubtful_is_not_confirmed(kept: Kept):
    with pytest.raises(Refused, match="doubtful"):
        ask(kept, "order.confirm", drafted(kept), Detail(lines=DOUBTFUL, provenance="ocr"))
