"""Who a recipient is: one read from an address to the mailbox, its holder's key, and its INBOX."""

from datetime import datetime

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from core.address import Address
from core.value import Value, replace
from crypto.keyring import Keyring
from directory.local_domains import is_local_domain
from directory.mailboxes import lookup_of
from directory.tables import holders, mailboxes
from mail.dsn_parameters import NO_RECIPIENT_WISHES, RecipientWishes
from mail.folders import create_default_folders
from mail.tables import folders


class Recipient(Value, frozen=True):
    """An address and what we know of it. Without `mailbox_id` nobody has it here; `is_local` says whether we should.

    `lookup` is the blind index of the address. `wrapped_key` is None when the holder's key was destroyed. `wishes`:
    what the sender asks to be told about it (RFC 3461).
    """

    address: Address
    lookup: bytes
    is_local: bool
    mailbox_id: int | None = None
    kind: str = ""
    state: str = ""
    holder_id: int | None = None
    wrapped_key: bytes | None = None
    inbox_id: int | None = None
    wishes: RecipientWishes = NO_RECIPIENT_WISHES

    def __repr__(self) -> str:
        return f"Recipient({self.address.masked})"

    @property
    def is_patient(self) -> bool:
        """Known by the mailbox when it is ours, by the address otherwise."""
        return self.kind == "PAT" or self.address.is_patient

    @property
    def is_open(self) -> bool:
        """Takes mail: open, and its holder's key still exists."""
        return self.state == "open" and self.wrapped_key is not None


def find_recipient(session: Session, keyring: Keyring, address: Address) -> Recipient:
    """What we know of an address; never raises for an unknown one."""
    lookup = lookup_of(keyring, address)
    row = session.execute(_QUERY, {"lookup": lookup}).one_or_none()
    if row is None:
        return Recipient(address, lookup, is_local_domain(session, address.domain))
    return Recipient(address, lookup, True, *row)


def somebody_elsewhere(keyring: Keyring, address: Address) -> Recipient:
    """What there is to know of an address of no domain of ours."""
    return Recipient(address, lookup_of(keyring, address), is_local=False)


def with_inbox(session: Session, keyring: Keyring, address: Address, now: datetime) -> Recipient:
    """The recipient, with folders made for a mailbox that has none yet: a patient's exists before its first login."""
    found = find_recipient(session, keyring, address)
    if found.mailbox_id is None or found.inbox_id is not None:
        return found
    return replace(found, inbox_id=create_default_folders(session, found.mailbox_id, now)["INBOX"])


# Built once: on the delivery path, building a statement costs more than running it.
_QUERY = (
    select(
        *(mailboxes.c.id, mailboxes.c.kind, mailboxes.c.state, mailboxes.c.holder_id),
        *(holders.c.wrapped_key, folders.c.id),
    )
    .join(holders, holders.c.id == mailboxes.c.holder_id)
    .join(folders, and_(folders.c.mailbox_id == mailboxes.c.id, folders.c.name == "INBOX"), isouter=True)
    .where(mailboxes.c.lookup == bindparam("lookup"))
)
