"""From an address to what we know of it: the directory's entry and, when it is ours, the mailbox."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.address import Address
from core.statements import ask
from crypto.keyring import Keyring
from directory.extracts.entry import NAMES, Entry
from directory.mailboxes import Mailbox, address_of, lookup_of
from directory.tables import entries, local_domains, mailboxes

# Sectors of pharmacies: community, of the mines, mutual, annex (TRE_R02).
PHARMACY_SECTORS = frozenset({"SA33", "SA38", "SA39", "SA65"})

# Made once: each delivery asks them, and to build a statement takes longer than to execute it.
_ENTRY = select(*(entries.c[name] for name in Entry.__dataclass_fields__)).where(
    entries.c.address == bindparam("address")
)
# In one statement: what each costs is to ask it.
_ALL = f"""
    SELECT m.id, m.kind, m.state, m.holder_id, d.domain, {", ".join(f"e.{name}" for name in NAMES)}
    FROM (SELECT 1) AS one
    LEFT JOIN {mailboxes.name} m ON m.lookup = ?
    LEFT JOIN {entries.name} e ON e.address = ?
    LEFT JOIN {local_domains.name} d ON d.domain = ?
"""
_FLAGS = [NAMES.index(name) for name in ("digital", "red_list")]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What mail and portal ask about an address: is it local, of which kind, which mailbox, in what state, who."""

    is_local: bool
    kind: str
    mailbox_id: int | None
    state: str | None
    holder_id: int | None
    entry: Entry | None

    @property
    def takes_mail(self) -> bool:
        """A local mailbox that is open, or an address of somebody else's domain."""
        return self.state == "open" if self.is_local else True


def resolve(session: Session, keyring: Keyring, address: Address) -> Resolved | None:
    """None when nobody knows the address: neither a mailbox of ours nor an entry of the directory."""
    asked = (lookup_of(keyring, address), address.key, address.domain.lower())
    [[mailbox_id, kind, state, holder_id, domain, *found]] = ask(session, _ALL, *asked)
    entry = _entry(found)
    if mailbox_id is None and entry is None:
        return None
    is_local = mailbox_id is not None or domain is not None
    return Resolved(is_local, kind or (entry.kind if entry else ""), mailbox_id, state, holder_id, entry)


def find_entry(session: Session, address: Address) -> Entry | None:
    """The published entry at this address."""
    row = session.execute(_ENTRY, {"address": address.key}).one_or_none()
    return Entry(*row) if row else None


def is_pharmacy(session: Session, keyring: Keyring, mailbox: Mailbox) -> bool:
    """Whether a mailbox of ours belongs to a pharmacy: an ORG entry in one of the pharmacies' sectors."""
    if mailbox.kind != "ORG":
        return False
    entry = find_entry(session, address_of(session, keyring, mailbox.id))
    return entry is not None and entry.sector in PHARMACY_SECTORS


def _entry(values: list[Any]) -> Entry | None:
    """SQLite writes yes and no as numbers."""
    if values[0] is None:
        return None
    for place in _FLAGS:
        values[place] = bool(values[place])
    return Entry(*values)
