"""Sends the reports that the queue owes to senders: signed by the operator's seal, with the null return path.

Never about mail that has the null sender itself, so no bounce ever answers a bounce (RFC 5321 §4.5.5, RFC 3461 §6.1).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.address import Address
from core.clock import Clock, from_epoch_ms
from core.db import Db
from core.errors import BadInput, NotFound, Permanent
from crypto.identity import Identity as Seal
from crypto.keyring import Keyring
from crypto.protected import protect
from crypto.sealed import unseal, unwrap_key
from crypto.sign import sign_message
from directory.mailboxes import address_of
from mail.auth import Identity
from mail.compose import Draft, header_block
from mail.consign import DONE, HERE, Queue
from mail.dsn import About, Report, entity, subject
from mail.envelope import Envelope, reply_aad
from mail.incoming import Door, Incoming, Peer
from mail.meta import key_aad
from mail.reception import Reception
from mail.relay_reasons import Reason
from mail.relay_settle import release
from mail.relay_tables import consigned, consignments
from mail.seals import open_seal
from mail.store import Store
from mail.tables import message_keys

Row = tuple[int, str, str, str, int, bytes | None]  # place, owed, reason, code, at, sealed reply

log = structlog.get_logger()


@dataclass(frozen=True, repr=False)
class _Owed:
    """A consignment of which something is to be told, as its rows have it."""

    message_id: int
    domain: str
    arrived: int
    until: int
    sealed: bytes
    wrapped: bytes
    rows: tuple[Row, ...]


class Reporter:
    """Handler of `mail.report`; given a consignment's number. Harmless twice."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        clock: Clock,
        store: Store,
        reception: Reception,
        queue: Queue,
        host: str,
        product: str = "",
    ) -> None:
        """`host`: our own name; `product`: X-MSS-NIL."""
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._store = store
        self._reception = reception
        self._queue = queue
        self._host = host
        self._product = product

    def __call__(self, consignment_id: int) -> None:
        owed = self._db.read(_owed, consignment_id, self._queue.holder_id)
        if owed is None:
            return
        key = unwrap_key(self._queue.key, owed.wrapped, key_aad(owed.message_id))
        envelope = Envelope.unseal(key, owed.sealed, consignment_id)
        if envelope.sender:
            self._send(consignment_id, owed, envelope, key)
        places = [row[0] for row in owed.rows]
        self._db.run(_told, consignment_id, owed.message_id, places, self._queue.holder_id, self._clock.now())

    def _send(self, number: int, owed: _Owed, envelope: Envelope, key: bytes) -> None:
        report = Report(
            self._host,
            owed.domain,
            envelope,
            [self._about(number, row, envelope, key) for row in owed.rows],
            from_epoch_ms(owed.arrived),
            from_epoch_ms(owed.until),
            self._store.open_message(owed.message_id, self._queue.holder_id).raw,
        )
        mark = self._keyring.blind("report", f"{number} {[(row[0], row[1]) for row in owed.rows]}")
        try:
            self._submit(report, Address.parse(envelope.sender), mark)
        except (Permanent, BadInput) as error:  # the sender's mailbox is gone: nobody is left to tell
            log.warning("report.undeliverable", consignment_id=number, cause=error.cause)

    def _about(self, number: int, row: Row, envelope: Envelope, key: bytes) -> About:
        place, event, reason, code, at, sealed = row
        reply = unseal(key, sealed, reply_aad(number, place)).decode() if sealed else ""
        why = Reason(reason) if reason else None
        return About(envelope.rcpts[place], event, why, code, reply, from_epoch_ms(at))

    def _submit(self, report: Report, to: Address, mark: bytes) -> None:
        author = self._db.read(address_of, self._keyring, self._queue.mailbox_id)
        draft = Draft(
            sender=author,
            sender_name="Messagerie Pli",
            recipients=[to],
            subject=subject(report),
            text="",
            message_id=f"{mark.hex()[:40]}@{author.domain}",
            date=self._clock.now(),
            extra=(("Auto-Submitted", "auto-replied"),),  # RFC 3834
            product=self._product,
        )
        raw = self._signed(header_block(draft), entity(report))
        identity = Identity(0, self._queue.mailbox_id, self._queue.holder_id, author, "operator")
        here = Peer("127.0.0.1", helo="localhost", extended=True, tls=True)
        required = report.envelope.require_tls  # RFC 8689 §5: so is the report
        mail = Incoming(Door.SUBMISSION, here, self._clock.now(), identity, sender=None, require_tls=required)
        self._reception.accept_now(mail, [to], raw, mark)

    def _signed(self, headers: bytes, part: bytes) -> bytes:
        """Unsigned while the operator has no seal: a sender must hear of a failure all the same."""
        seal: Seal | None = None
        with suppress(NotFound):
            seal = self._db.read(open_seal, self._keyring, self._queue.mailbox_id)
        if seal is None:
            log.warning("report.unsigned")
            return headers + b"MIME-Version: 1.0\r\n" + part
        return sign_message(headers, protect(headers, part), seal.key, seal.certificate, seal.chain)


def _owed(session: Session, consignment_id: int, queue_holder_id: int) -> _Owed | None:
    found = session.execute(
        select(
            *(consignments.c.message_id, consignments.c.domain, consignments.c.created_at, consignments.c.expires_at),
            *(consignments.c.sealed, message_keys.c.wrapped),
        )
        .join(message_keys, message_keys.c.message_id == consignments.c.message_id)
        .where(consignments.c.id == consignment_id, message_keys.c.holder_id == queue_holder_id)
    ).one_or_none()
    rows = session.execute(
        select(
            *(consigned.c.place, consigned.c.owed, consigned.c.reason, consigned.c.code),
            *(consigned.c.at, consigned.c.sealed_reply),
        )
        .where(consigned.c.consignment_id == consignment_id, consigned.c.owed != "")
        .order_by(consigned.c.place)
    ).all()
    return _Owed(*found, tuple(tuple(row) for row in rows)) if found and rows else None


def _told(
    session: Session, number: int, message_id: int, places: list[int], queue_holder_id: int, now: datetime
) -> None:
    """The debt is paid; the queue may let go."""
    session.execute(
        update(consigned).where(consigned.c.consignment_id == number, consigned.c.place.in_(places)).values(owed="")
    )
    session.execute(
        update(consignments).where(consignments.c.id == number, consignments.c.domain == HERE).values(state=DONE)
    )
    release(session, (message_id,), queue_holder_id, now)
