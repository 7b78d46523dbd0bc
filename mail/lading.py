"""The rows of a message: from a body and its meta-data to the freight of one commit."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from core import outbox
from core.clock import epoch_ms
from core.db import signal
from core.freight import Freight, Next, Row, Signal, fill, wanted
from core.numbers import take_all, tally_all
from core.tables import audit, metadata
from core.tables import outbox as promises
from core.value import Value
from crypto.sealed import KEY_MAGIC, Sealer
from mail.meta import MessageMeta, key_aad
from mail.spool import Spooled
from mail.tables import bodies, folder_messages, message_keys, messages

NOTHING = Freight({})


class Place(Value, frozen=True):
    """Where a copy goes: a folder, its holder's key in clear, the flags it starts with (sorted, spaces between)."""

    folder_id: int
    holder_id: int
    holder_key: bytes
    flags: str = ""
    wrapper: Sealer | None = None  # for the holder's key, where one is at hand


class Lading(Value, frozen=True):
    """Everything that one commit writes about a message."""

    message_id: int
    body: Spooled
    meta: MessageMeta
    places: tuple[Place, ...]
    received_at: datetime
    internal_at: datetime
    announce: tuple[tuple[str, str], ...] = ()  # kind and topic of promises
    trail: tuple[Row, ...] = ()
    dedup: bytes | None = None
    more: Freight = NOTHING  # what goes along: consignments for other operators

    def freight(self) -> Freight:
        """Rows by table, signals, tallies."""
        promised = [outbox.row(kind, self.message_id, self.received_at, topic=topic) for kind, topic in self.announce]
        tables: dict[Table, list[Row]] = {
            bodies: [self._body()],
            messages: [self._message()],
            message_keys: self._keys(),
            folder_messages: [self._copy(place) for place in self.places],
            promises: [row for row, _wake in promised],
            audit: list(self.trail),
        }
        for table, rows in self.more.tables.items():
            tables.setdefault(table, []).extend(rows)
        signals = [Signal("folder", place.folder_id) for place in self.places] + [wake for _row, wake in promised]
        signals += self.more.signals
        return Freight({table: rows for table, rows in tables.items() if rows}, signals, {"messages": 1})

    def _body(self) -> Row:
        return {
            "id": self.body.body_id,
            "storage": self.body.storage,
            "sealed": self.body.sealed(),
            "size": self.body.size,
            "created_at": epoch_ms(self.received_at),
        }

    def _message(self) -> Row:
        return {
            "id": self.message_id,
            "body_id": self.body.body_id,
            "sealed_meta": self.meta.sealed(self.body.sealer, self.message_id),
            "size": self.body.size,
            "received_at": epoch_ms(self.received_at),
            "verdict": self.meta.verdict,
            "dedup": self.dedup,
        }

    def _keys(self) -> list[Row]:
        """One wrapped key a holder, however many folders of theirs hold the message."""
        holders = {place.holder_id: place.wrapper or Sealer(KEY_MAGIC, place.holder_key) for place in self.places}
        return [
            {
                "message_id": self.message_id,
                "holder_id": holder_id,
                "wrapped": wrapper.seal(self.body.key, key_aad(self.message_id)),
            }
            for holder_id, wrapper in holders.items()
        ]

    def _copy(self, place: Place) -> Row:
        return {
            "folder_id": place.folder_id,
            "uid": Next(f"uid:{place.folder_id}"),
            "message_id": self.message_id,
            "flags": place.flags,
            "internal_at": epoch_ms(self.internal_at),
            "modseq": Next(f"modseq:{place.folder_id}"),
        }


def together(freights: Sequence[Freight]) -> Freight:
    """Several messages as one passenger of the train: all of them or none."""
    tables: dict[Table, list[Row]] = {}
    tallies: Counter[str] = Counter()
    for freight in freights:
        for table, rows in freight.tables.items():
            tables.setdefault(table, []).extend(rows)
        tallies.update(freight.tallies)
    return Freight(tables, [signal for freight in freights for signal in freight.signals], dict(tallies))


def joined(first: Freight, second: Freight) -> Freight:
    """Both, as one; their tables differ."""
    if not second.tables:
        return first
    return Freight({**first.tables, **second.tables}, [*first.signals, *second.signals])


def load_inside(session: Session, freight: Freight) -> None:
    """The same rows as a part of a unit of work, where more has to be written than rows."""
    connection = session.connection()
    tables, _numbers = fill(freight, take_all(connection, wanted([freight])))
    for table in metadata.sorted_tables:
        if table in tables:
            session.execute(insert(table), tables[table])
    tally_all(connection, freight.tallies)
    for topic, ref in freight.signals:
        signal(session, topic, ref)
