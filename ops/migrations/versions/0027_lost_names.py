"""Names of folders that are gone and stay subscribed.

Revision 0027_lost_names, after 0026_seal_ends.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027_lost_names"
down_revision = "0026_seal_ends"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lost_names",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=True),
        sa.UniqueConstraint("mailbox_id", "name"),
    )
