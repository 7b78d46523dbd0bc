"""How people and operators prove who they are: subjects of access tokens, app passwords, the signed list in force.

Revision 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("subject_lookup", sa.LargeBinary(length=32), nullable=True))
    op.create_index("accounts_by_subject", "accounts", ["subject_lookup", "mailbox_id"], unique=True)
    op.create_table(
        "app_passwords",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed_label", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("app_passwords_by_account", "app_passwords", ["account_id"])
    op.create_table(
        "trusted_list",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generated_at", sa.BigInteger(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
