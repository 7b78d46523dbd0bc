"""Which new passwords are refused: too short, among the 30,000 most used of those that leaked, or easily guessed from
what anybody knows of the account. No rules about digits and capitals, and nothing leaves to ask about it
(NIST SP 800-63B §3.1.1.2, OWASP ASVS 5 §6.2).
"""

import enum
import unicodedata
from collections.abc import Iterable

from crypto.passwords import MAX_BYTES

LEAST = 12  # characters: what the CNIL asks for without a second factor
OWN = 6  # of them besides words that anybody knows of the person or the house
LOOKED_AT = 72  # characters that the estimate looks at; what follows only makes it better
ENOUGH = 3  # of 0 to 4: more than 10^8 guesses (zxcvbn, USENIX Security 2016)
CONTEXT = (
    "pli",
    "mssante",
    "sante",
    "messagerie",
    "medecin",
    "docteur",
    "pharmacie",
    "patient",
    "ordonnance",
    "hopital",
)


class Weakness(enum.Enum):
    """Why a password is refused."""

    SHORT = "short"
    LONG = "long"
    GUESSED = "guessed"


def weakness(text: str, known: Iterable[str] = ()) -> Weakness | None:
    """None: good enough. `known`: login, name and the like; their parts count, with and without accents."""
    whole = unicodedata.normalize("NFC", text)
    if len(whole.encode(errors="surrogatepass")) > MAX_BYTES:
        return Weakness.LONG
    if len(whole) < LEAST:
        return Weakness.SHORT
    words = sorted({part for each in (*known, *CONTEXT) for part in _parts(each)})
    plain = _plain(whole)
    if _besides(plain, words) < OWN or min(_score(form, words) for form in {whole, plain}) < ENOUGH:
        return Weakness.GUESSED
    return None


def _score(text: str, words: list[str]) -> int:
    from zxcvbn import zxcvbn  # its lists are read only where somebody chooses a password

    return int(zxcvbn(text[:LOOKED_AT], user_inputs=words)["score"])


def _besides(plain: str, words: list[str]) -> int:
    """How many letters, digits and signs of other scripts are left without these words."""
    left = plain.lower()
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, "")
    return sum(each.isalnum() or not each.isascii() for each in left)


def _parts(text: str) -> set[str]:
    """The whole and its words of three letters or more, in lower case, without accents."""
    plain = _plain(text).lower()
    split = "".join(each if each.isalnum() else " " for each in plain).split()
    return {each for each in (plain, *split) if len(each) > 2}


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(each for each in parts if not unicodedata.combining(each))
