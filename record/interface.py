"""What a program asks of a record, as FHIR resources: scope first, then the record's own door, which writes the trail.

Three doors decide, each by itself: the program's scopes, the patient's consent to the program, the mailbox's own right.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.clock import Clock, epoch_ms
from core.db import Db
from core.errors import NotFound, Refused
from core.ins import Ins
from crypto.keyring import Keyring
from directory.patients import find_patient, identity_of
from record import consent, software
from record.access import Reader, Records, Shown
from record.extracts import synthesis
from record.fhir import ips, resources
from record.fhir.words import Resource
from record.finding import search
from record.order_book import OrderBook
from record.software import BINARIES, DOCUMENTS, LETTERS, LISTS, PATIENTS, READERS, Software
from record.unpack.facts import CDA

ORDERS_TOLD = 50


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What a search of documents is narrowed by; empty fields narrow nothing. Days are YYYY-MM-DD."""

    type_code: str = ""
    own_id: str = ""
    content: str = ""
    since: str = ""
    until: str = ""


class Interface:
    """One for the instance; each call is for one program."""

    def __init__(self, db: Db, keyring: Keyring, records: Records, orders: OrderBook, clock: Clock) -> None:
        self._db, self._keyring, self._records, self._orders, self._clock = db, keyring, records, orders, clock

    def caller(self, key: str) -> Software | None:
        """Who calls with this key."""
        return self._db.read(software.by_key, self._keyring, key)

    def find(self, caller: Software, ins: Ins) -> int | None:
        """The patient of this INS, where the program may read there; None says nothing of whether there is one."""
        _need(caller, PATIENTS)
        found = self._db.read(find_patient, self._keyring, ins)
        return found.id if found and self._records.ground(_reader(caller), found.id) else None

    def ask(self, caller: Software, ins: Ins) -> None:
        """Put the question to the patient by mail, once; silent where there is no such patient."""
        _need(caller, PATIENTS)
        self._db.run(self._ask, caller, ins)

    def patient(self, caller: Software, patient_id: int) -> Resource:
        """Raises Refused, NotFound."""
        _need(caller, PATIENTS)
        self._records.list(_reader(caller), patient_id, "record.patient")
        return resources.patient(patient_id, self._db.read(identity_of, self._keyring, patient_id))

    def documents(self, caller: Software, patient_id: int, asked: Asked) -> list[Resource]:
        """Newest first. Raises Refused, NotFound."""
        _need(caller, DOCUMENTS)
        if asked.content:
            hits = search(asked.content, self._records.texts(_reader(caller), patient_id))
            found = tuple(hit.shown for hit in hits)
        else:
            found = self._records.list(_reader(caller), patient_id)
        told = [resources.document(each, patient_id) for each in _newest(found) if each.meta]
        return [each for each in told if _fits(each, asked)]

    def document(self, caller: Software, document_id: int) -> Resource:
        """One reference. Raises Refused, NotFound."""
        _need(caller, DOCUMENTS)
        shown = self._records.describe(_reader(caller), document_id)
        return resources.document(shown, shown.row.patient_id or 0)

    def binary(self, caller: Software, document_id: int) -> tuple[str, bytes]:
        """Media type and content. Raises Refused, NotFound."""
        _need(caller, BINARIES)
        read = self._records.read(_reader(caller), document_id)
        return read.meta.media_type, read.content

    def folder(self, caller: Software, patient_id: int) -> Resource:
        _need(caller, LISTS)
        found = self._records.list(_reader(caller), patient_id)
        return resources.folder(patient_id, _newest(found), epoch_ms(self._clock.now()))

    def letters(self, caller: Software, patient_id: int) -> list[Resource]:
        _need(caller, LETTERS)
        return resources.letters(patient_id, _newest(self._records.list(_reader(caller), patient_id)))

    def readings(self, caller: Software, patient_id: int) -> list[Resource]:
        _need(caller, READERS)
        return [resources.reading(each, patient_id) for each in self._records.traces(_reader(caller), patient_id)]

    def summary(self, caller: Software, patient_id: int) -> Resource:
        """The patient summary (IPS). Raises Refused, NotFound."""
        _need(caller, PATIENTS)
        _need(caller, DOCUMENTS)
        return summary_of(self._db, self._keyring, self._records, self._orders, _reader(caller), patient_id, self._now)

    def _now(self) -> int:
        return epoch_ms(self._clock.now())

    def _ask(self, session: Session, caller: Software, ins: Ins) -> None:
        found = find_patient(session, self._keyring, ins)
        if found:
            now = self._clock.now()
            consent.ask(session, found.id, consent.SOFTWARE, now, caller.id)
            if found.mailbox_id != caller.mailbox_id:
                consent.ask(session, found.id, consent.ACCESS, now, caller.mailbox_id)


def summary_of(
    db: Db,
    keyring: Keyring,
    records: Records,
    orders: OrderBook,
    reader: Reader,
    patient_id: int,
    now: Callable[[], int],
    is_masked: bool = True,
) -> Resource:
    """The patient summary for whoever may read the record; every document that it quotes is traced. Raises Refused."""
    found = records.list(reader, patient_id, "record.summary")
    quoted = tuple((each, content_of(records, reader, each)) for each in found)
    told = synthesis(quoted)
    medicines = db.read(_medicines, orders, patient_id)
    identity = db.read(identity_of, keyring, patient_id)
    facts = ips.Facts(patient_id, identity, told.extracts, medicines, found, now(), is_masked)
    return ips.summary(facts)


def content_of(records: Records, reader: Reader, shown: Shown) -> bytes | None:
    """What a synthesis quotes from: only documents with sections are opened."""
    if shown.meta is None or shown.meta.media_type != CDA:
        return None
    return records.read(reader, shown.row.id).content


def _medicines(session: Session, orders: OrderBook, patient_id: int) -> tuple[ips.Dispensed, ...]:
    found = []
    for order in orders.of_patient(session, patient_id)[:ORDERS_TOLD]:
        try:
            lines = orders.detail(session, order).lines
        except NotFound:  # the patient's key is gone
            continue
        found += [ips.Dispensed(line, order) for line in lines if line.confirmed]
    return tuple(found)


def _reader(caller: Software) -> Reader:
    return Reader(0, caller.mailbox_id, caller.id)


def _need(caller: Software, scope: str) -> None:
    if scope not in caller.scopes:
        raise Refused(f"ce logiciel n'a pas le droit {scope}", "scope missing")


def _newest(found: tuple[Shown, ...]) -> tuple[Shown, ...]:
    return tuple(sorted(found, key=lambda each: (-each.row.filed_at, -each.row.id)))


def _fits(document: Resource, asked: Asked) -> bool:
    codes = {each["code"] for each in document["type"].get("coding", ())}
    own = document.get("masterIdentifier", {}).get("value", "")
    day = document["date"][:10]
    return (
        (not asked.type_code or asked.type_code in codes)
        and (not asked.own_id or asked.own_id in (own, own.removeprefix("urn:oid:")))
        and (not asked.since or day >= asked.since)
        and (not asked.until or day <= asked.until)
    )
