"""Registered software is called when something happens in a record.

Revision 0025_record_hooks, after 0024_web_devices.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025_record_hooks"
down_revision = "0024_web_devices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("web_hooks", sa.Column("software_id", sa.BigInteger(), nullable=True))
    op.create_index("web_hooks_by_software", "web_hooks", ["software_id"], unique=False)
