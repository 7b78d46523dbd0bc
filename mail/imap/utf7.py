"""Modified UTF-7, the mailbox names of IMAP4rev1, both ways. RFC 3501 §5.1.3."""

import binascii
import re

from mail.imap.errors import ImapBad

_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_PLAIN = re.compile(rb"[\x20-\x7e]*")
_FOREIGN = re.compile("[^\x20-\x7e]+")


def encode(name: str) -> bytes:
    """A name as it goes over the wire. Raises ImapBad for a lone surrogate."""
    try:
        return _FOREIGN.sub(_shift, name.replace("&", "&-")).encode("ascii")
    except UnicodeEncodeError:
        raise ImapBad("the mailbox name is not valid Unicode") from None


def decode(wire: bytes) -> str:
    """The name. Raises ImapBad unless `wire` is the one spelling that `encode` gives: two spellings of one mailbox
    would be two mailboxes to somebody."""
    if not _PLAIN.fullmatch(wire):
        raise ImapBad("mailbox names are modified UTF-7")
    try:
        name = "".join(_unshift(piece, number % 2 == 1) for number, piece in enumerate(_SHIFTED.split(wire)))
        if encode(name) == wire:
            return name
    except (UnicodeDecodeError, binascii.Error):
        pass
    raise ImapBad("mailbox names are modified UTF-7")


def _shift(run: re.Match[str]) -> str:
    packed = binascii.b2a_base64(run[0].encode("utf-16-be"), newline=False)
    return "&" + packed.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def _unshift(piece: bytes, shifted: bool) -> str:
    if not shifted:
        return piece.decode("ascii")
    if not piece:
        return "&"
    packed = piece.replace(b",", b"/")
    return binascii.a2b_base64(packed + b"=" * (-len(packed) % 4)).decode("utf-16-be")
