"""Tables of the record room. What is personal is sealed under a key that only the patient's holder key opens."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text
from sqlalchemy import UniqueConstraint as Unique

from core.tables import metadata

# Word for word in queries too: only so does a database see that the index below is enough for them.
KEPT = text("state IN ('filed', 'awaiting_consent')")

# One row for each attachment of a message that concerns a patient of ours, whatever became of it.
documents = Table(
    "documents",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("patient_id", BigInteger, ForeignKey("patients.id"), nullable=True),
    Column("message_id", BigInteger, nullable=False),
    Column("part", String(64), nullable=False),
    Column("content_blind", LargeBinary(32), nullable=True),
    Column("state", String(20), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("same_as", BigInteger, nullable=True),  # state duplicate: the document that has the content
    Column("storage", String(4), nullable=False),  # row | file | none
    Column("sealed", LargeBinary, nullable=True),
    Column("sealed_meta", LargeBinary, nullable=True),
    Column("wrapped_key", LargeBinary, nullable=True),
    Column("sealed_text", LargeBinary, nullable=True),  # the words in it, for searching; see `record.text`
    Column("filed_at", BigInteger, nullable=False),
    Column("mask", Integer, nullable=False, server_default="0"),  # who may not see it: bits of `record.visibility`
    Column("id_blind", LargeBinary(32), nullable=True),  # blind index of the document's own unique id
    Column("superseded_by", BigInteger, nullable=True),  # state superseded: the document that replaced it
    Unique("message_id", "part"),
    Index("documents_by_patient", "patient_id", "state"),
    Index("documents_by_own_id", "patient_id", "id_blind"),
    Index("documents_by_state", "state", "message_id"),
    Index("documents_once", "patient_id", "content_blind", unique=True, sqlite_where=KEPT, postgresql_where=KEPT),
)

consents = Table(
    "consents",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("patient_id", BigInteger, ForeignKey("patients.id"), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("grantee_id", BigInteger, nullable=False),  # a mailbox; 0 where the purpose has none
    Column("state", String(10), nullable=False),
    Column("asked_message_id", BigInteger, nullable=True),
    Column("at", BigInteger, nullable=False),
    Unique("patient_id", "purpose", "grantee_id"),
)

# Who acts for a patient who is a minor or under protection: the mailbox of the parent or guardian.
representatives = Table(
    "representatives",
    metadata,
    Column("patient_id", BigInteger, ForeignKey("patients.id"), primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(10), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("representatives_by_mailbox", "mailbox_id"),
)

# Software that calls the interfaces in the name of a mailbox. Its key is known by its blind index alone.
software = Table(
    "software",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("name", String(80), nullable=False),
    Column("scopes", String(200), nullable=False),
    Column("lookup", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=True),
    Index("software_by_mailbox", "mailbox_id"),
)

# A record opened without consent, in an emergency. The reason is sealed under the patient's holder key.
break_glass = Table(
    "break_glass",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("patient_id", BigInteger, ForeignKey("patients.id"), nullable=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("sealed_reason", LargeBinary, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reviewed", String(12), nullable=False),  # empty until somebody did
    Column("reviewer_id", BigInteger, nullable=True),
    Column("reviewed_at", BigInteger, nullable=True),
    Index("break_glass_by_patient", "patient_id", "account_id", "until"),
    Index("break_glass_by_account", "account_id", "opened_at"),
)

# When an account last looked at a patient's page, so that the next look shows what is new. Nothing personal in it.
looks = Table(
    "record_looks",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("patient_id", BigInteger, ForeignKey("patients.id"), primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),  # end of the visit before this one; 0 in the first one
    Column("seen_at", BigInteger, nullable=False),
    Index("record_looks_by_time", "account_id", "seen_at"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", String(12), nullable=False, unique=True),
    Column("patient_id", BigInteger, ForeignKey("patients.id"), nullable=False),
    Column("pharmacy_mailbox_id", BigInteger, ForeignKey("mailboxes.id"), nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("sealed_detail", LargeBinary, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Unique("message_id", "pharmacy_mailbox_id"),
    Index("orders_by_pharmacy", "pharmacy_mailbox_id", "state"),
    Index("orders_by_time", "pharmacy_mailbox_id", "created_at"),
    Index("orders_by_state", "state", "updated_at"),
    Index("orders_by_patient", "patient_id"),
)

order_moves = Table(
    "order_moves",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, ForeignKey("orders.id"), nullable=False),
    Column("from_state", String(20), nullable=False),
    Column("to_state", String(20), nullable=False),
    Column("role", String(12), nullable=False),
    Column("actor_account_id", BigInteger, nullable=True),
    Column("at", BigInteger, nullable=False),
    Column("sealed_note", LargeBinary, nullable=True),
    Column("notified_message_id", BigInteger, nullable=True),
    Index("order_moves_by_order", "order_id"),
)

# The thread of an order. `lookup`: blind index of the mail's Message-ID, by which an answer is known.
order_letters = Table(
    "order_letters",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, ForeignKey("orders.id"), primary_key=True, autoincrement=False),
    Column("lookup", LargeBinary(32), nullable=False),
    Column("inward", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=True),
    Index("order_letters_by_order", "order_id"),
    Index("order_letters_by_lookup", "lookup"),
)
