"""Tables of collecting: mailboxes that live at another operator, and what was fetched from them."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from core.tables import metadata

# `sealed` (server, login, password, folder) opens with the key of the local mailbox's holder. `owner` and
# `leased_until` say which process follows it.
collections = Table(
    "collections",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("reason", String(40), nullable=False),  # "" while all is well
    Column("seen_at", BigInteger, nullable=False),
    Column("owner", BigInteger, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
)

# Each message once: by its place over there, and by its content where places change (UIDVALIDITY) or repeat.
collected = Table(
    "collected",
    metadata,
    Column("collection_id", BigInteger, primary_key=True, autoincrement=False),
    Column("uidvalidity", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("mark", LargeBinary(32), nullable=False),
    Index("collected_by_mark", "mark"),
)
