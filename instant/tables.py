"""Tables of the chat: accounts and codes, rooms, what came in, what goes out. Texts of people are sealed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from core.tables import metadata

MATRIX_ID = 255  # octets of an id at most (Matrix appendices, "Common identifier format")

accounts = Table(
    "chat_accounts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, ForeignKey("mailboxes.id"), nullable=False, unique=True),
    Column("user_id", String(MATRIX_ID), nullable=False, unique=True),
    Column("kind", String(8), nullable=False),
    Column("national_id", String(16), nullable=False),
    Column("state", String(10), nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("away", Boolean, nullable=False),
    Column("master_key", String(64), nullable=True),
    Column("created_at", BigInteger, nullable=False),
)

# The named people behind an organisation's account; on call: they are asked first.
behind = Table(
    "chat_behind",
    metadata,
    Column("role_id", BigInteger, ForeignKey("chat_accounts.id"), primary_key=True),
    Column("person_id", BigInteger, ForeignKey("chat_accounts.id"), primary_key=True),
    Column("on_call", Boolean, nullable=False),
)

# A user's own list: `subject` is a user id, a server name or "*" for everybody else.
rules = Table(
    "chat_rules",
    metadata,
    Column("account_id", BigInteger, ForeignKey("chat_accounts.id"), primary_key=True),
    Column("subject", String(MATRIX_ID), primary_key=True),
    Column("allow", Boolean, nullable=False),
)

codes = Table(
    "chat_codes",
    metadata,
    Column("lookup", LargeBinary(32), primary_key=True),
    Column("account_id", BigInteger, ForeignKey("chat_accounts.id"), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("uses_left", Integer, nullable=False),
)

rooms = Table(
    "chat_rooms",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("room_id", String(MATRIX_ID), nullable=True, unique=True),
    Column("kind", String(8), nullable=False),
    Column("account_id", BigInteger, ForeignKey("chat_accounts.id"), nullable=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("ref", String(16), nullable=False, unique=True),
    Column("sealed_case", LargeBinary, nullable=True),
    Column("state", String(10), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("chat_rooms_by_mailbox", "mailbox_id", "state"),
)

# What came in: one row an event, so that a repeat is known by its key.
events = Table(
    "chat_events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", String(MATRIX_ID), nullable=False, unique=True),
    Column("room", BigInteger, ForeignKey("chat_rooms.id"), nullable=False),
    Column("sender", String(MATRIX_ID), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Index("chat_events_by_room", "room", "sent_at"),
    Index("chat_events_open", "state", "due_at"),
)

# Ciphertext whose key has not come yet.
waiting = Table(
    "chat_waiting",
    metadata,
    Column("event_id", String(MATRIX_ID), primary_key=True),
    Column("room", BigInteger, ForeignKey("chat_rooms.id"), nullable=False),
    Column("source", LargeBinary, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False),
    Index("chat_waiting_by_room", "room"),
)

# What goes out, in order of `id`, which is the transaction id: a part of a mail, or a text of the bridge's own.
posts = Table(
    "chat_posts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("room", BigInteger, ForeignKey("chat_rooms.id"), nullable=False),
    Column("message_id", BigInteger, nullable=True),
    Column("part", String(40), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    Column("tried_at", BigInteger, nullable=False),
    Column("event_id", String(MATRIX_ID), nullable=True, unique=True),
    UniqueConstraint("room", "message_id", "part"),
    Index("chat_posts_open", "room", "event_id"),
)

# One mail in one room: its Message-ID (as a blind index) and the events that show it.
links = Table(
    "chat_links",
    metadata,
    Column("room", BigInteger, ForeignKey("chat_rooms.id"), primary_key=True),
    Column("mail_lookup", LargeBinary(32), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=True),
    Column("event_id", String(MATRIX_ID), nullable=True, unique=True),
    Column("root", String(MATRIX_ID), nullable=True),
    Column("sealed", LargeBinary, nullable=True),
    Index("chat_links_by_root", "room", "root"),
)

# The bridge's own memory (sync token, session, signing seeds), sealed by the keyring.
memory = Table(
    "chat_memory",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
