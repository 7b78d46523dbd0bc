"""Chat: accounts and codes, rooms, events, posts.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _behind()
    _rules()
    _codes()
    _rooms()
    _events()
    _waiting()
    _posts()
    _links()
    _memory()


def _accounts() -> None:
    op.create_table(
        "chat_accounts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("national_id", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("away", sa.Boolean(), nullable=False),
        sa.Column("master_key", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mailbox_id"),
        sa.UniqueConstraint("user_id"),
    )


def _behind() -> None:
    op.create_table(
        "chat_behind",
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["chat_accounts.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["chat_accounts.id"]),
        sa.PrimaryKeyConstraint("role_id", "person_id"),
    )


def _rules() -> None:
    op.create_table(
        "chat_rules",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("allow", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["chat_accounts.id"]),
        sa.PrimaryKeyConstraint("account_id", "subject"),
    )


def _codes() -> None:
    op.create_table(
        "chat_codes",
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["chat_accounts.id"]),
        sa.PrimaryKeyConstraint("lookup"),
    )


def _rooms() -> None:
    op.create_table(
        "chat_rooms",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("room_id", sa.String(length=255), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(length=16), nullable=False),
        sa.Column("sealed_case", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["chat_accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
        sa.UniqueConstraint("room_id"),
    )
    op.create_index("chat_rooms_by_mailbox", "chat_rooms", ["mailbox_id", "state"], unique=False)


def _events() -> None:
    op.create_table(
        "chat_events",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["room"], ["chat_rooms.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("chat_events_by_room", "chat_events", ["room", "sent_at"], unique=False)
    op.create_index("chat_events_open", "chat_events", ["state", "due_at"], unique=False)


def _waiting() -> None:
    op.create_table(
        "chat_waiting",
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["room"], ["chat_rooms.id"]),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("chat_waiting_by_room", "chat_waiting", ["room"], unique=False)


def _posts() -> None:
    op.create_table(
        "chat_posts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["room"], ["chat_rooms.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sa.UniqueConstraint("room", "message_id", "part"),
    )
    op.create_index("chat_posts_open", "chat_posts", ["room", "event_id"], unique=False)


def _links() -> None:
    op.create_table(
        "chat_links",
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.Column("mail_lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.String(length=255), nullable=True),
        sa.Column("root", sa.String(length=255), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["room"], ["chat_rooms.id"]),
        sa.PrimaryKeyConstraint("room", "mail_lookup"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("chat_links_by_root", "chat_links", ["room", "root"], unique=False)


def _memory() -> None:
    op.create_table(
        "chat_memory",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
