"""The tables of an edition, on SQLite in a file of its own, on PostgreSQL in a schema of its own."""

from collections.abc import Iterable

from directory.extracts.entry import NAMES

TABLES = (
    "lines (id {id}, source {text} NOT NULL, person {text} NOT NULL, structure {text} NOT NULL, line {text} NOT NULL)",
    "cards (id {id}, key {text} NOT NULL, card {text} NOT NULL)",
    "words (id {id}, word {text} NOT NULL, cards {number} NOT NULL, postings {bytes} NOT NULL)",
    "neighbours (bucket {id}, words {text} NOT NULL)",
    "boxes (address {key}, card {number} NOT NULL)",
    "facts (name {key}, value {text} NOT NULL)",
)
INDEXES = {
    "lines": (
        "lines_by_person ON {schema}lines (person) WHERE person <> ''",
        "lines_by_structure ON {schema}lines (structure) WHERE structure <> ''",
    ),
    "cards": ("cards_by_key ON {schema}cards (key)",),
    "words": ("words_by_word ON {schema}words (word, cards, id)",),
}
IMPORTED = "import"  # the fact that tells the number of the import by which an edition was changed last
# Beside the edition until it is in use: the entries that its mailboxes will be, and the sectors of its structures.
WAITING, SECTORS = "waiting", "sectors"
WAITING_FILE = "waiting.db"  # where SQLite has them
COLUMNS = {
    "lines": ("id", "source", "person", "structure", "line"),
    "cards": ("id", "key", "card"),
    "words": ("id", "word", "cards", "postings"),
    "neighbours": ("bucket", "words"),
    "boxes": ("address", "card"),
    "facts": ("name", "value"),
}
COMPLETE_FIRST = ("cards", "boxes")
WAITING_COLUMNS = {WAITING: NAMES, SECTORS: ("structure", "sector")}
# C collation: words are compared letter by letter, as Python does, so that a prefix is a range.
KINDS = {
    "sqlite": {
        "id": "INTEGER PRIMARY KEY",
        "key": "TEXT PRIMARY KEY",
        "text": "TEXT",
        "number": "INTEGER",
        "bytes": "BLOB",
    },
    "postgresql": {
        "id": "BIGINT NOT NULL",
        "key": 'TEXT COLLATE "C" NOT NULL',
        "text": 'TEXT COLLATE "C"',
        "number": "BIGINT",
        "bytes": "BYTEA",
    },
}


def create(dialect: str, schema: str = "") -> list[str]:
    """Statements that make the tables. `schema` ends with a dot, or is empty."""
    return [f"CREATE TABLE {schema}{table.format(**KINDS[dialect])}" for table in TABLES]


def create_waiting() -> list[str]:
    """The same for SQLite of what waits beside an edition."""
    columns = f"{WAITING} ({', '.join(WAITING_COLUMNS[WAITING])})"
    return [f"CREATE TABLE waiting.{columns}", f"CREATE TABLE waiting.{SECTORS} (structure TEXT PRIMARY KEY, sector)"]


def index(tables: Iterable[str] = COLUMNS, schema: str = "") -> list[str]:
    """Statements that make the indexes of these tables, once the rows are there."""
    return [f"CREATE INDEX {line.format(schema=schema)}" for table in tables for line in INDEXES.get(table, ())]


def keys(tables: Iterable[str], schema: str) -> list[str]:
    """PostgreSQL's primary keys, which are made faster when the rows are there. SQLite's rows stand in their order."""
    return [f"ALTER TABLE {schema}{table} ADD PRIMARY KEY ({COLUMNS[table][0]})" for table in tables]
