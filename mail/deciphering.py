"""An encrypted message read with the seal of the mailbox that received it. What its owner's own key alone opens stays
closed here."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from core.db import Db
from core.errors import NotFound
from crypto.enveloped import CannotOpen
from crypto.identity import Identity
from crypto.keyring import Keyring
from crypto.secret_mail import is_encrypted, open_message
from crypto.verdict import Verdict
from mail.incoming import Letter
from mail.judge import Judge
from mail.letter import read_letter
from mail.parameters import first
from mail.part import Part
from mail.seals import open_seals

_KINDS = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SECRET = frozenset({b"enveloped-data", b"authenveloped-data"})


@dataclass(frozen=True, slots=True, repr=False)
class Deciphered:
    """The message as its author wrote it, and what its signature is worth."""

    letter: Letter
    verdict: Verdict


def says_encrypted(tree: Part) -> bool:
    """Whether the message is encrypted by CMS, by whatever cipher (RFC 8551 §3.2.2)."""
    return tree.media in _KINDS and (first(tree.params, b"smime-type") or b"").strip().lower() in _SECRET


def decipher(
    db: Db, keyring: Keyring, judge: Judge, mailbox_id: int, raw: bytes, sender: str, at: datetime
) -> Deciphered | None:
    """None where no seal of this mailbox, today's or an earlier one, opens it. `sender` is the envelope's."""
    if not is_encrypted(raw):
        return None
    for seal in _seals(db, keyring, mailbox_id):
        with suppress(CannotOpen):
            opened = open_message(raw, seal)
            return Deciphered(read_letter(opened), judge(opened, sender or None, at))
    return None


def _seals(db: Db, keyring: Keyring, mailbox_id: int) -> tuple[Identity, ...]:
    try:
        return db.read(open_seals, keyring, mailbox_id)
    except NotFound:
        return ()
