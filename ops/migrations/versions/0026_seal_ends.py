"""When a mailbox's seal ends, so that the operator is told in time.

Revision 0026_seal_ends, after 0025_record_hooks.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026_seal_ends"
down_revision = "0025_record_hooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("seal_keys", sa.Column("ends_at", sa.BigInteger(), nullable=True))
