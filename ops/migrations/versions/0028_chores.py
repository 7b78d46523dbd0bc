"""When work that comes again ended last, so that a process that is restarted daily has its nightly chores.

Revision 0028_chores, after 0027_lost_names.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028_chores"
down_revision = "0027_lost_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chores",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
    )
