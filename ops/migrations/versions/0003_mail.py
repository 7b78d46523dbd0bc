"""Mail: accounts, folders, bodies, messages, conversations.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _bodies()
    _closed_messages()
    _conversations()
    _dispensations()
    _expunged()
    _folders()
    _seal_keys()
    _messages()
    _folder_messages()
    _message_keys()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("certificate_sha256", sa.String(length=64), nullable=True),
        sa.Column("sealed_profile", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("certificate_sha256"),
        sa.UniqueConstraint("lookup"),
    )
    op.create_index("accounts_by_mailbox", "accounts", ["mailbox_id"], unique=False)


def _bodies() -> None:
    op.create_table(
        "bodies",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("storage", sa.String(length=4), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _closed_messages() -> None:
    op.create_table(
        "closed_messages",
        sa.Column("patient_mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id_lookup", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("patient_mailbox_id", "message_id_lookup"),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("patient_mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("other_lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("patient_mailbox_id", "other_lookup"),
    )


def _dispensations() -> None:
    op.create_table(
        "dispensations",
        sa.Column("patient_mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("pharmacy_mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("dispensed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("patient_mailbox_id", "pharmacy_mailbox_id"),
    )


def _expunged() -> None:
    op.create_table(
        "expunged",
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("folder_id", "uid"),
    )
    op.create_index("expunged_by_modseq", "expunged", ["folder_id", "modseq"], unique=False)


def _folders() -> None:
    op.create_table(
        "folders",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("special_use", sa.String(length=20), nullable=True),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("subscribed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mailbox_id", "name"),
    )


def _seal_keys() -> None:
    op.create_table(
        "seal_keys",
        sa.Column("mailbox_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id"),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed_meta", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("dedup", sa.LargeBinary(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["body_id"],
            ["bodies.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("body_id"),
        sa.UniqueConstraint("dedup"),
    )


def _folder_messages() -> None:
    op.create_table(
        "folder_messages",
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("internal_at", sa.BigInteger(), nullable=False),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"],
            ["folders.id"],
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.PrimaryKeyConstraint("folder_id", "uid"),
    )
    op.create_index("folder_messages_by_message", "folder_messages", ["message_id"], unique=False)
    op.create_index("folder_messages_by_modseq", "folder_messages", ["folder_id", "modseq"], unique=False)


def _message_keys() -> None:
    op.create_table(
        "message_keys",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("holder_id", sa.BigInteger(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.PrimaryKeyConstraint("message_id", "holder_id"),
    )
