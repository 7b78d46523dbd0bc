"""How a French word sounds, roughly: words that are said alike get one key, whatever their spelling.

Our own short table of rules on folded words (lower-case ASCII letters): made to bring candidates, which are then
compared letter by letter; a key that is too wide costs time, one that is too narrow loses people.
"""

import re
from functools import lru_cache

# A nasal vowel is followed by a consonant that is neither n nor m nor h, or by nothing.
_N = "(?![aeiouynmh])"
_RULES = (  # the first that fits at a place of the word
    ("sch|sh|tch", "8"),
    ("ch(?=[rlnt])", "k"),
    ("ch", "8"),
    ("ph", "f"),
    ("gn|nn?i(?=[aou])", "9"),
    ("cqu|cq|ck|cc(?![eiy])|qu|q|kh", "k"),
    ("sc(?=[eiy])|c(?=[eiy])|ss", "s"),
    ("c", "k"),
    ("gu(?=[eiy])|gg", "g"),
    ("ge(?=[aou])|g(?=[eiy])", "j"),
    ("w", "v"),
    ("h", ""),
    ("x", "ks"),
    ("(?<=[aeiouy])s(?=[aeiouy])", "z"),
    ("eau|au|oo", "o"),
    (f"(?:ain|ein|ien|ayn|eyn|yn|in|en|an|un|aim|im|ym|em|am|um){_N}", "1"),
    (f"(?:on|om){_N}", "2"),
    ("oeu|oe|eu", "e"),
    ("ou", "u"),
    ("oi|oy", "o"),
    ("ai|ei|ay|ey", "e"),
    ("(?<=[aeou])ill(?=[aeiouy])|y|ii", "i"),
)
_ONE_PASS = re.compile("|".join(f"({pattern})" for pattern, _ in _RULES))
VOWELS = "aeiou12"
_SOUNDS = ("", *(sound for _, sound in _RULES))
_SILENT_END = re.compile("(?<=..)(?:[stdxz]+|(?<=[aeiou])p|lt|ld|e[rz]|h)$")
_TWICE = re.compile(r"(.)\1")


@lru_cache(maxsize=1 << 14)
def sound_of(word: str) -> str:
    """The key of a folded word; of a word of digits, itself. An `e` is heard at the beginning only."""
    if word.isdigit():
        return word
    key = _TWICE.sub(r"\1", _ONE_PASS.sub(_said, _SILENT_END.sub("", _SILENT_END.sub("", word))))
    return key[:1] + key[1:].replace("e", "")


def _said(found: re.Match[str]) -> str:
    return _SOUNDS[found.lastindex or 0]
