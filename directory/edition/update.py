"""A difference applied to an edition in use, in one transaction: a search sees it before or after, never within.

Which cards a line touches is known from its person and its structure; these cards are made again from all their lines.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from directory.edition import card as cards
from directory.edition import neighbours, postings
from directory.edition.assemble import assemble
from directory.edition.build import STRUCTURES
from directory.edition.card import PERSON, STRUCTURE, Card, Place
from directory.edition.kinds import RPPS
from directory.edition.tables import IMPORTED


@dataclass(frozen=True, slots=True)
class Line:
    """A line as kept: its source, whom and what it speaks of, its text."""

    source: str
    person: str
    structure: str
    text: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """Addresses on the red list, and people whom the register does not know any more."""

    red: frozenset[str] = frozenset()
    struck: frozenset[str] = frozenset()


class Statements(Protocol):
    """One transaction on an edition."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def run(self, sql: str, values: Sequence[Any] = ()) -> None: ...


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.format(t=""), values).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._connection.execute(sql.format(t=""), values)


class _Postgres:
    def __init__(self, cursor: Any, schema: str) -> None:
        self._cursor = cursor
        self._prefix = f"{schema}."

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self._cursor.execute(sql.format(t=self._prefix).replace("?", "%s"), tuple(values))
        return list(self._cursor.fetchall())

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._cursor.execute(sql.format(t=self._prefix).replace("?", "%s"), tuple(values))


@contextmanager
def sqlite_transaction(path: Path) -> Iterator[Statements]:
    """Durable when it ends well, nothing when not."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        yield _Sqlite(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()


@contextmanager
def postgres_transaction(url: str, schema: str) -> Iterator[Statements]:
    """The same in PostgreSQL."""
    from core.driver import connect  # where PostgreSQL is used

    with connect(url) as connection:
        yield _Postgres(connection.cursor(), schema)


def apply(at: Statements, added: Iterable[Line], removed: Iterable[Line], hidden: Hidden, number: int) -> int:
    """Lines in and out, then every card they touch; returns the number of cards made again. The edition says that this
    was the import of this number."""
    at.run("DELETE FROM {t}facts WHERE name = ?", (IMPORTED,))
    at.run("INSERT INTO {t}facts VALUES (?, ?)", (IMPORTED, str(number)))
    touched: set[tuple[str, str]] = set()
    for line in removed:
        _remove(at, line)
        touched |= _touched(line)
    last = int(at.rows("SELECT COALESCE(MAX(id), 0) FROM {t}lines")[0][0])
    for place, line in enumerate(added, last + 1):
        _remove(at, line)  # an import that was cut short may have added it
        at.run(
            "INSERT INTO {t}lines VALUES (?, ?, ?, ?, ?)", (place, line.source, line.person, line.structure, line.text)
        )
        touched |= _touched(line)
    return _make(at, touched, hidden)


def _make(at: Statements, touched: set[tuple[str, str]], hidden: Hidden) -> int:
    """Structures first: people stand where their structures do."""
    changes, moved = _Words(at), set()
    structures = sorted(key for type_, key in touched if type_ == STRUCTURE)
    for key in structures:
        if _card(at, STRUCTURE, key, hidden, changes):
            moved.add(key)
    people = {key for type_, key in touched if type_ == PERSON}.union(*(_people_at(at, key) for key in moved))
    for key in sorted(people):
        _card(at, PERSON, key, hidden, changes)
    changes.write()
    return len(structures) + len(people)


def _people_at(at: Statements, structure: str) -> set[str]:
    found = at.rows("SELECT DISTINCT person FROM {t}lines WHERE structure = ? AND person <> ''", (structure,))
    return {person for (person,) in found}


def _touched(line: Line) -> set[tuple[str, str]]:
    """A line makes the card of its person, and that of its structure."""
    found = {(PERSON, line.person)} if line.person else set()
    if line.structure[:1] in STRUCTURES or not line.person:
        found.add((STRUCTURE, line.structure))
    return found


def _remove(at: Statements, line: Line) -> None:
    column, key = ("person", line.person) if line.person else ("structure", line.structure)
    at.run(
        f"DELETE FROM {{t}}lines WHERE {column} = ? AND {column} <> '' AND source = ? AND line = ?",
        (key, line.source, line.text),
    )


_LINES_OF = {
    PERSON: "SELECT source, line FROM {t}lines WHERE person = ? AND person <> '' ORDER BY id",
    # All that speak of the structure itself, and one that speaks of somebody in it.
    STRUCTURE: "SELECT source, line FROM (SELECT id, source, line FROM {t}lines WHERE structure = ? "
    "AND structure <> '' ORDER BY person <> '', id LIMIT 200) found ORDER BY id",
}


def _card(at: Statements, type_: str, key: str, hidden: Hidden, changes: "_Words") -> bool:
    """The card as its lines are now: made, changed or removed. Whether it stands elsewhere than before."""
    lines = at.rows(_LINES_OF[type_], (key,))
    new = assemble(type_, key, lines, hidden.red)
    if new and type_ == PERSON:
        is_struck = key in hidden.struck and not any(source == RPPS for source, _ in lines)
        new = None if is_struck else new._replace(places=tuple(_as_its_structure(at, place) for place in new.places))
    found = at.rows("SELECT id, card FROM {t}cards WHERE key = ?", (key,))
    old = cards.unpack(found[0][1]) if found else None
    if new == old:
        return False
    number = found[0][0] if found else changes.next_card()
    if found:
        at.run("DELETE FROM {t}cards WHERE id = ?", (number,))
    if new:
        at.run("INSERT INTO {t}cards VALUES (?, ?, ?)", (number, key, cards.pack(new)))
    _boxes(at, number, old, new)
    changes.note(number, cards.searched(old) if old else set(), cards.searched(new) if new else set())
    return (old.places if old else ()) != (new.places if new else ())


def _as_its_structure(at: Statements, place: Place) -> Place:
    """What a structure's card says of the place stands above what a line says of somebody in it."""
    found = at.rows("SELECT card FROM {t}cards WHERE key = ?", (place.structure_id,)) if place.structure_id else []
    return cards.unpack(found[0][0]).places[0] if found else place


