"""The trail: who did what to which row, when, how it ended. Append-only, numbered without gaps, each row tagged.

An actor is an account's id or a part of the system ("worker"), a ref is a row's id: no name, matricule, address,
subject or content. The tag is a MAC over the row and its number: a flipped byte, a row taken out or put in is seen.
"""

import hmac
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.freight import Derived, Next, Row
from core.numbers import last_number, next_number
from core.tables import audit, audit_pruned
from core.value import Value

COUNTER = "audit"
TAG_BYTES = 32
PRUNED = 1  # the one row that says what was forgotten when its time was over
_BEFORE_REF, _AFTER_REF = ("at", "actor", "action"), ("holder_id", "outcome", "detail")
_TAGGED_REST = (*_BEFORE_REF, "ref", *_AFTER_REF)  # after "seq"
Mac = Callable[[bytes], bytes]


class Event(Value, frozen=True):
    """One entry: `detail` is a word of ours, never the person's."""

    actor: str
    action: str
    outcome: str
    at: datetime
    ref: int | None = None
    holder_id: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Pruned:
    """The first `size` entries are no longer kept; `peaks` stand for them in the tree (`crypto.frontier`)."""

    size: int = 0
    peaks: bytes = b""


class Trail:
    """Writes and proves the trail with one MAC key."""

    def __init__(self, mac: Mac) -> None:
        self._mac = mac

    def record(self, session: Session, event: Event) -> int:
        """Append inside this unit of work; returns the entry's number."""
        values = _values(event) | {"seq": next_number(session, COUNTER)}
        session.execute(insert(audit), values | {"tag": self._tag(values)})
        return int(values["seq"])

    def record_each(self, session: Session, event: Event, refs: Collection[int]) -> None:
        """As `record`, the same event about each of `refs`."""
        if refs:
            values, first = _values(event), next_number(session, COUNTER, len(refs))
            rows = [values | {"ref": ref, "seq": seq} for seq, ref in enumerate(refs, first)]
            session.execute(insert(audit), [row | {"tag": self._tag(row)} for row in rows])

    def row(self, event: Event) -> Row:
        """The entry as freight; the train gives the number, then the tag is made."""
        values = _values(event)
        values["seq"] = Next(COUNTER)
        values["tag"] = Derived(partial(self._tag_after, _packed_rest(values)))
        return values

    def rows(self, event: Event, refs: Iterable[int]) -> list[Row]:
        """As `row`, the same event about each of `refs`: what they share is written once."""
        values = _values(event)
        before, after = _fields(values, _BEFORE_REF), _fields(values, _AFTER_REF)
        tagged = ((ref, partial(self._tag_after, before + _field(ref) + after)) for ref in refs)
        return [values | {"ref": ref, "seq": Next(COUNTER), "tag": Derived(tag)} for ref, tag in tagged]

    def problems(self, session: Session) -> list[str]:
        """What is wrong with the trail, in plain words, entry by entry; nothing when it is whole."""
        found = [] if self.pruned_is_whole(session) else ["audit: the note of what was forgotten was altered"]
        expected = pruned(session).size
        for entry in session.execute(select(audit).order_by(audit.c.seq)).mappings():
            expected += 1
            if entry["seq"] != expected:
                found.append(gap(expected, entry["seq"]))
                expected = entry["seq"]
            if not self.is_whole(entry):
                found.append(f"audit: entry {entry['seq']} was altered")
        if expected != last_number(session, COUNTER):
            found.append(
                f"audit: {last_number(session, COUNTER)} entries were written, the last one kept is {expected}"
            )
        return found

    def is_whole(self, entry: Any) -> bool:
        """Whether the entry is as it was written."""
        return hmac.compare_digest(self._tag(entry), bytes(entry["tag"]))

    def leaf(self, entry: Any) -> bytes:
        """The entry as bytes for the tree; its tag makes it impossible to guess from its hash."""
        return packed(entry) + bytes(entry["tag"])

    def prune(self, session: Session, forgotten: Pruned) -> int:
        """Unit of work: forget the first entries; what stands for them is kept. Returns how many went."""
        gone = session.execute(delete(audit).where(audit.c.seq <= forgotten.size).returning(audit.c.seq)).all()
        session.execute(delete(audit_pruned))
        values = {"id": PRUNED, "size": forgotten.size, "peaks": forgotten.peaks}
        session.execute(insert(audit_pruned), values | {"tag": self._mac(_pruned_bytes(forgotten))})
        return len(gone)

    def pruned_is_whole(self, session: Session) -> bool:
        """Whether the note of what was forgotten is ours."""
        tag = session.execute(select(audit_pruned.c.tag)).scalar()
        return tag is None or hmac.compare_digest(bytes(tag), self._mac(_pruned_bytes(pruned(session))))

    def _tag(self, values: Any) -> bytes:
        return self._mac(packed(values))

    def _tag_after(self, rest: bytes, values: Any) -> bytes:
        return self._mac(_field(values["seq"]) + rest)


def entries(session: Session, after: int, limit: int) -> Sequence[Any]:
    """At most `limit` entries with higher numbers than `after`, in order."""
    query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
    return session.execute(query).mappings().all()


def pruned(session: Session) -> Pruned:
    """What is no longer kept."""
    row = session.execute(select(audit_pruned.c.size, audit_pruned.c.peaks)).one_or_none()
    return Pruned(row.size, bytes(row.peaks)) if row else Pruned()


def gap(first: int, found: int) -> str:
    """In words: these entries should stand before entry `found`."""
    return f"audit: entries {first} to {found - 1} are missing"


def count(session: Session) -> int:
    """How many entries are kept."""
    return int(session.execute(select(func.count()).select_from(audit)).scalar_one())


def packed(values: Any) -> bytes:
    """An entry's fields as bytes, without its tag."""
    return _field(values["seq"]) + _packed_rest(values)


def _packed_rest(values: Any) -> bytes:
    return _fields(values, _TAGGED_REST)


def _fields(values: Any, names: Iterable[str]) -> bytes:
    return b"".join([_field(values[name]) for name in names])


def _field(value: Any) -> bytes:
    text = str(value).encode()
    return len(text).to_bytes(4, "big") + text


def _pruned_bytes(forgotten: Pruned) -> bytes:
    return b"pruned" + forgotten.size.to_bytes(8, "big") + forgotten.peaks


def _values(event: Event) -> Row:
    return {
        "at": epoch_ms(event.at),
        "actor": event.actor,
        "action": event.action,
        "ref": event.ref,
        "holder_id": event.holder_id,
        "outcome": event.outcome,
        "detail": event.detail,
    }
