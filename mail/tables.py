"""Tables of the mail room. Sealed columns hold what a stolen disk must not tell; look-ups go by blind index."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from core.tables import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("lookup", LargeBinary(32), nullable=False, unique=True),  # blind index of the login
    Column("mailbox_id", BigInteger, nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text, nullable=True),
    Column("certificate_sha256", String(64), nullable=True, unique=True),
    Column("sealed_profile", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False),
    Column("subject_lookup", LargeBinary(32), nullable=True),  # blind index of the person whose tokens open it
    Index("accounts_by_mailbox", "mailbox_id"),
    Index("accounts_by_subject", "subject_lookup", "mailbox_id", unique=True),
)

# A password of one device: random and long, so its digest needs no slow hash; revoked alone.
app_passwords = Table(
    "app_passwords",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("sealed_label", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=True),
    Index("app_passwords_by_account", "account_id"),
)

folders = Table(
    "folders",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("name", String(255), nullable=False),  # one of ours in clear, or the blind index of a typed one
    Column("sealed_name", LargeBinary, nullable=True),  # the typed one
    Column("special_use", String(20), nullable=True),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("subscribed", Boolean, nullable=False),
    Unique("mailbox_id", "name"),
)

# Names that stay subscribed though their folder is gone (RFC 3501 §6.3.6); written as those of folders are.
lost_names = Table(
    "lost_names",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("name", String(255), nullable=False),
    Column("sealed_name", LargeBinary, nullable=True),
    Unique("mailbox_id", "name"),
)

# Rights, as letters, where a folder is not open to all accounts of its mailbox (RFC 4314); account 0 is `anyone`.
folder_rights = Table(
    "folder_rights",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folders.id"), primary_key=True),
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rights", String(11), nullable=False),
)

# The raw message as received, sealed with the object's key: small ones in the row, large ones in a file.
bodies = Table(
    "bodies",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("storage", String(4), nullable=False),  # row | file
    Column("sealed", LargeBinary, nullable=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("body_id", BigInteger, ForeignKey("bodies.id"), nullable=False, unique=True),
    Column("sealed_meta", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("dedup", LargeBinary(32), nullable=True, unique=True),
)

message_keys = Table(
    "message_keys",
    metadata,
    Column("message_id", BigInteger, ForeignKey("messages.id"), primary_key=True),
    Column("holder_id", BigInteger, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

folder_messages = Table(
    "folder_messages",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folders.id"), primary_key=True),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, ForeignKey("messages.id"), nullable=False),
    Column("flags", Text, nullable=False),  # separated by spaces, in sorted order
    Column("internal_at", BigInteger, nullable=False),
    Column("modseq", BigInteger, nullable=False),
    Index("folder_messages_by_modseq", "folder_id", "modseq"),
    Index("folder_messages_by_message", "message_id"),
)

expunged = Table(
    "expunged",
    metadata,
    Column("folder_id", BigInteger, primary_key=True),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("modseq", BigInteger, nullable=False),
    Index("expunged_by_modseq", "folder_id", "modseq"),
)

# What FETCH and SEARCH ask of the messages with UIDs from first to last, gathered after delivery: one sealed object for
# some hundred messages, under the holder's own key. It can be made anew at any time; it goes when one of them goes.
folder_packs = Table(
    "folder_packs",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folders.id"), primary_key=True),
    Column("first_uid", BigInteger, primary_key=True, autoincrement=False),
    Column("last_uid", BigInteger, nullable=False),
    Column("sealed_answers", LargeBinary, nullable=False),
    Column("sealed_texts", LargeBinary, nullable=False),
)

# What the rows of a large folder said at one modseq, as columns of numbers: made from them, by them brought up to date.
folder_indexes = Table(
    "folder_indexes",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folders.id"), primary_key=True, autoincrement=False),
    Column("modseq", BigInteger, nullable=False),
    Column("octets", LargeBinary, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("patient_mailbox_id", BigInteger, nullable=False),
    Column("other_lookup", LargeBinary(32), nullable=False),  # blind index of the professional's address
    Column("state", String(10), nullable=False),  # open | closed
    Column("updated_at", BigInteger, nullable=False),
    Unique("patient_mailbox_id", "other_lookup"),
)

# "X-MSS-MES: FIN" stops answers to that message only; the Message-ID is kept as a blind index.
closed_messages = Table(
    "closed_messages",
    metadata,
    Column("patient_mailbox_id", BigInteger, primary_key=True),
    Column("message_id_lookup", LargeBinary(32), primary_key=True),
)

dispensations = Table(
    "dispensations",
    metadata,
    Column("patient_mailbox_id", BigInteger, primary_key=True),
    Column("pharmacy_mailbox_id", BigInteger, primary_key=True),
    Column("dispensed_at", BigInteger, nullable=False),
)

# The certificate to which a mailbox's owner wants mail encrypted, where its key is theirs and not the house's.
published_certificates = Table(
    "published_certificates",
    metadata,
    Column("mailbox_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)

# The key with which a mailbox signs what the house writes in its name, and its certificate (which names the address).
seal_keys = Table(
    "seal_keys",
    metadata,
    Column("mailbox_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("ends_at", BigInteger, nullable=True),  # of the certificate; unknown in rows of earlier versions
)
