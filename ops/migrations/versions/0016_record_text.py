"""Record: the words of a document, sealed beside it, for searching inside a record.

Revision 0016, after 0015_packs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015_packs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("sealed_text", sa.LargeBinary(), nullable=True))
