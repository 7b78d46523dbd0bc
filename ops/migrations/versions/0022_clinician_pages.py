"""When a clinician last looked at a patient's page; what a mailbox sent, newest first.

Revision 0022_clinician_pages, after 0021_counter_indexes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022_clinician_pages"
down_revision = "0021_counter_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "record_looks",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("patient_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"]),
        sa.PrimaryKeyConstraint("account_id", "patient_id"),
    )
    op.create_index("record_looks_by_time", "record_looks", ["account_id", "seen_at"], unique=False)
    op.create_index("sent_messages_by_mailbox", "sent_messages", ["mailbox_id", "sent_at"], unique=False)
