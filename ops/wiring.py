"""`build(settings, clock) -> App`: where concrete things meet."""

from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.settings import Settings
from crypto.keyring import Rotating
from directory.annuaire import Annuaire
from mail import pipeline
from mail.append import Appender
from mail.auth import Authenticator
from mail.auth_trail import AuthTrail
from mail.blobs import Blobs
from mail.collect import Collector
from mail.consign import Queue
from mail.deliver import Deliverer, Names
from mail.incoming import Door
from mail.notify import Hub
from mail.receipts import Receipts
from mail.reception import Reception
from mail.relay import Relay
from mail.store import Store
from mail.submit import Submitter
from mail.uses import Uses
from ops.announced import announced
from ops.antivirus_wiring import scanning
from ops.audit.notary import Notary
from ops.audit.standing import standing_notary
from ops.audit.witness import Witness
from ops.bearing import token_check
from ops.chores import Work, work
from ops.erasure import LEDGER, Eraser
from ops.ground import Ground
from ops.keeper import Handler
from ops.promises import Hands, keeper, promises
from ops.relay_wiring import WayOut, relay, service_mailbox, way_out
from ops.trust_files import CertificateCheck, Judging
from ops.trust_list import TrustCircle
from portal.hooks import HookPromises
from record.access import Records
from record.break_glass import OpenGlasses
from record.filing import FILE_KIND
from record.medicines.shelf import Shelf
from record.order_book import OrderBook

THREADS = 8


@dataclass(frozen=True)
class App:
    """Everything, wired. `close` lets go of it."""

    settings: Settings
    clock: Clock
    keyring: Rotating
    db: Db
    trail: Trail
    notary: Notary
    blobs: Blobs
    store: Store
    hub: Hub
    authenticator: Authenticator
    reception: Reception
    appender: Appender
    submitter: Submitter
    judge: Judging
    medicines: Shelf
    records: Records
    annuaire: Annuaire
    orders: OrderBook
    work: Work
    receipts: Receipts
    queue: Queue
    relay: Relay
    collector: Collector
    pool: Executor
    incoming: Executor
    readings: Executor
    chat: Any = None  # ops.chat.Chat where it is on; not imported where it is off

    @property
    def witness(self) -> Witness:
        """The signed checkpoints of the trail."""
        return self.notary.witness

    @property
    def eraser(self) -> Eraser:
        """Forgets patients for good."""
        return Eraser(self.db, self.trail, self.blobs, self.clock, self.settings.home / LEDGER)

    @property
    def circle(self) -> TrustCircle:
        """The signed list of trusted domains."""
        return TrustCircle(self.settings, self.db, self.clock)

    def close(self) -> None:
        """After the last request: wait for threads and commits. Pictures not read yet are read after the next start."""
        self.pool.shutdown()
        self.incoming.shutdown()
        self.readings.shutdown(cancel_futures=True)
        self.judge.close()
        self.annuaire.close()
        self.db.close()


def build(settings: Settings, clock: Clock) -> App:
    """Open the instance that `settings` describe. Raises DatabaseDown, OSError, PliError."""
    ground = Ground.open(settings, clock)
    db, keyring, trail = ground.db, ground.keyring, ground.trail
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="mail")
    notary = standing_notary(settings, keyring, db, trail, clock)
    db.on_commit((hub := Hub()).heard)
    judge, out = Judging(settings), way_out(ground)
    # a scanner that hangs must not take the threads of those who read
    incoming = ThreadPoolExecutor(THREADS, thread_name_prefix="incoming") if settings.antivirus.clamd else pool
    hands = _hands(ground, judge, out, incoming)
    kept = promises(ground, hands)
    annuaire = Annuaire(db, settings.home / "annuaire")
    return App(
        settings=settings,
        clock=clock,
        keyring=keyring,
        db=db,
        trail=trail,
        notary=notary,
        blobs=ground.blobs,
        store=ground.store,
        hub=hub,
        authenticator=_authenticator(ground),
        reception=hands.reception,
        appender=Appender(db, trail, judge, clock, pool),
        submitter=hands.submitter,
        judge=judge,
        medicines=hands.medicines,
        annuaire=annuaire,
        records=_records(ground),
        orders=hands.orders,
        work=work(ground, hands, keeper(ground, kept), notary.witness, annuaire),
        receipts=_receipts(ground, hands.reception),
        queue=out.queue,
        collector=Collector(db, keyring, clock, hands.reception),
        relay=relay(ground, out.queue),
        pool=pool,
        incoming=incoming,
        readings=hands.readings,
        chat=_chat(ground, hands.submitter, kept[FILE_KIND], annuaire),
    )


def _hands(ground: Ground, judge: Judging, out: WayOut, pool: Executor) -> Hands:
    settings, db, keyring, clock = ground.settings, ground.db, ground.keyring, ground.clock
    desk = db.run(service_mailbox, keyring, settings.record.desk, clock.now()).id
    names = Names(settings.listen.hostname, settings.authserv_id)
    told = announced(settings, db, desk)
    deliverer = Deliverer(db, keyring, ground.trail, judge, names, told, out.consign, judge.on_loop)
    pipelines, octets = _pipelines(ground), settings.mail.row_octets
    reception = Reception(db, keyring, clock, ground.blobs, deliverer, pipelines, pool, octets)
    return Hands(
        reception=reception,
        submitter=Submitter(
            db, keyring, clock, reception, CertificateCheck(settings), settings.sending.product_reference
        ),
        queue=out.queue,
        orders=OrderBook(keyring, ground.trail, (HookPromises(clock),)),
        medicines=Shelf(db),
        readings=ThreadPoolExecutor(1, thread_name_prefix="reading"),  # seconds of work each: nothing waits for them
        desk=desk,
    )


def _pipelines(ground: Ground) -> Mapping[Door, pipeline.Pipeline]:
    settings, db = ground.settings, ground.db
    more, days = scanning(settings), settings.mail.dispensed_within_days
    return {
        Door.MX: pipeline.mx(db, insecure_loopback=settings.insecure_loopback, more=more),
        Door.SUBMISSION: pipeline.submission(db, ground.keyring, dispensed_within_days=days, more=more),
        Door.COLLECT: pipeline.collect(more),
    }


def _authenticator(ground: Ground) -> Authenticator:
    db, clock = ground.db, ground.clock
    failures, uses = AuthTrail(db, ground.trail, clock), Uses(db, clock)
    return Authenticator(db, ground.keyring, clock, token_check(ground.settings, clock), failures, uses)


def _receipts(ground: Ground, reception: Reception) -> Receipts:
    listen, product = ground.settings.listen, ground.settings.sending.product_reference
    args = (ground.db, ground.keyring, ground.trail, ground.clock, ground.store, reception)
    return Receipts(*args, listen.hostname, product)


def _records(ground: Ground) -> Records:
    return Records(ground.db, ground.keyring, ground.trail, ground.blobs, ground.clock, OpenGlasses())


def _chat(ground: Ground, submitter: Submitter, file_message: Handler, annuaire: Annuaire) -> Any:
    if not ground.settings.matrix.enabled:
        return None
    from ops.chat import Chat  # its libraries cost a start that most installations need not pay
    from ops.chat_cases import ChatCases
    from ops.chat_helpers import ChatHelpers

    db, keyring, records, oid = ground.db, ground.keyring, _records(ground), ground.settings.ins_oid
    helpers = ChatHelpers(db, keyring, records, submitter, file_message, annuaire, oid)
    files = ChatCases(db, keyring, records, ground.store, submitter, oid)
    return Chat(ground, submitter, helpers, files)
