"""An encrypted message read with the seal of the mailbox that received it. What its owner's own key alone opens stays
closed here."""

from dataclasses import dataclass
from datetime import datetime

from core.db import Db
from core.errors import NotFound
from crypto.enveloped import CannotOpen
from crypto.keyring import Keyring
from crypto.secret_mail import is_encrypted, open_message
from crypto.verdict import Verdict
from mail.incoming import Letter
from mail.judge import Judge
from mail.letter import read_letter
from mail.parameters import first
from mail.part import Part
from mail.seals import open_seal

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
    """None where this mailbox's seal does not open it. `sender` is the envelope's."""
    if not is_encrypted(raw):
        return None
    try:
        opened = open_message(raw, db.read(open_seal, keyring, mailbox_id))
    except (CannotOpen, NotFound):
        return None
    return Deciphered(read_letter(opened), judge(opened, sender or None, at))
