"""Packs: what FETCH and SEARCH ask of some hundred messages, sealed as one object.

Revision 0015_packs, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015_packs"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "folder_packs",
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("first_uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("sealed_answers", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_texts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"]),
        sa.PrimaryKeyConstraint("folder_id", "first_uid"),
    )
