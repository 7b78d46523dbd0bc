"""The index of a large folder, kept in one row for the first SELECT.

Revision 0023_folder_indexes, after 0022_clinician_pages.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023_folder_indexes"
down_revision = "0022_clinician_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "folder_indexes",
        sa.Column("folder_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"]),
        sa.PrimaryKeyConstraint("folder_id"),
    )
