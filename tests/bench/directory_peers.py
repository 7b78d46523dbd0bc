"""The named peers over the same files and cards: `sqlite3 .import`, PostgreSQL's COPY, a plain trigram index."""

import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import psycopg

from directory.edition.card import PERSON, Card, unpack
from directory.edition.readers import Reader
from directory.extracts import mssante, rpps, skills
from directory.national import FILES
from directory.words import folded, words_of

# The same look-ups as an edition offers, on the peer's bare tables.
INDEXES = {
    "rpps": ("Identification nationale PP", "Numéro FINESS site", "Nom d'exercice", "Prénom d'exercice",
             "Libellé profession", "Libellé savoir-faire", "Code postal (coord. structure)",
             "Libellé commune (coord. structure)", "Raison sociale site", "Enseigne commerciale site"),
    "mssante": ("Adresse BAL", "Identification nationale PP", "Identification Structure", "Nom d'exercice"),
    "skills": ("Identification nationale PP",),
    "finess": ("f1",),
}  # fmt: skip
COLUMNS = {
    "rpps": [*rpps.COLUMNS, "_"],
    "mssante": list(mssante.COLUMNS),
    "skills": [*skills.COLUMNS, "_"],
    "finess": [f"f{n}" for n in range(32)],
}


def processor_s(who: int = resource.RUSAGE_SELF) -> float:
    """User and system seconds of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def sqlite_import(folder: Path) -> float:
    """Processor seconds of `sqlite3 .import` of the four files, with the indexes."""
    path = folder / "peer.db"
    path.unlink(missing_ok=True)
    script = ["PRAGMA journal_mode=OFF;", "PRAGMA synchronous=OFF;", "PRAGMA cache_size=-131072;"]
    for kind, names in COLUMNS.items():
        listed = ", ".join('"' + name + '"' for name in names)
        separator = ";" if kind == "finess" else "|"
        script += [
            f"CREATE TABLE {kind} ({listed});",
            ".mode ascii",  # quotes are letters in these files
            f'.separator "{separator}" "\\n"',
            f".import --skip 1 '{folder / FILES[kind]}' {kind}",
        ]
        script += [f'CREATE INDEX {kind}_{n} ON {kind} ("{name}");' for n, name in enumerate(INDEXES[kind])]
    before = processor_s(resource.RUSAGE_CHILDREN)
    subprocess.run(["sqlite3", str(path)], input="\n".join(script), text=True, check=True, capture_output=True)
    path.unlink()
    return processor_s(resource.RUSAGE_CHILDREN) - before


def copy_import(url: str, folder: Path) -> float:
    """Seconds of COPY of the four files into bare tables, with the indexes: the server's time, by the clock."""
    started = time.monotonic()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for kind, names in COLUMNS.items():
            columns = names if kind != "finess" else ["line"]  # two kinds of rows, of which COPY takes one
            listed = ", ".join(f'"{name}" text' for name in columns)
            connection.execute(f"CREATE TABLE peer_{kind} ({listed})".encode())
            mark = "|" if kind != "finess" else "\x02"
            form = f"(FORMAT csv, DELIMITER E'{mark}', QUOTE E'\\x01', HEADER)"
            statement = f"COPY peer_{kind} FROM STDIN {form}"
            with connection.cursor().copy(statement.encode()) as copy, (folder / FILES[kind]).open("rb") as file:
                while block := file.read(1 << 20):
                    copy.write(block)
            for name in INDEXES[kind] if kind != "finess" else ("line",):
                on = f'"{name}"' if kind != "finess" else "split_part(line, ';', 2)"
                connection.execute(f"CREATE INDEX ON peer_{kind} ({on})".encode())
    return time.monotonic() - started


Answers = list[list[Card]]


def trigrams(reader: Reader, path: Path) -> Callable[[list[str], int], Answers]:
    """SQLite's own trigram index over name, profession and towns: ranked by bm25 over the trigrams of what is typed.
    Many texts at once, on all cores: at national size each takes more than a second."""
    fresh = not path.exists()
    peer = sqlite3.connect(path)
    if fresh:
        peer.execute("CREATE VIRTUAL TABLE t USING fts5(text, content='', tokenize='trigram')")
        after = -1
        while rows := reader.cards_after(after, 5000, PERSON):
            after = rows[-1][0]
            peer.executemany(
                "INSERT INTO t (rowid, text) VALUES (?, ?)", [(n, _text(unpack(text))) for n, text in rows]
            )
        peer.commit()
    peer.close()

    def ask(text: str, limit: int) -> list[Card]:
        peer = sqlite3.connect(path)
        grams = sorted({word[at : at + 3] for word in words_of(text) for at in range(len(word) - 2)})
        match = " OR ".join(f'"{gram}"' for gram in grams) or '""'
        found = peer.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT ?", (match, limit)).fetchall()
        peer.close()
        cards = dict(reader.cards([row[0] for row in found]))
        return [unpack(cards[row[0]]) for row in found if row[0] in cards]

    def ask_all(texts: list[str], limit: int) -> Answers:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(ask, texts, repeat(limit)))

    return ask_all


def _text(card: Card) -> str:
    return folded(f"{card.name} {card.profession} {' '.join(place.city for place in card.places)}")
