"""Tables of the ground floor, and the one MetaData on which each room registers its own."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(40), nullable=False),
    Column("ref", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("last_error", Text, nullable=True),
    Index("outbox_due", "state", "due_at"),
)

# Work that comes again: when it ended last (0: never), and until when somebody has it in hand.
chores = Table(
    "chores",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("ended_at", BigInteger, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(40), nullable=False),
    Column("action", String(40), nullable=False),
    Column("ref", BigInteger, nullable=True),
    Column("holder_id", BigInteger, nullable=True),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("tag", LargeBinary(32), nullable=False),
    Index("audit_by_ref", "ref"),
    Index("audit_by_holder", "holder_id"),
)

# What is left of entries whose time was over: how many they were, and the peaks of their tree.
audit_pruned = Table(
    "audit_pruned",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
    Column("tag", LargeBinary(32), nullable=False),
)
