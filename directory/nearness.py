"""Words of the annuaire that resemble a typed one: by letters, or by sound."""

from collections.abc import Iterable

from rapidfuzz.distance import OSA, JaroWinkler

from directory.sounds import VOWELS, sound_of

SAME_SOUND, NOT_THE_SAME, NEAR_SOUND = 0.92, 0.9, 0.86
LEAST = 0.6


def by_letters(typed: str, words: Iterable[str]) -> dict[str, float]:
    """Those at one slip of the finger (a letter more, less, another, two swapped), at two in a long word."""
    found = {}
    most = 1 if len(typed) < 8 else 2
    for word in words:
        off = OSA.distance(typed, word, score_cutoff=most)
        if off <= most:
            found[word] = min(NOT_THE_SAME, 1 - off / max(len(typed), len(word)))
    return found


def by_sound(typed: str, words: Iterable[str]) -> dict[str, float]:
    """Those that are said alike, or so but for a vowel; the nearer their letters, the better."""
    key = sound_of(typed)
    found = {}
    for word in words:
        near = JaroWinkler.similarity(typed, word)
        other = sound_of(word)
        if other == key and (near > 0.55 or len(key) > 2):
            found[word] = SAME_SOUND - 0.3 * (1 - near)
        elif near > 0.45 and len(key) > 3 and _but_for_a_vowel(key, other):
            found[word] = NEAR_SOUND - 0.3 * (1 - near)
    return found


def _but_for_a_vowel(one: str, other: str) -> bool:
    """Two sounds that differ by one vowel more, less or another."""
    if abs(len(one) - len(other)) > 1 or OSA.distance(one, other, score_cutoff=1) != 1:
        return False
    shorter, longer = sorted((one, other), key=len)
    at = next((place for place, heard in enumerate(shorter) if heard != longer[place]), len(shorter))
    changed = {longer[at]} | ({shorter[at]} if len(one) == len(other) else set())
    return changed <= set(VOWELS)
