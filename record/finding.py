"""Searching inside one record: every word asked for, in the title or the words of a document, however it is written.

The words lie sealed; they are opened for the search and forgotten: no index on the disk tells a thief what is in them.
"""

from dataclasses import dataclass

from record.access import Shown
from record.identity import fold

WORDS, AROUND = 8, 70


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A document with the words around the first match, as they stand in it."""

    shown: Shown
    excerpt: str


def search(asked: str, texts: tuple[tuple[Shown, str], ...]) -> tuple[Hit, ...]:
    """Newest first. Pure. Nothing is found by nothing."""
    wanted = fold(asked).split()[:WORDS]
    if not wanted:
        return ()
    found = [hit for shown, text in texts if (hit := _hit(wanted, shown, text))]
    return tuple(sorted(found, key=lambda hit: -hit.shown.row.filed_at))


def _hit(wanted: list[str], shown: Shown, text: str) -> Hit | None:
    title = shown.meta.title if shown.meta else ""
    whole = f" {fold(title)} {fold(text)}"
    if not all(f" {word}" in whole for word in wanted):  # at the beginning of a word
        return None
    return Hit(shown, _around(wanted, text))


def _around(wanted: list[str], text: str) -> str:
    """Words keep their places when they are folded: the first that begins so shows where to cut."""
    words = text.split()
    place = next((n for n, word in enumerate(words) if any(f" {w}" in f" {fold(word)}" for w in wanted)), None)
    if place is None:
        return " ".join(words)[: 2 * AROUND]
    before, after = " ".join(words[max(0, place - 40) : place]), " ".join(words[place : place + 60])
    return f"{'… ' if len(before) > AROUND else ''}{before[-AROUND:]} {after[: 2 * AROUND]}".strip()
