"""Words that are nearly alike: those of which one letter less is the same, or that sound the same, share a bucket.

A word of n letters is in itself's bucket, those of its deletions of one letter, and those of its sound. Looking a
misspelt word up in its own buckets brings every word at one insertion, deletion, substitution or swap (and what sounds
alike, however spelt); the caller compares and drops the rest.
"""

from array import array
from collections.abc import Iterator
from zlib import crc32

from directory.sounds import VOWELS, sound_of

BUCKETS = 1 << 17
SHORTEST, LONGEST = 3, 24
SHORTEST_SOUND = 4  # shorter ones would meet half of the annuaire


def rows(words: list[str]) -> Iterator[tuple[int, str]]:
    """Rows of the table `neighbours`: each bucket's words."""
    buckets: list[array[int] | None] = [None] * BUCKETS
    for number, word in enumerate(words):
        for bucket in buckets_of(word):
            held = buckets[bucket]
            if held is None:
                held = buckets[bucket] = array("I")
            held.append(number)
    for bucket, held in enumerate(buckets):
        if held is not None:
            yield bucket, " ".join(words[number] for number in held)


def buckets_of(word: str) -> set[int]:
    """All buckets of a folded word; none for figures and for what is too short to be misspelt."""
    found = letter_buckets(word)
    if found:
        found.update(sound_buckets(word))
    return found


def letter_buckets(word: str) -> set[int]:
    """Those of the word and of its deletions."""
    if not SHORTEST <= len(word) <= LONGEST or word[0] <= "9":
        return set()
    data = word.encode()
    found = {crc32(data[:place] + data[place + 1 :]) % BUCKETS for place in range(len(data))}
    found.add(crc32(data) % BUCKETS)
    return found


def sound_buckets(word: str) -> set[int]:
    """The one of all words that sound so, and those of its sound with a vowel less: `filipo` meets `phelippeau`."""
    sound = sound_of(word)
    sounds = {sound}
    if len(sound) >= SHORTEST_SOUND:
        sounds.update(
            sound[:place] + sound[place + 1 :] for place, heard in enumerate(sound) if place and heard in VOWELS
        )
    return {crc32(b"~" + one.encode()) % BUCKETS for one in sounds}
