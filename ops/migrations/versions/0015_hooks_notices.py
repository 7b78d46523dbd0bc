"""Calls to a pharmacy's software; notices by everyday e-mail.

Revision 0015_hooks_notices, after 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015_hooks_notices"
down_revision = "0018_publication_told"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _hooks()
    _calls()
    _notices()


def _hooks() -> None:
    op.create_table(
        "web_hooks",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("web_hooks_by_mailbox", "web_hooks", ["mailbox_id"], unique=False)


def _calls() -> None:
    op.create_table(
        "web_hook_calls",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hook_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["hook_id"], ["web_hooks.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("web_hook_calls_by_hook", "web_hook_calls", ["hook_id", "id"], unique=False)


def _notices() -> None:
    op.create_table(
        "web_notices",
        sa.Column("mailbox_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id"),
    )
