"""The pages over a real store: two pharmacies, a patient, orders in every state, and a server for a real browser."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import func, select

import portal.tables  # noqa: F401  on the one MetaData before it is created
from core.address import Address, MailboxKind
from core.tables import audit, metadata
from crypto.entitled import check_recipient
from crypto.trust import Trust
from crypto.verdict import Reason, Verdict
from crypto.verify import verify_message
from directory.annuaire import Annuaire
from directory.extracts.entry import Entry
from directory.holders import holder_key
from directory.importer import upsert
from directory.mailboxes import create_mailbox
from directory.resolve import PHARMACY_SECTORS
from mail import pipeline
from mail.accounts import set_password
from mail.auth import Authenticator
from mail.consign import Consigner, Queue
from mail.conversations import record_dispensation
from mail.deliver import Deliverer, Names
from mail.encryption import MayReceive
from mail.incoming import Door
from mail.judge import Judge
from mail.receipts import Receipts
from mail.reception import Reception
from mail.store import Store
from mail.submit import Submitter
from portal.app import build
from portal.services import DemoDoor, Services
from record.access import Records
from record.break_glass import OpenGlasses
from record.order_book import OrderBook
from record.order_facts import Order, Wish
from record.orders import State
from tests.support.inside import client_of
from tests.support.kept import (
    PHARMACY,
    Home,
    Kept,
    asked,
    make_home,
    open_kept,
    ordered,
    pharmacist,
    prescribed,
    reopened,
)
from tests.support.made import FILE
from tests.support.passwords import hashed
from tests.support.portal_chat import chat_client
from tests.support.ports import free_port

BASE = "http://127.0.0.1"
PASSWORD = "inventé pour les essais"
OTHER = "pharmacie.10@demo.mssante.test"
TEXT = (
    "PARACÉTAMOL 1 g, comprimé : 1 comprimé matin et soir pendant 5 jours\nLÉVOTHYROXINE 75 ug, comprimé : 1 le matin"
)


@dataclass(frozen=True)
class World:
    """`kept` with pages over it."""

    kept: Kept
    services: Services
    app: FastAPI
    other: Home
    patient_login: str

    def browser(self) -> "Browser":
        return Browser(self.app)

    def signed_in(self, login: str) -> "Browser":
        found = self.browser()
        answer = found.post("/entrer", login=login, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return found


class Browser:
    """A client that behaves as a browser does on our own pages: it says where a form comes from."""

    def __init__(self, app: FastAPI) -> None:
        self.client = client_of(app, BASE)

    def get(self, path: str) -> Response:
        return self.client.get(path, headers={"sec-fetch-site": "same-origin"})

    def post(self, path: str, **form: str | list[str]) -> Response:
        return self.client.post(path, data=form, headers={"sec-fetch-site": "same-origin", "origin": BASE})

    def proved(self, page: str = "/compte", **form: str) -> "Browser":
        """The same, after the password was typed once more."""
        assert self.act(page, f"{page}/confirmer", actuel=PASSWORD, **form).status_code == 303
        return self

    def act(self, page: str, path: str, **form: str | list[str]) -> Response:
        """Post with the form token that this page shows."""
        return self.post(path, jeton=token_in(self.get(page).text), **form)


def token_in(page: str) -> str:
    return page.split('name="jeton" value="', 1)[1].split('"', 1)[0]


@contextmanager
def open_world(url: str, folder: Path) -> Iterator[World]:
    """The same world for each test: `_made` once, then copied, so that none sees what another has done."""
    made = _made(frozenset(metadata.tables))
    kept = made.kept(url, folder)
    try:
        services = replace(services_of(kept), annuaire=Annuaire(kept.db, folder), chat=chat_client(kept))
        yield World(kept, services, build(services), made.other, patient_login(kept))
    finally:
        kept.db.close()


@dataclass(frozen=True)
class _Made:
    """Two files, and who is in them."""

    database: bytes
    keyring: bytes
    within: Kept
    other: Home

    def kept(self, url: str, folder: Path) -> Kept:
        """A copy in this folder, with a clock, a trail and an authority of its own."""
        Path(url.removeprefix(FILE)).write_bytes(self.database)
        file = folder / "keyring.json"
        file.touch(0o600)
        file.write_bytes(self.keyring)
        return reopened(self.within, url, folder)


@cache
def _made(_tables: frozenset[str]) -> _Made:
    with TemporaryDirectory() as name:
        folder = Path(name)
        kept = open_kept(f"{FILE}{folder / 'pli.db'}", folder)
        other = _furnished(kept)
        kept.db.close()
        return _Made((folder / "pli.db").read_bytes(), (folder / "keyring.json").read_bytes(), kept, other)


def _furnished(kept: Kept) -> Home:
    """Passwords, the annuaire's entry, a dispensation, domains; returns the other pharmacy."""
    other = kept.db.run(make_home, kept.keyring, Address.parse(OTHER), MailboxKind.ORG, "pharmacist", kept.clock)
    for home in (kept.pharmacy, kept.patient, other):
        kept.db.run(set_password, home.account_id, hashed(PASSWORD))
    sector = min(PHARMACY_SECTORS)
    entry = Entry(address=PHARMACY, kind="ORG", structure_name="PHARMACIE DU PORT", sector=sector)
    kept.db.run(upsert, [entry])
    kept.db.run(record_dispensation, kept.patient.mailbox.id, kept.pharmacy.mailbox.id, kept.clock.now())
    return other


