"""Words as they are searched: lower case, without accents, marks or ligatures; the small ones that carry nothing."""

import re
import unicodedata
from functools import lru_cache

# Before a name, or inside it, and dropped or swallowed by whoever types it.
_PARTICLES_TEXT = (
    "a au aux d da de del della den der des di do dos du e el en et l la le les of ou s st ste the van von y"
)
PARTICLES = frozenset(_PARTICLES_TEXT.split())
_TITLES_TEXT = "dr docteur pr professeur m mr mme mlle monsieur madame maitre me"
TITLES = frozenset(_TITLES_TEXT.split())
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "ø": "o", "Ø": "o", "ł": "l"})
_WORD = re.compile(r"[a-z0-9]+")
LONGEST = 40


@lru_cache(maxsize=1 << 16)
def words_of(text: str) -> tuple[str, ...]:
    """`L'Hôte-Bœuf` → (`l`, `hote`, `boeuf`)."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
        text = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(word[:LONGEST] for word in _WORD.findall(text.lower()))


@lru_cache(maxsize=1 << 16)
def name_words(text: str) -> tuple[str, ...]:
    """What a name is found by: its words without particles, and all of them as one (`du plessis`: `duplessis`)."""
    found = words_of(text)
    if len(found) < 2:
        return found
    kept = [word for word in found if word not in PARTICLES]
    whole = "".join(found)[:LONGEST]
    joined = "".join(kept)[:LONGEST]
    return tuple(dict.fromkeys([*kept, whole, joined] if joined else [*kept, whole]))


def folded(text: str) -> str:
    """The words of a text with one space between them: two texts that people take for the same are equal."""
    return " ".join(words_of(text))
