"""`build(settings, clock) -> App`: the only file where concrete things meet."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from core.address import PatientRules, use_patient_rules
from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.settings import Settings
from crypto.keyring import Keyring, Rotating
from directory.activity import WARN_KIND
from directory.annuaire import Annuaire
from directory.publication_client import NationalAnnuaire
from directory.publication_rows import KIND as PUBLISH_KIND
from directory.publication_teller import TellPublication
from instant.bridged import Bridged
from instant.mirror import KIND as MIRROR_KIND
from instant.mirror import MirrorMail
from mail import correlate, pipeline, relay_queue, removal
from mail.announcement import Announcement
from mail.append import Appender
from mail.auth import Authenticator
from mail.auth_trail import AuthTrail
from mail.blobs import Blobs
from mail.collect import Collector
from mail.consign import RELAY_KIND, Queue
from mail.deciphering import says_encrypted
from mail.deliver import Deliverer, Names, forget_repeats
from mail.incoming import Door, Incoming
from mail.notify import Hub
from mail.receipts import Receipts
from mail.reception import Reception
from mail.relay import Relay
from mail.store import Store
from mail.submit import Submitter
from mail.uses import Uses
from ops.antivirus_wiring import scanning
from ops.audit.forget import forget_before
from ops.audit.notary import Notary
from ops.audit.standing import standing_notary
from ops.audit.witness import Witness
from ops.bearing import token_check
from ops.erasure import LEDGER, Eraser
from ops.keeper import Handler, Keeper
from ops.keys import open_keyring
from ops.lifecycle import WarnInactive, inactivity
from ops.list_fetching import ListFetcher
from ops.nightly import Nightly
from ops.notice_wiring import notice_handlers, noticed, with_record_hooks
from ops.pdf_judging import PdfJudge
from ops.relay_wiring import relay, service_mailbox, telling, way_out
from ops.tasks import Work
from ops.trust_files import CertificateCheck, Judging
from ops.trust_list import TrustCircle
from portal.hooks import HookPromises
from portal.waiting import Waiting
from record.access import Records
from record.break_glass import GLASS_KIND, OpenGlasses, TellPatient
from record.consent import ASK_KIND
from record.consent_mail import READ_KIND as CONSENT_KIND
from record.consent_mail import AskConsent, ReadConsent
from record.drafter import Drafter
from record.encrypted import ENCRYPTED_KIND, TellEncrypted
from record.filing import DRAFT_KIND, FILE_KIND, FileMessage, FilingRules
from record.from_message import has_attachments
from record.identity import accepted_oids
from record.letters import StoredLetters
from record.medicines.shelf import Shelf
from record.order_answers import THREAD_KIND, FollowThread
from record.order_book import NOTIFY_KIND, WAIT_KIND, OrderBook
from record.order_reading import READ_KIND, ReadOrder
from record.pharmacy import DraftOrder, NotifyOrder
from record.reading.rapid import Rapid
from record.reading.read import Reader
from record.reminders import Remind
from record.retention import Retention
from record.unpack import Taken

THREADS = 8
REPEATS_FOR = timedelta(days=7)  # longer than any peer's queue lives


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
        self.readings.shutdown(cancel_futures=True)
        self.judge.close()
        self.annuaire.close()
        self.db.close()


def build(settings: Settings, clock: Clock) -> App:
    """Open the instance that `settings` describe. Raises DatabaseDown, OSError, PliError."""
    use_patient_rules(PatientRules(settings.identity.patient_domains, settings.ins_oid))
    keyring, pool = open_keyring(settings), ThreadPoolExecutor(THREADS, thread_name_prefix="mail")
    db, blobs = Db.open(settings.database_url), Blobs(settings.home / "blobs")
    readings = ThreadPoolExecutor(1, thread_name_prefix="reading")  # seconds of work each: nothing waits for them
    trail = Trail(partial(keyring.mac, "audit"))
    notary = standing_notary(settings, keyring, db, trail, clock)
    db.on_commit((hub := Hub()).heard)
    store, judge = Store(db, keyring, blobs), Judging(settings)
    desk = db.run(service_mailbox, keyring, settings.record.desk, clock.now()).id
    out = way_out(settings, db, keyring, clock.now())
    deliverer = Deliverer(db, keyring, trail, judge, _names(settings), _announced(settings, db, desk), out.consign)
    reception = _reception(settings, clock, db, keyring, blobs, deliverer, pool)
    submitter = Submitter(db, keyring, clock, reception, CertificateCheck(settings))
    orders, medicines = OrderBook(keyring, trail, (HookPromises(clock),)), Shelf(db)
    handlers = _handlers(
        settings, clock, keyring, db, trail, blobs, store, submitter, orders, desk, readings, medicines
    )
    chores = _of_the_record(settings, clock, db, keyring, trail, blobs, orders, submitter, desk)
    handlers |= telling(settings, clock, db, keyring, store, reception, out.queue)
    handlers |= _of_mailboxes(settings, clock, db, keyring, submitter, desk)
    return App(
        settings=settings,
        clock=clock,
        keyring=keyring,
        db=db,
        trail=trail,
        notary=notary,
        blobs=blobs,
        store=store,
        hub=hub,
        authenticator=_authenticator(settings, clock, keyring, db, trail),
        reception=reception,
        appender=Appender(db, trail, judge, clock, pool),
        submitter=submitter,
        judge=judge,
        medicines=medicines,
        annuaire=Annuaire(db, settings.home / "annuaire"),
        records=Records(db, keyring, trail, blobs, clock, OpenGlasses()),
        orders=orders,
        work=_work(settings, clock, db, handlers, _nightly(settings, clock, db, orders, trail, notary.witness, chores)),
        receipts=Receipts(db, keyring, clock, store, reception, settings.listen.hostname),
        queue=out.queue,
        collector=Collector(db, keyring, clock, reception),
        relay=relay(settings, clock, db, blobs, out.queue),
        pool=pool,
        readings=readings,
        chat=_chat(settings, db, keyring, trail, clock, blobs, store, submitter, handlers[FILE_KIND]),
    )


def _authenticator(settings: Settings, clock: Clock, keyring: Keyring, db: Db, trail: Trail) -> Authenticator:
    failures, uses = AuthTrail(db, trail, clock), Uses(db, clock)
    return Authenticator(db, keyring, clock, token_check(settings, clock), failures, uses)


def _chat(
    settings: Settings,
    db: Db,
    keyring: Keyring,
    trail: Trail,
    clock: Clock,
    blobs: Blobs,
    store: Store,
    submitter: Submitter,
    file_message: Handler,
) -> Any:
    if not settings.matrix.enabled:
        return None
    from ops.chat import Chat  # its libraries cost a start that most installations need not pay
    from ops.chat_cases import ChatCases
    from ops.chat_helpers import ChatHelpers

    records, oid = Records(db, keyring, trail, blobs, clock, OpenGlasses()), settings.ins_oid
    helpers = ChatHelpers(db, keyring, records, submitter, file_message, oid)
    files = ChatCases(db, keyring, records, store, submitter, oid)
    return Chat(settings, db, keyring, trail, clock, store, submitter, helpers, files)


def _work(settings: Settings, clock: Clock, db: Db, handlers: Mapping[str, Handler], nightly: Nightly) -> Work:
    hourly, lists = TrustCircle(settings, db, clock).hourly, ListFetcher(settings, clock).chores
    return Work(_keeper(settings, clock, db, handlers), nightly, hourly, lists)


def _keeper(settings: Settings, clock: Clock, db: Db, handlers: Mapping[str, Handler]) -> Keeper:
    """What the relay keeps itself is no business of the workers."""
    apart = frozenset({RELAY_KIND})
    together = frozenset({FILE_KIND})
    return Keeper(db, clock, handlers, settings.outbox.lease_seconds, settings.outbox.attempts, apart, together)


def _names(settings: Settings) -> Names:
    return Names(settings.listen.hostname, settings.authserv_id)


def _reception(
    settings: Settings, clock: Clock, db: Db, keyring: Keyring, blobs: Blobs, deliverer: Deliverer, pool: Executor
) -> Reception:
    pipelines = _pipelines(settings, db, keyring)
    return Reception(db, keyring, clock, blobs, deliverer, pipelines, pool, settings.mail.row_octets)


def _pipelines(settings: Settings, db: Db, keyring: Keyring) -> Mapping[Door, pipeline.Pipeline]:
    more = scanning(settings)
    return {
        Door.MX: pipeline.mx(db, insecure_loopback=settings.insecure_loopback, more=more),
        Door.SUBMISSION: pipeline.submission(
            db, keyring, dispensed_within_days=settings.mail.dispensed_within_days, more=more
        ),
        Door.COLLECT: pipeline.collect(more),
    }


def _handlers(
    settings: Settings,
    clock: Clock,
    keyring: Keyring,
    db: Db,
    trail: Trail,
    blobs: Blobs,
    store: Store,
    submitter: Submitter,
    orders: OrderBook,
    desk: int,
    readings: Executor,
    medicines: Shelf,
) -> dict[str, Handler]:
    """Outbox kind → who keeps the promise."""
    letters, reader = StoredLetters(db, store), Reader(medicines.index, other=Rapid())
    taken = Taken(frozenset(settings.record.types), settings.record.document_octets)
    rules = FilingRules(taken, accepted_oids(settings.production) & settings.identity.ins_oids_read)
    kept: dict[str, Handler] = {
        FILE_KIND: FileMessage(db, keyring, trail, clock, letters, blobs, rules, PdfJudge(settings)),
        DRAFT_KIND: DraftOrder(db, keyring, clock, letters, orders, rules, reader),
        WAIT_KIND: Waiting(db, keyring, clock, orders),
        THREAD_KIND: FollowThread(db, keyring, clock, letters, orders),
        READ_KIND: ReadOrder(db, clock, orders, Drafter(db, keyring, letters, rules, reader), readings),
        NOTIFY_KIND: NotifyOrder(db, keyring, clock, letters, orders, submitter),
        ASK_KIND: AskConsent(db, keyring, submitter, desk),
        GLASS_KIND: TellPatient(db, keyring, clock, submitter, desk),
        ENCRYPTED_KIND: TellEncrypted(db, keyring, letters, submitter, desk),
        CONSENT_KIND: ReadConsent(db, keyring, trail, clock, letters, blobs, submitter, desk),
        MIRROR_KIND: MirrorMail(db, keyring, store),
        removal.KIND: removal.Removal(db, clock, blobs.discard, (relay_queue.keeps,)),
        **notice_handlers(settings, clock, db, keyring),
    }
    return with_record_hooks(kept, clock, db, keyring)


def _of_mailboxes(
    settings: Settings, clock: Clock, db: Db, keyring: Keyring, submitter: Submitter, desk: int
) -> dict[str, Handler]:
    """What is told of mailboxes: to the national annuaire, where its API is open to us, and to who does not come."""
    asked = settings.annuaire
    api = (
        NationalAnnuaire(asked.publication, asked.publication_key, asked.publication_type)
        if asked.publication
        else None
    )
    return {
        PUBLISH_KIND: TellPublication(db, keyring, clock, api),
        WARN_KIND: WarnInactive(db, keyring, submitter, desk, settings.mail.inactive_notice_days),
    }


def _announced(settings: Settings, db: Db, desk: int) -> tuple[Announcement, ...]:
    """What upper rooms want to be told of: files, encrypted mail, answers to the desk, mail shown in a room."""
    bridged = Bridged(db)

    def has_files(mail: Incoming) -> bool:
        described = mail.letter.description if mail.letter else None
        return described is not None and not says_encrypted(described.tree) and has_attachments(described.tree)

    def is_secret(mail: Incoming) -> bool:
        described = mail.letter.description if mail.letter else None
        return described is not None and says_encrypted(described.tree)

    def to_desk(mail: Incoming) -> bool:
        return any(recipient.mailbox_id == desk for recipient in mail.recipients)

    def answers(mail: Incoming) -> bool:
        headers = mail.letter.headers if mail.letter else None
        return mail.from_patient and headers is not None and headers.first(b"in-reply-to") is not None

    return (
        Announcement(FILE_KIND, has_files),
        Announcement(ENCRYPTED_KIND, is_secret),
        Announcement(CONSENT_KIND, to_desk),
        Announcement(correlate.KIND, correlate.concerns),
        Announcement(THREAD_KIND, answers),
        Announcement(MIRROR_KIND, bridged.concerns),
        *noticed(settings, db),
    )


def _of_the_record(
    settings: Settings,
    clock: Clock,
    db: Db,
    keyring: Keyring,
    trail: Trail,
    blobs: Blobs,
    orders: OrderBook,
    submitter: Submitter,
    desk: int,
) -> dict[str, Callable[[], object]]:
    """Retention by class; reminders where the operator wants them."""
    retention = Retention(db, keyring, trail, blobs, settings.record.retention_years)
    chores: dict[str, Callable[[], object]] = {"record.retention": lambda: retention.run(clock.now())}
    if settings.record.reminders:
        remind = Remind(db, keyring, orders, submitter, desk)
        chores["record.reminders"] = lambda: remind.run(clock.now())
    return chores


def _nightly(
    settings: Settings,
    clock: Clock,
    db: Db,
    orders: OrderBook,
    trail: Trail,
    witness: Witness,
    more: Mapping[str, Callable[[], object]],
) -> Nightly:
    kept = timedelta(days=settings.logs.trace_days)
    return Nightly(
        {
            "orders.expire": lambda: len(db.run(orders.expire_due, clock.now(), settings.orders.expiry_days)),
            "mail.forget_repeats": lambda: db.run(forget_repeats, clock.now() - REPEATS_FOR),
            "mailboxes.inactive": lambda: inactivity(settings, db, clock),
            "audit.forget": lambda: forget_before(db, trail, witness, clock.now() - kept),
        }
        | dict(more)
    )
