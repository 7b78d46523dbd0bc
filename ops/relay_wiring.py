"""The way out, wired: who holds the queue, how other operators are found and checked, who reports to senders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from ssl import SSLContext

from sqlalchemy.orm import Session

from core.address import Address, MailboxKind
from core.settings import Settings
from crypto.keyring import Keyring
from crypto.tls import client_context
from directory.holders import holder_key
from directory.mailboxes import Mailbox, create_mailbox, find_mailbox
from directory.trusted import Dn, names_for
from mail import correlate
from mail.consign import REPORT_KIND, Consigner, Queue
from mail.next_hop import NextHops
from mail.reception import Reception
from mail.relay import Relay, Rules
from mail.relay_connection import Dialler
from mail.relay_queue import Patience
from mail.reporter import Reporter
from ops.ground import Ground


@dataclass(frozen=True)
class WayOut:
    """Before anything is delivered: the queue's holder, and what makes consignments."""

    queue: Queue
    consign: Consigner


def way_out(ground: Ground) -> WayOut:
    """Makes the postmaster's mailbox where there is none. Raises DatabaseDown."""
    db, keyring, chosen = ground.db, ground.keyring, ground.settings.relay
    queue = db.run(_queue, keyring, chosen.postmaster, ground.clock.now())
    return WayOut(queue, Consigner(db, keyring, queue, timedelta(days=chosen.life_days)))


def relay(ground: Ground, queue: Queue) -> Relay:
    """What hands mail to other operators."""
    settings, db, chosen = ground.settings, ground.db, ground.settings.relay
    hops = NextHops(dict(chosen.routes), chosen.resolvers, chosen.srv_service, chosen.port)

    async def listed(domain: str) -> frozenset[Dn]:
        return await db.aread(names_for, domain)

    dialler = Dialler(hops, listed, partial(_client, settings), settings.listen.hostname)
    patience = Patience(chosen.retry_first_seconds, chosen.retry_longest_seconds, timedelta(hours=chosen.warning_hours))
    rules = Rules(patience, chosen.connections, lease_s=settings.outbox.lease_seconds)
    made = Relay(db, ground.clock, ground.blobs, queue, dialler, rules)
    db.on_commit(made.heard)
    return made


def telling(ground: Ground, reception: Reception, queue: Queue) -> dict[str, Callable[[int], None]]:
    """What tells senders what became of their mail, by outbox kind."""
    db, keyring, clock, store = ground.db, ground.keyring, ground.clock, ground.store
    host, product = ground.settings.listen.hostname, ground.settings.sending.product_reference
    return {
        REPORT_KIND: Reporter(db, keyring, clock, store, reception, queue, host, product),
        correlate.KIND: correlate.Correlator(db, keyring, clock, store),
    }


def service_mailbox(session: Session, keyring: Keyring, text: str, now: datetime) -> Mailbox:
    """A mailbox of the operator's own; made when it is not there."""
    address = Address.parse(text)
    found = find_mailbox(session, keyring, address)
    if found is None:
        found = create_mailbox(session, keyring, address, MailboxKind.SYS, now)
    return found


def _queue(session: Session, keyring: Keyring, text: str, now: datetime) -> Queue:
    mailbox = service_mailbox(session, keyring, text, now)
    return Queue(mailbox.id, mailbox.holder_id, holder_key(session, keyring, mailbox.holder_id))


def _client(settings: Settings) -> SSLContext:
    """Made for each connection: it reads the newest revocation list."""
    crl = settings.crl_file if settings.crl_file.exists() else None
    return client_context(settings.ca_file, settings.relay_certificate, settings.relay_key, crl=crl)
