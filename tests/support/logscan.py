"""Nothing personal in a log: what every flow test calls at its end, with the words that it used."""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

_MATRICULE = re.compile(r"(?<!\d)[1-8]\d{4}(?:\d\d|2[AB])\d{6}(?:\d\d)?(?!\d)", re.IGNORECASE)
_SPACED = re.compile(
    r"(?<!\d)[1-8][ .\-]\d\d[ .\-]\d\d[ .\-](?:\d\d|2[AB])[ .\-]?\d{3}[ .\-]?\d{3}(?:[ .\-]?\d\d)?(?!\d)", re.IGNORECASE
)
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@…]+@[\w\-]+\.[\w.\-]*\w")


class PersonalDataInLog(AssertionError):
    """A log line shows somebody. The message names the rule and the line number, not the text."""


def assert_clean(text: str, secrets: Iterable[str] = ()) -> None:
    """Raises PersonalDataInLog where a line holds one of the `secrets`, or anything like a matricule or an address.

    `secrets` are the names, subjects, addresses, matricules, passwords and words of the documents that the flow used;
    case, spaces, percent-encoding, compatibility letters and JSON escapes do not hide them.
    """
    wanted = [(number, _bare(secret)) for number, secret in enumerate(secrets) if secret.strip()]
    for line_number, line in enumerate(text.splitlines(), 1):
        plain = _plain(line)
        for rule, pattern in (("a matricule", _MATRICULE), ("a spaced matricule", _SPACED), ("an address", _ADDRESS)):
            if pattern.search(plain):
                raise PersonalDataInLog(f"line {line_number} holds {rule}")
        bare = _bare(line)
        for number, secret in wanted:
            if secret in bare:
                raise PersonalDataInLog(f"line {line_number} holds secret number {number}")


def _plain(text: str) -> str:
    escaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found.group(1), 16)), text)
    digits = "".join(str(unicodedata.digit(letter, letter)) for letter in escaped)
    return unicodedata.normalize("NFKC", unquote(unquote(digits)))


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", _plain(text)).casefold()