def _boxes(at: Statements, number: int, old: Card | None, new: Card | None) -> None:
    before = {box.address for box in old.boxes} if old else set()
    after = {box.address for box in new.boxes} if new else set()
    for address in before - after:
        at.run("DELETE FROM {t}boxes WHERE address = ? AND card = ?", (address, number))
    for address in after - before:
        at.run("DELETE FROM {t}boxes WHERE address = ?", (address,))
        at.run("INSERT INTO {t}boxes VALUES (?, ?)", (address, number))


class _Words:
    """Words that cards gained and lost, written once at the end."""

    def __init__(self, at: Statements) -> None:
        self._at = at
        self._size = int(at.rows("SELECT value FROM {t}facts WHERE name = ?", ("size",))[0][0])
        self._added: dict[str, set[int]] = defaultdict(set)
        self._removed: dict[str, set[int]] = defaultdict(set)

    def next_card(self) -> int:
        self._size += 1
        return self._size - 1

    def note(self, card: int, before: set[str], after: set[str]) -> None:
        for word in after - before:
            self._added[word].add(card)
        for word in before - after:
            self._removed[word].add(card)

    def write(self) -> None:
        at = self._at
        at.run("UPDATE {t}facts SET value = ? WHERE name = ?", (str(self._size), "size"))
        last = int(at.rows("SELECT COALESCE(MAX(id), 0) FROM {t}words")[0][0])
        for word in sorted(self._added.keys() | self._removed.keys()):
            added, removed = self._added.get(word, set()), self._removed.get(word, set())
            found = at.rows("SELECT id, cards, postings FROM {t}words WHERE word = ?", (word,))
            if found:
                number, count, packed = found[0]
                packed = postings.changed(bytes(packed), added, removed, self._size)
                sql = "UPDATE {t}words SET cards = ?, postings = ? WHERE id = ?"
                at.run(sql, (max(0, count + len(added) - len(removed)), packed, number))
            elif added:
                last += 1
                packed = postings.pack(sorted(added), self._size)
                at.run("INSERT INTO {t}words VALUES (?, ?, ?, ?)", (last, word, len(added), packed))
                self._meet(word[1:])

    def _meet(self, word: str) -> None:
        """A new word is found by those who misspell it."""
        for bucket in neighbours.buckets_of(word):
            found = self._at.rows("SELECT words FROM {t}neighbours WHERE bucket = ?", (bucket,))
            held = found[0][0].split(" ") if found else []
            if word in held:
                continue
            if found:
                self._at.run("UPDATE {t}neighbours SET words = ? WHERE bucket = ?", (" ".join([*held, word]), bucket))
            else:
                self._at.run("INSERT INTO {t}neighbours VALUES (?, ?)", (bucket, word))
