"""Certificates that owners publish to have mail encrypted to them; records opened in an emergency.

Revision 0019_trust, after 0015_hooks_notices.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019_trust"
down_revision = "0015_hooks_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "published_certificates",
        sa.Column("mailbox_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id"),
    )
    _break_glass()


def _break_glass() -> None:
    op.create_table(
        "break_glass",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("patient_id", sa.BigInteger(), sa.ForeignKey("patients.id"), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("reviewed", sa.String(length=12), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("break_glass_by_patient", "break_glass", ["patient_id", "account_id", "until"], unique=False)
    op.create_index("break_glass_by_account", "break_glass", ["account_id", "opened_at"], unique=False)
