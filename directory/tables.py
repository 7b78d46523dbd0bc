"""Tables of the directory: public entries in clear, everything about our own users sealed."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from core.tables import metadata

# Public directory data (Licence Ouverte): one row per published address.
entries = Table(
    "entries",
    metadata,
    Column("address", String(320), primary_key=True),
    Column("kind", String(3), nullable=False),
    Column("national_id", String(16), nullable=False),
    Column("structure_id", String(24), nullable=False),
    Column("service", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("given", Text, nullable=False),
    Column("profession_code", String(8), nullable=False),
    Column("profession", Text, nullable=False),
    Column("specialty_code", String(16), nullable=False),
    Column("specialty", Text, nullable=False),
    Column("structure_name", Text, nullable=False),
    Column("sector", String(8), nullable=False),
    Column("line2", Text, nullable=False),
    Column("line3", Text, nullable=False),
    Column("line4", Text, nullable=False),
    Column("line5", Text, nullable=False),
    Column("postcode", String(16), nullable=False),
    Column("city", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("digital", Boolean, nullable=False),
    Column("red_list", Boolean, nullable=False),
    Column("rank", Integer, nullable=False),
    Index("entries_by_national_id", "national_id"),
    Index("entries_by_structure", "structure_id"),
)

# One holder is one key; NULL means that the key was destroyed, and with it whatever it opened.
holders = Table(
    "holders",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=True),
    Column("created_at", BigInteger, nullable=False),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("lookup", LargeBinary(32), nullable=False, unique=True),
    Column("sealed_address", LargeBinary, nullable=False),
    Column("kind", String(3), nullable=False),
    Column("state", String(10), nullable=False),
    Column("holder_id", BigInteger, ForeignKey("holders.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

local_domains = Table("local_domains", metadata, Column("domain", String(255), primary_key=True))

# A domain is listed with each distinguished name that may speak for it (one to five).
trusted_domains = Table(
    "trusted_domains",
    metadata,
    Column("domain", String(255), primary_key=True),
    Column("subject_dn", String(1024), primary_key=True),
)

# The signed list in force: one row, none where domains were loaded by hand.
trusted_list = Table(
    "trusted_list",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generated_at", BigInteger, nullable=False),
    Column("verified_at", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("lookup", LargeBinary(32), nullable=False, unique=True),
    Column("sealed_identity", LargeBinary, nullable=False),
    Column("holder_id", BigInteger, ForeignKey("holders.id"), nullable=False),
    Column("mailbox_id", BigInteger, ForeignKey("mailboxes.id"), nullable=True, unique=True),
)

# What this instance says of its own mailboxes in the annuaire, and what was said to the national one.
mailbox_publications = Table(
    "mailbox_publications",
    metadata,
    Column("mailbox_id", BigInteger, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    Column("carrier", String(16), nullable=False),
    Column("carrier_id", String(24), nullable=False),
    Column("red_list", Boolean, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("service", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("person", String(16), nullable=True),
    Column("told", String(12), nullable=True),
    Column("fault", String(24), nullable=True),
    Column("told_at", BigInteger, nullable=True),
    Index("mailbox_publications_by_carrier", "carrier_id"),
)

# Who may act for an organisational mailbox: named, one by one, by their own mailbox.
mailbox_delegates = Table(
    "mailbox_delegates",
    metadata,
    Column("mailbox_id", BigInteger, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    Column("delegate_id", BigInteger, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
)

mailbox_use = Table(
    "mailbox_use",
    metadata,
    Column("mailbox_id", BigInteger, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    Column("used_at", BigInteger, nullable=False),
    Column("warned_at", BigInteger, nullable=True),
)

# The annuaire's editions; the one in use is the newest that is `current`. Each lives in a store of its own.
directory_editions = Table(
    "directory_editions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("made_at", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("counts", Text, nullable=False),
)

directory_changes = Table(
    "directory_changes",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("source", String(12), nullable=False),
    Column("change", String(8), nullable=False),
    Column("key", String(320), nullable=False),
    Index("directory_changes_by_key", "key"),
)

# What other rooms must hear of: read in the order of their ids, see `directory.events`.
directory_events = Table(
    "directory_events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("national_id", String(16), nullable=False),
)

directory_struck = Table(
    "directory_struck",
    metadata,
    Column("national_id", String(16), primary_key=True),
    Column("at", BigInteger, nullable=False),
)

# The operator's own list: addresses that are shown to nobody but the entitled.
directory_red = Table("directory_red", metadata, Column("address", String(320), primary_key=True))
