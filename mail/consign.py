"""At delivery: what is for other operators becomes consignments, one a destination, in the same durable commit.

The queue is a holder like any other: it has a key to each message that waits, and loses it when all is settled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sqlalchemy import Table

from core import outbox
from core.clock import epoch_ms
from core.db import Db
from core.freight import Freight, Row, Signal
from core.ids import new_id
from core.tables import outbox as promises
from crypto.keyring import Keyring
from crypto.sealed import wrap_key
from directory.holders import wrapped_key
from mail.dsn_parameters import Notify
from mail.envelope import Envelope, Rcpt
from mail.holder_keys import HolderKeys
from mail.incoming import Door, Incoming, Letter
from mail.meta import key_aad
from mail.recipients import Recipient
from mail.relay_tables import consigned, consignments, sent_messages
from mail.sent import DELIVERED, SentTo, sent_row
from mail.tables import message_keys

RELAY_KIND, REPORT_KIND = "mail.relay", "mail.report"
RELAY_TOPIC = "relay"  # wakes the relay, which keeps its own promises
WAITING, DONE, DROPPED = "waiting", "done", "dropped"
HERE = ""  # the destination of what was delivered locally and is to be reported


class Consign(Protocol):
    """What a delivery asks for the rows that go with it."""

    def waits(self, mail: Incoming) -> bool:
        """Whether the call would read the database."""
        ...

    def __call__(self, mail: Incoming, letter: Letter, message_id: int, key: bytes, size: int, /) -> Freight:
        """`key`: of the mail, `size`: its octets."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Queue:
    """Who holds what waits: a service mailbox of ours and its holder's key."""

    mailbox_id: int
    holder_id: int
    key: bytes


class Consigner:
    """Makes the rows. Called outside of any transaction."""

    def __init__(self, db: Db, keyring: Keyring, queue: Queue, life: timedelta) -> None:
        self._db = db
        self._keyring = keyring
        self._queue = queue
        self._life = life
        self._keys = HolderKeys(keyring)
        db.on_commit(self._keys.heard)

    def waits(self, mail: Incoming) -> bool:
        """Where the sender's key is not known: what was sent is noted down under it."""
        return _is_sent(mail) and mail.identity is not None and not self._keys.knows(mail.identity.holder_id)

    def __call__(self, mail: Incoming, letter: Letter, message_id: int, key: bytes, size: int) -> Freight:
        """Nothing for mail from elsewhere that asks for no report: the common case costs nothing."""
        tables: dict[Table, list[Row]] = {}
        wakes: list[Signal] = []
        for domain, to in _by_domain(mail):
            wakes.append(self._consignment(tables, mail, domain, to, message_id, key, size))
        if wakes:
            wrapped = wrap_key(self._queue.key, key, key_aad(message_id))
            tables[message_keys] = [{"message_id": message_id, "holder_id": self._queue.holder_id, "wrapped": wrapped}]
        if _is_sent(mail) and mail.identity is not None:
            own = self._keys.own(mail.identity.holder_id, self._wrapped).key
            to_all = [SentTo(each.address.text, each.is_local) for each in mail.recipients]
            tables[sent_messages] = [
                sent_row(
                    self._keyring, own, mail.identity.mailbox_id, message_id, letter.headers, to_all, mail.received_at
                )
            ]
        return Freight(tables, wakes)

    def _wrapped(self, holder_id: int) -> bytes:
        return self._db.look(wrapped_key, holder_id)

    def _consignment(
        self,
        tables: dict[Table, list[Row]],
        mail: Incoming,
        domain: str,
        to: list[Recipient],
        message_id: int,
        key: bytes,
        size: int,
    ) -> Signal:
        number = new_id()
        promise, wake = (
            outbox.row(RELAY_KIND, number, mail.received_at, topic=RELAY_TOPIC)
            if domain
            else outbox.row(REPORT_KIND, number, mail.received_at)
        )
        envelope = Envelope(
            mail.sender.text if mail.sender else "",
            tuple(Rcpt(each.address.text, each.wishes) for each in to),
            mail.wishes,
            mail.require_tls,
        )
        row = {
            "id": number,
            "promise_id": promise["id"],
            "message_id": message_id,
            "mailbox_id": mail.identity.mailbox_id if mail.identity else None,
            "domain": domain,
            "state": WAITING,
            "created_at": epoch_ms(mail.received_at),
            "expires_at": epoch_ms(mail.received_at + self._life),
            "warned": False,
            "attempts": 0,
            "reason": "",
            "code": "",
            "size": size,
            "sealed": envelope.sealed(key, number),
        }
        tables.setdefault(promises, []).append(promise)
        tables.setdefault(consignments, []).append(row)
        tables.setdefault(consigned, []).extend(_recipient_rows(number, len(to), domain, row["created_at"]))
        return wake


def _is_sent(mail: Incoming) -> bool:
    return mail.door is Door.SUBMISSION and mail.identity is not None and mail.sender is not None


def _by_domain(mail: Incoming) -> Iterable[tuple[str, list[Recipient]]]:
    """Destinations with their recipients; our own only where the sender asked to hear of success (RFC 3461 §5.2.2)."""
    found: dict[str, list[Recipient]] = {}
    for to in mail.recipients:
        if not to.is_local:
            found.setdefault(to.address.domain, []).append(to)
        elif to.wishes.notify and Notify.SUCCESS in to.wishes.notify and mail.sender is not None:
            found.setdefault(HERE, []).append(to)
    return found.items()


def _recipient_rows(number: int, count: int, domain: str, at: int) -> list[Row]:
    state = WAITING if domain else DELIVERED
    return [
        {
            "consignment_id": number,
            "place": place,
            "state": state,
            "reason": "",
            "code": "",
            "owed": "" if domain else DELIVERED,
            "at": at,
            "sealed_reply": None,
        }
        for place in range(count)
    ]
