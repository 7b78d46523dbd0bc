"""Rights of the accounts of a shared mailbox, folder by folder (RFC 4314).

Revision 0020_folder_rights, after 0019_trust.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020_folder_rights"
down_revision = "0019_trust"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "folder_rights",
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rights", sa.String(length=11), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"]),
        sa.PrimaryKeyConstraint("folder_id", "account_id"),
    )
