"""Annuaire: what the national one took of our publications.

Revision 0018_publication_told, after 0017_folder_names.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018_publication_told"
down_revision = "0017_folder_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, size in (("person", 16), ("told", 12), ("fault", 24)):
        op.add_column("mailbox_publications", sa.Column(name, sa.String(length=size), nullable=True))
    op.add_column("mailbox_publications", sa.Column("told_at", sa.BigInteger(), nullable=True))
