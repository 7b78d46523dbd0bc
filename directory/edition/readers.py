"""Reading an edition: a few kinds of look-up, each one statement. On SQLite from its file, on PostgreSQL its schema."""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from core.errors import DatabaseDown
from directory.edition.tables import IMPORTED

_serials = count(1)


class Statements(Protocol):
    """Runs one SELECT: `{t}` stands before a table's name, `?` is a value."""

    def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]: ...

    def among(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        """`sql` ends with the column that is one of `values`, which are all texts or all numbers."""

    def close(self) -> None: ...


class SqliteStatements:
    """A connection for each thread; none of them writes or checkpoints."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Raises DatabaseDown: the file is not there, or damaged."""
        try:
            return self._connection().execute(sql.format(t=""), values).fetchall()
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)  # without one: closed meanwhile
            raise DatabaseDown("l'annuaire ne répond pas", f"edition: {name}") from error

    def among(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        return self.rows(f"{sql} IN ({','.join('?' * len(values))})", values)

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            there = f"file:{quote(str(self._path))}?mode=rw"  # never made here
            found = sqlite3.connect(
                there, uri=True, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            for pragma in ("query_only=ON", "wal_autocheckpoint=0", "busy_timeout=5000", "mmap_size=2000000000"):
                found.execute(f"PRAGMA {pragma}")
            self._local.connection = found
            with self._lock:
                self._all.append(found)
        return found


class Reader:
    """The look-ups of one edition. `serial` tells it from every other reader: an edition may have changed between."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self.serial = next(_serials)
        self.size = self._fact("size")
        self._counts: dict[str, int] = {}

    def words(self, words: Iterable[str]) -> list[tuple[int, str, int]]:
        """Number, word and number of cards of those that exist."""
        return self._in("SELECT id, word, cards FROM {t}words WHERE word", list(words))

    def beginning(self, prefix: str, limit: int = 400) -> list[tuple[int, str, int]]:
        """The same of words that begin so."""
        sql = "SELECT id, word, cards FROM {t}words WHERE word >= ? AND word < ? LIMIT ?"
        return self._statements.rows(sql, (prefix, prefix + "\x7f", limit))

    def beginning_each(self, prefixes: Sequence[str], limit: int = 400) -> list[tuple[int, str, int]]:
        """The same of several beginnings, at most `limit` of each, in one statement."""
        one = "SELECT * FROM (SELECT id, word, cards FROM {t}words WHERE word >= ? AND word < ? LIMIT ?) AS begun"
        values = [value for prefix in prefixes for value in (prefix, prefix + "\x7f", limit)]
        return self._statements.rows(" UNION ALL ".join([one] * len(prefixes)), values) if prefixes else []

    def beginning_most(self, prefixes: Sequence[str], most: int, limit: int = 400) -> list[tuple[int, str, int]]:
        """Of these the `most` that stand on the most cards; equal ones as they come. The database throws the rest away:
        to hand over a thousand rows takes longer than to find them."""
        if not prefixes:
            return []
        each = (
            f"SELECT * FROM (SELECT {place} AS place, id, word, cards FROM {{t}}words "
            "WHERE word >= ? AND word < ? LIMIT ?) AS begun"
            for place in range(len(prefixes))
        )
        values = [value for prefix in prefixes for value in (prefix, prefix + "\x7f", limit)]
        every = " UNION ALL ".join(each)
        sql = f"SELECT id, word, cards FROM ({every}) AS every ORDER BY cards DESC, place, word LIMIT ?"
        return self._statements.rows(sql, [*values, most])

    def postings(self, numbers: Iterable[int]) -> list[tuple[int, bytes]]:
        return self._in("SELECT id, postings FROM {t}words WHERE id", list(numbers))

    def neighbours(self, buckets: Iterable[int]) -> set[str]:
        """All words of these buckets."""
        rows = self._in("SELECT words FROM {t}neighbours WHERE bucket", list(buckets))
        return set().union(*(row[0].split(" ") for row in rows))

    def cards(self, numbers: Iterable[int]) -> list[tuple[int, str]]:
        return self._in("SELECT id, card FROM {t}cards WHERE id", list(numbers))

    def cards_by_key(self, keys: Iterable[str]) -> list[tuple[int, str]]:
        return self._in("SELECT id, card FROM {t}cards WHERE key", list(keys))

    def cards_beginning(self, prefix: str, limit: int) -> list[tuple[int, str]]:
        """By the beginning of their keys."""
        sql = "SELECT id, card FROM {t}cards WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
        return self._statements.rows(sql, (prefix, prefix + "\x7f", limit))

    def boxes(self, beginning: str, limit: int) -> list[int]:
        """Cards of addresses that begin so."""
        sql = "SELECT card FROM {t}boxes WHERE address >= ? AND address < ? ORDER BY address LIMIT ?"
        return [row[0] for row in self._statements.rows(sql, (beginning, beginning + "\x7f", limit))]

    def box(self, address: str) -> int | None:
        found = self._statements.rows("SELECT card FROM {t}boxes WHERE address = ?", (address,))
        return found[0][0] if found else None

    def lines_of_person(self, person: str) -> list[tuple[str, str]]:
        """Source and line, as published."""
        sql = "SELECT source, line FROM {t}lines WHERE person = ? AND person <> '' ORDER BY id"
        return self._statements.rows(sql, (person,))

    def lines_of_structure(self, structure: str, source: str = "", limit: int = 1000) -> list[tuple[str, str]]:
        """The same of a structure; of one source, or of all."""
        sql = (
            "SELECT source, line FROM {t}lines WHERE structure = ? AND structure <> '' "
            "AND (source = ? OR ? = '') ORDER BY id LIMIT ?"
        )
        return self._statements.rows(sql, (structure, source, source, limit))

    def people_of_structure(self, structure: str, limit: int) -> list[str]:
        """National ids of those who work there."""
        sql = "SELECT DISTINCT person FROM {t}lines WHERE structure = ? AND structure <> '' AND person <> '' LIMIT ?"
        return [row[0] for row in self._statements.rows(sql, (structure, limit))]

    def containing(self, field: str, piece: str, limit: int) -> list[tuple[int, str, int]]:
        """Words of a field that hold a piece, which is letters and digits: number, word, number of cards."""
        sql = "SELECT id, word, cards FROM {t}words WHERE word >= ? AND word < ? AND word LIKE ? LIMIT ?"
        return self._statements.rows(sql, (field, field + "\x7f", f"{field}%{piece}%", limit))

    def boxes_holding(self, piece: str, limit: int) -> list[int]:
        """Cards of addresses in which this stands, whatever is before it."""
        sql = "SELECT card FROM {t}boxes WHERE address LIKE ? ESCAPE '!' LIMIT ?"
        return [row[0] for row in self._statements.rows(sql, (f"%{_escaped(piece.lower())}%", limit))]

    def cards_after(self, number: int, limit: int, type_: str = "") -> list[tuple[int, str]]:
        """In the order of their numbers."""
        sql = "SELECT id, card FROM {t}cards WHERE id > ? AND (substr(card, 1, 1) = ? OR ? = '') ORDER BY id LIMIT ?"
        return self._statements.rows(sql, (number, type_, type_, limit))

    def count_of(self, type_: str) -> int:
        """How many cards of a type; read once, it takes a while."""
        if type_ not in self._counts:
            sql = "SELECT COUNT(*) FROM {t}cards WHERE substr(card, 1, 1) = ?"
            self._counts[type_] = int(self._statements.rows(sql, (type_,))[0][0])
        return self._counts[type_]

    def count(self, table: str) -> int:
        return int(self._statements.rows(f"SELECT COUNT(*) FROM {{t}}{table}", ())[0][0])

    @property
    def is_whole(self) -> bool:
        """An edition tells its size, even where it holds nobody."""
        return bool(self._statements.rows("SELECT 1 FROM {t}facts WHERE name = ?", ("size",)))

    @property
    def import_number(self) -> int:
        """Of the import by which it was changed last; 0 when it is as it was built."""
        return self._fact(IMPORTED)

    def _fact(self, name: str) -> int:
        found = self._statements.rows("SELECT value FROM {t}facts WHERE name = ?", (name,))
        return int(found[0][0]) if found else 0

    def _in(self, sql: str, values: list[Any]) -> list[Any]:
        if not values:
            return []
        return self._statements.among(sql, values)


def _escaped(text: str) -> str:
    """A text that LIKE takes letter by letter."""
    return "".join(f"!{letter}" if letter in "!%_" else letter for letter in text)
