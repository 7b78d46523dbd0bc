"""Annuaire: the operator's red list.

Revision 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "directory_red",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
