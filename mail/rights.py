"""Rights on a folder as sets of letters, and the arithmetic on them. RFC 4314 §2.1. No rows, no sockets.

Each right is a letter: (l)ookup, (r)ead, (s)een, (w)rite other flags, (i)nsert, (p)ost, create below (k), delete the
mailbox (x), mark as deleted (t), (e)xpunge, (a)dminister.
"""

from collections.abc import Collection
from typing import Final, TypeAlias

from core.errors import BadInput

Rights: TypeAlias = frozenset[str]

LETTERS: Final = "lrswipkxtea"  # in the order in which they are told
ALL: Final[Rights] = frozenset(LETTERS)
NONE: Final[Rights] = frozenset()
VIRTUAL: Final = {"c": frozenset("kx"), "d": frozenset("te")}  # §2.1.1, for clients of RFC 2086
WRITING: Final[Rights] = frozenset("swtie")  # with none of them the mailbox is read-only, §5.2
FLAGS: Final[Rights] = frozenset("swt")
_OF_FLAG: Final = {"\\seen": "s", "\\deleted": "t"}
_MOST_LETTERS = 64  # letters may be said twice; nobody needs to say them more often than that


class UnknownRight(BadInput):
    """IMAP BAD, RFC 4314 §3.1."""


def parse_rights(text: str) -> Rights:
    """The rights that the letters name, virtual ones as their members. Raises UnknownRight; capitals are no rights."""
    if len(text) > _MOST_LETTERS or not set(text) <= ALL | VIRTUAL.keys():
        raise UnknownRight("there is no such right")
    return frozenset().union(*(VIRTUAL.get(letter, letter) for letter in text))


def changed(before: Rights, mode: str, given: Rights) -> Rights:
    """What stands after `given` was added ("+"), taken away ("-") or put in place ("="). §3.1."""
    return before | given if mode == "+" else before - given if mode == "-" else given


def letters(rights: Rights) -> str:
    """In one order, as they are kept."""
    return "".join(letter for letter in LETTERS if letter in rights)


def told(rights: Rights) -> str:
    """As they are told: a virtual right stands beside any member of it. §2.1.1."""
    return letters(rights) + "".join(word for word, members in VIRTUAL.items() if members & rights)


def right_for_flag(flag: str) -> str:
    """The right without which the flag stays as it is. §4, STORE."""
    return _OF_FLAG.get(flag.lower(), "w")


def may_store(rights: Rights, names: Collection[str]) -> bool:
    """Whether a STORE of these flags can change anything; it is then done for those that may be changed. §4."""
    asked = {right_for_flag(name) for name in names} if names else FLAGS
    return bool(asked & rights) and bool(FLAGS & rights)
