"""Certificates by which others check what our own mailboxes sign, by address: told to whoever looks us up."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from core.address import Address, NotAnAddress
from core.db import Db
from crypto.keyring import Keyring
from directory.mailboxes import find_mailbox

CertificateOf = Callable[[Session, Keyring, int], bytes | None]


class Certificates:
    """`certificate_of(session, keyring, mailbox_id)` comes from the room that keeps the keys."""

    def __init__(self, db: Db, keyring: Keyring, certificate_of: CertificateOf) -> None:
        self._db = db
        self._keyring = keyring
        self._certificate_of = certificate_of

    def __call__(self, addresses: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """DER by address; addresses of other operators have none here."""
        return self._db.read(self._read, addresses) if addresses else {}

    def _read(self, session: Session, addresses: Sequence[str]) -> dict[str, list[bytes]]:
        found = {}
        for text in addresses:
            try:
                mailbox = find_mailbox(session, self._keyring, Address.parse(text))
            except NotAnAddress:
                continue
            der = self._certificate_of(session, self._keyring, mailbox.id) if mailbox else None
            if der:
                found[text] = [der]
        return found
