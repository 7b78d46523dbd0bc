"""Tables of the portal: who is signed in and how, what is about to be sent, what a pharmacy set. No cookie is kept."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from core.tables import metadata

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("lookup", LargeBinary(32), primary_key=True),  # blind index of the token
    Column("account_id", BigInteger, nullable=False),
    Column("credential", LargeBinary(32), nullable=False),  # of the password's hash: a new password ends the session
    Column("opened_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("device", String(40), nullable=True),  # families of browser and system, no more
    Index("web_sessions_by_account", "account_id"),
)

# What a patient is about to send: sealed under their holder key, forgotten after a day.
web_drafts = Table(
    "web_drafts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("web_drafts_by_age", "created_at"),
)

web_draft_files = Table(
    "web_draft_files",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("draft_id", BigInteger, ForeignKey("web_drafts.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("web_draft_files_by_draft", "draft_id"),
)

# What a mailbox wants of the pages: hours, reply templates, notices. Sealed under its holder key.
web_settings = Table(
    "web_settings",
    metadata,
    Column("mailbox_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
)

# A person's second factor, passkey, counter PIN, or identity at Pro Santé Connect. `lookup`: blind index of the
# credential's id or the subject's; unique, so that nobody enters by another's.
web_factors = Table(
    "web_factors",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("kind", String(10), nullable=False),  # totp | passkey | pin | psc
    Column("lookup", LargeBinary(32), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),  # last TOTP step or signature count: nothing is taken twice
    Column("failures", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("web_factors_by_account", "account_id", "kind"),
)

# What is good once, for a short time: a challenge, a sign-in half made, the state of a round trip; or an API key.
web_passes = Table(
    "web_passes",
    metadata,
    Column("lookup", LargeBinary(32), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("web_passes_by_account", "account_id", "purpose"),
)

# Where software wants to be called, address and secret sealed; and each call, which names an order or a row alone.
web_hooks = Table(
    "web_hooks",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailbox_id", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("software_id", BigInteger, nullable=True),  # a registered program's: it hears of records, not of orders
    Index("web_hooks_by_mailbox", "mailbox_id"),
    Index("web_hooks_by_software", "software_id"),
)

web_hook_calls = Table(
    "web_hook_calls",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("hook_id", BigInteger, ForeignKey("web_hooks.id"), nullable=False),
    Column("order_id", BigInteger, nullable=False),  # or the document, consent or opening that is told of
    Column("number", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    Column("what", String(20), nullable=False),  # order.changed | order.message | ping | of record_hooks
    Column("at", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("status", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index("web_hook_calls_by_hook", "hook_id", "id"),
)

# To which everyday e-mail address a mailbox wants to be told that something came: opted in, sealed, confirmed by code.
web_notices = Table(
    "web_notices",
    metadata,
    Column("mailbox_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("pending", Boolean, nullable=False),  # a letter is promised already: one says it for all
    Column("sent_at", BigInteger, nullable=False),
)