def patient_login(kept: Kept) -> str:
    from ops.demo_files import demo_patient

    return f"{demo_patient().ins.matricule}@patient.mssante.fr"


def services_of(kept: Kept) -> Services:
    db, keyring, clock, trail = kept.db, kept.keyring, kept.clock, kept.trail
    store, reception = Store(db, keyring, kept.blobs), reception_of(kept)
    return Services(
        db=db,
        keyring=keyring,
        clock=clock,
        trail=trail,
        authenticator=Authenticator(db, keyring, clock),
        store=store,
        records=Records(db, keyring, trail, kept.blobs, clock, OpenGlasses()),
        post=Submitter(db, keyring, clock, reception, may_receive_of(kept)),
        receipts=Receipts(db, keyring, trail, clock, store, reception, "localhost"),
        judge=judge_of(kept),
        authority=kept.authority,
        orders=OrderBook(keyring, trail),
        blobs=kept.blobs,
        demo=True,
        demo_doors=lambda: (
            DemoDoor("la pharmacie", PHARMACY, PASSWORD, "pharmacist"),
            DemoDoor("Maëlys", patient_login(kept), PASSWORD, "patient"),
        ),
    )


def judge_of(kept: Kept) -> Judge:
    """The real one, trusting the world's own authority."""
    crl = kept.authority.crl(now=kept.clock.now(), days=365)
    trust = Trust.load(kept.authority.certificate_pem, crls=[crl])

    def judge(raw: bytes, sender: str | None, at: datetime) -> Verdict:
        return verify_message(raw, trust=trust, at=at, envelope_sender=sender)

    return judge


def reception_of(kept: Kept) -> Reception:
    """The real way of mail that the house writes, without what other rooms want to be told."""
    db, keyring, clock = kept.db, kept.keyring, kept.clock
    names, consign = Names("localhost", "pli.example"), consigner_of(kept)
    deliverer = Deliverer(db, keyring, kept.trail, judge_of(kept), names, (), consign)
    pipelines = {Door.SUBMISSION: pipeline.submission(db, keyring, dispensed_within_days=365)}
    return Reception(db, keyring, clock, kept.blobs, deliverer, pipelines, ThreadPoolExecutor(2), 65536)


def may_receive_of(kept: Kept) -> MayReceive:
    """The real check of recipients' certificates, trusting the world's own authority."""
    crl = kept.authority.crl(now=kept.clock.now(), days=365)
    trust = Trust.load(kept.authority.certificate_pem, crls=[crl])
    return lambda der, email, at: check_recipient(der, email, trust, at)


def consigner_of(kept: Kept) -> Consigner:
    """Notes what is sent; nobody carries it away here."""
    address = Address.parse("postmaster@demo.mssante.test")
    box = kept.db.run(create_mailbox, kept.keyring, address, MailboxKind.SYS, kept.clock.now())
    key = kept.db.read(holder_key, kept.keyring, box.holder_id)
    return Consigner(kept.db, kept.keyring, Queue(box.id, box.holder_id, key), timedelta(days=5))


