"""Errors become IMAP answers here and nowhere else: a condition, a code of RFC 5530, a general sentence.

No answer repeats what the client sent, nor the text of an exception that nobody foresaw.
"""

from typing import NamedTuple

from core.errors import BadInput, DatabaseDown, NotFound, PliError, Refused, StorageFull, Temporary
from crypto.sealed import SealBroken
from mail.acl import NoPermission, OwnerKeepsAll
from mail.bounds import MimeBounds
from mail.folder_rows import FolderGone, TooManyFlags
from mail.folders import FolderExists, FolderKept, NoSuchFolder, SpecialUseTaken, TooManyFolders
from mail.imap.errors import ImapBad


class Refusal(NamedTuple):
    """What stands behind the tag: `NO [CODE] text`."""

    condition: str
    code: str
    text: str


# The first kind that fits wins. RFC 5530 §3.
_ANSWERS: tuple[tuple[type[Exception], str, str], ...] = (
    (NoSuchFolder, "NONEXISTENT", "there is no such mailbox"),
    (FolderExists, "ALREADYEXISTS", "the mailbox exists already"),
    (NoPermission, "NOPERM", "you have no right to do this here"),
    (OwnerKeepsAll, "CANNOT", "the first account of a mailbox has every right"),
    (FolderKept, "CANNOT", "this mailbox stays as it is"),
    (SpecialUseTaken, "USEATTR", "this special use is not free"),
    (TooManyFolders, "LIMIT", "there are too many mailboxes"),
    (TooManyFlags, "LIMIT", "there are too many flags"),
    (FolderGone, "NONEXISTENT", "the mailbox was deleted"),
    (MimeBounds, "LIMIT", "the structure of the message passes our limits"),
    (StorageFull, "UNAVAILABLE", "there is no room to store this now"),
    (DatabaseDown, "UNAVAILABLE", "the store does not answer, try again later"),
    (Temporary, "UNAVAILABLE", "try again later"),
    (SealBroken, "CORRUPTION", "the message cannot be opened"),
    (NotFound, "EXPUNGEISSUED", "the message is not there any more"),
    (BadInput, "CANNOT", "this cannot be done"),
    (Refused, "CANNOT", "this cannot be done"),
)
BUG = Refusal("NO", "SERVERBUG", "something went wrong here, it has been noted")


def refusal(error: Exception) -> Refusal:
    """The answer for an error; one that nobody foresaw is our bug."""
    if isinstance(error, ImapBad):
        return Refusal(error.condition, error.code, error.public)
    for kind, code, text in _ANSWERS:
        if isinstance(error, kind):
            return Refusal("NO", code, text)
    return BUG


def is_foreseen(error: Exception) -> bool:
    """Whether it needs no trace in our log."""
    return isinstance(error, PliError | SealBroken)
