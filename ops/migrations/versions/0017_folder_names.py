"""Typed names of folders are sealed; those written before are sealed when the server starts.

Revision 0017_folder_names, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017_folder_names"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("folders", sa.Column("sealed_name", sa.LargeBinary(), nullable=True))
