"""Names of medicines made comparable. Names may be compared with tolerance; numbers and units never are."""

import re
import unicodedata
from functools import lru_cache

NAME_CHARACTERS = 120
_LOOKALIKES = str.maketrans({"0": "o", "1": "i", "|": "i"})  # what readers of pictures take for each other
_DOTS = re.compile(r"(?<=\b[a-z])\.(?=[a-z]\b|\s|$)")
_WORDS = re.compile(r"[a-z0-9|]+")


def plain(text: str) -> str:
    """NFKC, lower case, no accents, one kind of µ and of spaces."""
    if text.isascii():
        return " ".join(text.casefold().split())
    flat = unicodedata.normalize("NFKC", text).replace("μ", "µ").replace("’", "'").casefold().replace("μ", "µ")
    bare = "".join(letter for letter in unicodedata.normalize("NFD", flat) if not unicodedata.combining(letter))
    return " ".join(bare.replace("œ", "oe").split())


def words(text: str) -> tuple[str, ...]:
    """The words of a name, with O and 0, I and 1 made one: `L.P.` is `lp`, `METF0RMINE` is `metformine`."""
    flat = plain(text[:NAME_CHARACTERS])
    dotless = _DOTS.sub("", flat) if "." in flat else flat
    return tuple(word.translate(_LOOKALIKES) for word in _WORDS.findall(dotless))


@lru_cache(maxsize=16_384)  # substances come thousands of times
def key(text: str) -> str:
    """The name as it is compared."""
    return " ".join(words(text))
