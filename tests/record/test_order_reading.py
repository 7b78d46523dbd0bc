"""An order is on the board at once; what a machine reads on its picture comes after, and only where nobody began."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from core.errors import NotFound, Refused
from core.tables import outbox
from mail.tables import message_keys
from record.drafter import Drafter
from record.lines import STRENGTH
from record.medicines.search import Index
from record.order_facts import Actor, Order
from record.order_reading import READ_KIND, ReadOrder
from record.orders import Role, State
from record.pharmacy import DraftOrder
from record.reading.read import Reader
from record.reading.tesseract import Tesseract
from tests.support.medicines import INDEX, medicine
from tests.support.reading_files import NUMBER, e_med, file_of, page, telling, treatment, tsv, with_code
from tests.support.record_files import PRESCRIPTION, text_pdf
from tests.support.record_world import World, mail, person

pytestmark = pytest.mark.slow  # each picture is read by a process of its own

ROWS = ("XARELTO 20 mg, comprimé pelliculé", "1 comprimé le soir pendant 28 jours")
PHOTO = ("p.jpg", "image/jpeg", file_of(page(*ROWS), "JPEG"))


class Counter:
    """The handlers of a pharmacy whose OCR program tells these rows."""

    def __init__(self, world: World, folder: Path, *rows: str, index: Index = INDEX, installed: bool = True) -> None:
        ocr = telling(folder, tsv(*rows)) if installed else Tesseract(str(folder))
        self.world, self.reader = world, Reader(lambda: index, ocr)
        self.drafting = DraftOrder(
            world.db, world.keyring, world.clock, world.letters, world.book, world.rules, self.reader
        )

    def reading(self, pool: ThreadPoolExecutor) -> ReadOrder:
        world = self.world
        drafter = Drafter(world.db, world.keyring, world.letters, world.rules, self.reader)
        return ReadOrder(world.db, world.clock, world.book, drafter, pool)

    def draft(self, *files, **options) -> Order:
        message_id = self.world.deliver(mail(*files), **options)
        self.world.filing(message_id)
        (order,) = self.drafting.draft(message_id)
        return order

    def read(self, order: Order) -> int:
        with ThreadPoolExecutor(1) as pool:
            return self.reading(pool).read(order.message_id)

    def detail(self, order: Order):
        return self.world.db.read(self.world.book.detail, self.now(order))

    def now(self, order: Order) -> Order:
        return self.world.db.read(self.world.book.get, order.id)

    @property
    def pharmacist(self) -> Actor:
        return Actor(Role.PHARMACIST, 11, self.world.pharmacy.id)


def test_first_the_order_then_its_lines(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(PHOTO)
    drafted = counter.detail(order)
    assert drafted.lines == () and {"picture", "reading"} <= set(drafted.alerts)
    assert world.promises(READ_KIND) == [order.message_id] * 2  # at once, and in case the process dies meanwhile
    assert counter.read(order) == 1
    read = counter.detail(order)
    assert [(line.strength, line.cis, line.confirmed) for line in read.lines] == [("20 mg", "60000001", False)]
    assert "by_machine" in read.alerts and not {"picture", "reading"} & set(read.alerts)
    assert read.provenance == "photo" and read.documents == drafted.documents and read.unconfirmed == 1


@pytest.mark.parametrize("whose, alert", [(0, ""), (1, "other_identity"), (None, "no_identity")])
def test_whose_prescription_the_photo_shows(world: World, tmp_path: Path, whose: int | None, alert: str) -> None:
    """A matricule of somebody else is no reason to refuse, and the first thing to look at."""
    shown = {0: world.identity, 1: person(2)}.get(whose)
    printed = () if shown is None else (f"INS : {spaced(shown.ins.matricule)}",)
    counter = Counter(world, tmp_path, *printed, *ROWS)
    order = counter.draft(PHOTO)
    counter.read(order)
    alerts = counter.detail(order).alerts
    assert {"other_identity", "no_identity"} & set(alerts) >= ({alert} if alert else set())
    assert "other_identity" not in alerts or (alert == "other_identity" and alerts[0] == alert)
    assert bool(alert) or "no_identity" not in alerts


def spaced(matricule: str) -> str:
    """As it is printed."""
    cuts = (0, 1, 3, 5, 7, 10, 13, 15)
    return " ".join(matricule[a:b] for a, b in zip(cuts, cuts[1:], strict=False))


def test_reading_twice_is_harmless(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(PHOTO)
    assert (counter.read(order), counter.read(order)) == (1, 0)
    assert counter.now(order).version == 2


def test_who_looked_before_looks_again(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(PHOTO)
    counter.read(order)
    with pytest.raises(Refused):
        world.db.run(
            world.book.confirm_lines, order.id, (), counter.pharmacist, world.clock.now(), version=order.version
        )


def test_people_who_were_faster_keep_what_they_wrote(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(PHOTO)
    own = replace(counter.reader.read(text_pdf("RAMIPRIL 5 mg comprimé", "1 cp le soir")).lines[0], confirmed=True)
    run, now = world.db.run, world.clock.now()
    run(world.book.confirm_lines, order.id, (own,), counter.pharmacist, now, version=1)
    assert counter.read(order) == 0
    assert [line.name for line in counter.detail(order).lines] == ["RAMIPRIL"]


def test_an_order_already_prepared_is_left_alone(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(PHOTO)
    for version, state in ((1, State.TAKEN), (2, State.PREPARING)):
        world.db.run(world.book.move, order.id, state, counter.pharmacist, world.clock.now(), version=version)
    assert counter.read(order) == 0 and counter.detail(order).lines == ()


def test_nothing_of_a_picture_is_ready_unconfirmed(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(PHOTO)
    counter.read(order)
    run, now = world.db.run, world.clock.now()
    run(world.book.move, order.id, State.TAKEN, counter.pharmacist, now, version=2)
    with pytest.raises(Refused):
        run(world.book.move, order.id, State.PREPARING, counter.pharmacist, now, version=3)


def test_a_message_that_is_gone_is_no_failure(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(PHOTO)
    gone = message_keys.c.message_id == order.message_id
    world.db.run(lambda s: s.execute(delete(message_keys).where(gone)).rowcount)
    with pytest.raises(NotFound):
        counter.read(order)
    with ThreadPoolExecutor(1) as pool:
        counter.reading(pool)(order.message_id)  # as the worker calls it: logged, over


def test_without_the_program_the_order_works_and_says_so(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, installed=False)
    order = counter.draft(PHOTO)
    assert counter.read(order) == 1
    detail = counter.detail(order)
    assert detail.lines == () and {"picture", "no_reader"} <= set(detail.alerts) and detail.to_read_on_picture


def test_a_bad_photo_asks_for_another(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(("p.png", "image/png", file_of(page(*ROWS).resize((400, 500)))))
    counter.read(order)
    assert {"retake", "picture"} <= set(counter.detail(order).alerts)


def test_narcotics_and_shortages_are_said(world: World, tmp_path: Path) -> None:
    said = {"conditions": ("stupéfiants",), "shortage": ("Rupture de stock (01/06/2026)",)}
    index = Index([medicine(60000010, "DUROGESIC 25 microgrammes/heure, dispositif", **said)])
    counter = Counter(world, tmp_path, index=index)
    order = counter.draft(
        ("o.pdf", "application/pdf", text_pdf("DUROGESIC 25 µg/h, patch", "1 patch tous les 3 jours"))
    )
    assert {"original", "shortage"} <= set(counter.detail(order).alerts)


def test_a_code_comes_after_the_lines_of_a_text_layer(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path)
    order = counter.draft(("o.pdf", "application/pdf", text_pdf(*PRESCRIPTION)))
    assert len(counter.detail(order).lines) == 2 and counter.read(order) == 1
    assert len(counter.detail(order).lines) == 2 and "reading" not in counter.detail(order).alerts


def test_a_code_on_a_photo(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path, *ROWS)
    order = counter.draft(("p.png", "image/png", file_of(with_code(page(*ROWS), NUMBER))))
    counter.read(order)
    detail = counter.detail(order)
    assert detail.codes == (f"QR {NUMBER}",) and detail.provenance == "code" and "code" in detail.alerts


def test_structured_lines_need_no_second_step(world: World, tmp_path: Path) -> None:
    counter = Counter(world, tmp_path)
    sender = world.address("dr.aubin")
    order = counter.draft(
        ("p.xml", "text/xml", e_med(treatment(), patient=world.identity)),
        sender=sender,
        to=(world.address("pharmacie.1"), world.patient_address),
    )
    detail = counter.detail(order)
    assert detail.provenance == "signed" and detail.codes == (f"numéro d'ordonnance {NUMBER}",)
    assert STRENGTH not in detail.lines[0].to_confirm and world.promises(READ_KIND) == []


def test_the_promise_carries_no_name(world: World, tmp_path: Path) -> None:
    Counter(world, tmp_path, *ROWS).draft(PHOTO)
    found = world.db.read(lambda s: [tuple(row) for row in s.execute(select(outbox.c.kind, outbox.c.ref))])
    assert all(isinstance(ref, int) for _kind, ref in found)
