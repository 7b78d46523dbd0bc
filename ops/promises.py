"""Who keeps what the outbox promises, by kind."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from directory.activity import WARN_KIND
from directory.publication_client import NationalAnnuaire
from directory.publication_rows import KIND as PUBLISH_KIND
from directory.publication_teller import TellPublication
from instant.mirror import KIND as MIRROR_KIND
from instant.mirror import MirrorMail
from mail import relay_settle, removal
from mail.consign import RELAY_KIND, Queue
from mail.reception import Reception
from mail.submit import Submitter
from ops.ground import Ground
from ops.keeper import Handler, Keeper
from ops.lifecycle import WarnInactive
from ops.notice_wiring import notice_handlers, with_record_hooks
from ops.pdf_judging import PdfJudge
from ops.relay_wiring import telling
from portal.waiting import Waiting
from record.break_glass import GLASS_KIND, TellPatient
from record.consent import ASK_KIND
from record.consent_mail import READ_KIND as CONSENT_KIND
from record.consent_mail import AskConsent, ReadConsent
from record.drafter import Drafter
from record.encrypted import ENCRYPTED_KIND, TellEncrypted
from record.filing import DRAFT_KIND, FileMessage, FilingRules
from record.identity import accepted_oids
from record.letters import StoredLetters
from record.medicines.shelf import Shelf
from record.order_answers import THREAD_KIND, FollowThread
from record.order_book import NOTIFY_KIND, WAIT_KIND, OrderBook
from record.order_reading import READ_KIND, ReadOrder
from record.pharmacy import DraftOrder, NotifyOrder
from record.reading.rapid import Rapid
from record.reading.read import Reader
from record.unpack import Taken


@dataclass(frozen=True)
class Hands:
    """What promises are kept with: the ways out, the orders, who reads prescriptions, the desk's mailbox."""

    reception: Reception
    submitter: Submitter
    queue: Queue
    orders: OrderBook
    medicines: Shelf
    readings: Executor
    desk: int


def keeper(ground: Ground, handlers: Mapping[str, Handler]) -> Keeper:
    """Takes the outbox's rows. What the relay keeps itself is no business of the workers."""
    outbox = ground.settings.outbox
    return Keeper(ground.db, ground.clock, handlers, outbox.lease_seconds, outbox.attempts, frozenset({RELAY_KIND}))


def promises(ground: Ground, hands: Hands) -> dict[str, Handler]:
    """Outbox kind → who keeps the promise."""
    kept = _filing(ground, hands) | _orders(ground, hands) | _words(ground, hands) | _mail(ground, hands)
    return with_record_hooks(kept | notice_handlers(ground), _files(ground), ground)


def _files(ground: Ground) -> FileMessage:
    letters, judge = StoredLetters(ground.db, ground.store), PdfJudge(ground.settings)
    return FileMessage(
        ground.db, ground.keyring, ground.trail, ground.clock, letters, ground.blobs, _rules(ground), judge
    )


def _rules(ground: Ground) -> FilingRules:
    record, identity = ground.settings.record, ground.settings.identity
    taken = Taken(frozenset(record.types), record.document_octets)
    return FilingRules(taken, accepted_oids(ground.settings.production) & identity.ins_oids_read)


def _filing(ground: Ground, hands: Hands) -> dict[str, Handler]:
    db, keyring, trail, clock, blobs = ground.db, ground.keyring, ground.trail, ground.clock, ground.blobs
    letters = StoredLetters(db, ground.store)
    return {
        CONSENT_KIND: ReadConsent(db, keyring, trail, clock, letters, blobs, hands.submitter, hands.desk),
    }


def _orders(ground: Ground, hands: Hands) -> dict[str, Handler]:
    db, keyring, clock, orders = ground.db, ground.keyring, ground.clock, hands.orders
    letters, rules = StoredLetters(db, ground.store), _rules(ground)
    reader = Reader(hands.medicines.index, other=Rapid())
    return {
        DRAFT_KIND: DraftOrder(db, keyring, clock, letters, orders, rules, reader),
        WAIT_KIND: Waiting(db, keyring, clock, orders),
        THREAD_KIND: FollowThread(db, keyring, clock, letters, orders),
        READ_KIND: ReadOrder(db, clock, orders, Drafter(db, keyring, letters, rules, reader), hands.readings),
        NOTIFY_KIND: NotifyOrder(db, keyring, clock, letters, orders, hands.submitter),
    }


def _words(ground: Ground, hands: Hands) -> dict[str, Handler]:
    """What the desk writes to people."""
    db, keyring, clock, submitter, desk = ground.db, ground.keyring, ground.clock, hands.submitter, hands.desk
    days = ground.settings.mail.inactive_notice_days
    return {
        ASK_KIND: AskConsent(db, keyring, submitter, desk),
        GLASS_KIND: TellPatient(db, keyring, clock, submitter, desk),
        ENCRYPTED_KIND: TellEncrypted(db, keyring, StoredLetters(db, ground.store), submitter, desk),
        WARN_KIND: WarnInactive(db, keyring, submitter, desk, days),
    }


def _mail(ground: Ground, hands: Hands) -> dict[str, Handler]:
    """What becomes of messages and mailboxes: mirrored into rooms, removed, reported, published."""
    db, keyring, clock = ground.db, ground.keyring, ground.clock
    kept: dict[str, Handler] = {
        MIRROR_KIND: MirrorMail(db, keyring, ground.store),
        removal.KIND: removal.Removal(db, clock, ground.blobs.discard, (relay_settle.keeps,)),
        PUBLISH_KIND: TellPublication(db, keyring, clock, _national(ground)),
    }
    return kept | telling(ground, hands.reception, hands.queue)


def _national(ground: Ground) -> NationalAnnuaire | None:
    """The national annuaire, where its API is open to us."""
    asked = ground.settings.annuaire
    if not asked.publication:
        return None
    return NationalAnnuaire(asked.publication, asked.publication_key, asked.publication_type)