def moved(kept: Kept, order: Order, to: State, wish: Wish = Wish()) -> Order:
    book = OrderBook(kept.keyring, kept.trail)
    now = kept.clock.now()
    return kept.db.run(book.move, order.id, to, pharmacist(kept), now, version=order.version, wish=wish)


def confirmed(kept: Kept, order: Order) -> Order:
    book = OrderBook(kept.keyring, kept.trail)
    lines = tuple(
        replace(line, strength=line.strength.removesuffix(" ?")) for line in kept.db.read(book.detail, order).lines
    )
    now = kept.clock.now()
    return kept.db.run(book.confirm_lines, order.id, lines, pharmacist(kept), now, version=order.version)


def full_board(kept: Kept) -> dict[str, Order]:
    """An order in each state, of different ages, with each kind of signature."""
    found: dict[str, Order] = {}

    def one(name: str, reason: Reason, minutes: int) -> Order:
        order = ordered(kept, prescribed(kept, Verdict(reason)), TEXT)
        kept.clock.advance(minutes * 60)
        found[name] = order
        return order

    promise = Wish("", ("Lévothyroxine 75 µg",), (kept.clock.now() + timedelta(days=2)).date())
    late = replace(promise, promised_on=kept.clock.now().date())
    question = one("question", Reason.NOT_SIGNED, 50)
    found["question"] = asked(kept, question, "La photo est floue : pouvez-vous la reprendre ?")
    for name, wish, minutes in (("late", late, 60 * 30), ("promised", promise, 5)):
        order = moved(kept, confirmed(kept, moved(kept, one(name, Reason.OK, 1), State.TAKEN)), State.PREPARING)
        found[name] = moved(kept, order, State.PARTLY_READY, wish)
        kept.clock.advance(minutes * 60)
    preparing = moved(kept, confirmed(kept, moved(kept, one("preparing", Reason.OK, 7), State.TAKEN)), State.PREPARING)
    ready = moved(kept, confirmed(kept, moved(kept, one("ready", Reason.OK, 3), State.TAKEN)), State.PREPARING)
    found["preparing"], found["ready"] = preparing, moved(kept, ready, State.READY)
    collected = moved(kept, confirmed(kept, moved(kept, one("collected", Reason.OK, 3), State.TAKEN)), State.PREPARING)
    found["collected"] = moved(kept, moved(kept, collected, State.READY), State.COLLECTED)
    found["taken"] = moved(kept, one("taken", Reason.OK, 20), State.TAKEN)
    one("altered", Reason.CONTENT_CHANGED, 16)
    one("received", Reason.OK, 3)
    return found


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The pages on a port of the loopback."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False)
    )
    began = threading.Event()
    startup = server.startup

    async def told(*arguments: object, **named: object) -> None:
        await startup(*arguments, **named)  # type: ignore[arg-type]
        began.set()

    server.startup = told  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert began.wait(60)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.work.live.close()
        server.should_exit = True
        thread.join(60)


def api_key(world: World, login: str = PHARMACY) -> dict[str, str]:
    """The header of a program with a new key of this account."""
    page = world.signed_in(login).proved().act("/officine/reglages", "/officine/reglages/cle-api").text
    key = page.split('class="number key">', 1)[1].split("<", 1)[0]
    return {"authorization": f"Bearer {key}"}


def taken(world: World) -> Order:
    """An order of the patient that the pharmacy has taken, moved as the pages move it: software hears of it."""
    order = ordered(world.kept, prescribed(world.kept))
    who, now = pharmacist(world.kept), world.kept.clock.now()
    return world.kept.db.run(world.services.orders.move, order.id, State.TAKEN, who, now, version=order.version)


def entries(world: World, action: str, outcome: str = "allowed") -> int:
    """How many entries of the trail say this."""
    query = select(func.count()).where(audit.c.action == action, audit.c.outcome == outcome)
    return world.kept.db.read(lambda session: session.execute(query).scalar_one())
