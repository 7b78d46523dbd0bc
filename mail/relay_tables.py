"""Tables of the way out: what is consigned to other operators, what became of each recipient, what a sender sees."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from core.tables import metadata

# One message for one destination. `promise_id` is its row in the outbox, which says when it is due and who works on it.
# `sealed` (envelope and recipients) opens with the message's own key, which the queue holds until all is settled.
consignments = Table(
    "consignments",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("promise_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("mailbox_id", BigInteger, nullable=True),  # the sender's, when it is ours
    Column("domain", String(255), nullable=False),
    Column("state", String(10), nullable=False),  # waiting | done | dropped
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("warned", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", String(40), nullable=False),  # a word of mail.relay_reasons
    Column("code", String(24), nullable=False),  # the peer's last reply, without its text
    Column("size", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("consignments_by_message", "message_id"),
    Index("consignments_by_promise", "promise_id"),
    Index("consignments_by_state", "state", "domain"),
)

# One recipient of a consignment, by its place in the sealed list. `owed` is the report that the sender is still to get.
consigned = Table(
    "consigned",
    metadata,
    Column("consignment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("state", String(10), nullable=False),  # waiting | relayed | delivered | failed
    Column("reason", String(40), nullable=False),
    Column("code", String(24), nullable=False),
    Column("owed", String(10), nullable=False),  # "" | failed | delayed | relayed | delivered
    Column("at", BigInteger, nullable=False),
    Column("sealed_reply", LargeBinary, nullable=True),
)

# What one of ours has sent, found again by its Message-ID; sealed for the sender.
sent_messages = Table(
    "sent_messages",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("lookup", LargeBinary(32), nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("sent_messages_by_lookup", "lookup", "mailbox_id"),
    Index("sent_messages_by_time", "sent_at"),
    Index("sent_messages_by_mailbox", "mailbox_id", "sent_at"),
)

# What happened to it afterwards, in the words of mail.timeline; sealed for the sender.
sent_events = Table(
    "sent_events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("mark", LargeBinary(32), nullable=False, unique=True),  # the same news twice is one event
    Column("sealed", LargeBinary, nullable=False),
    Index("sent_events_by_message", "message_id"),
)
