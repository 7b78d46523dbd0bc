"""On what kind of device a session was opened: families of browser and system, for people's own list.

Revision 0024_web_devices, after 0023_folder_indexes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024_web_devices"
down_revision = "0023_folder_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("web_sessions", sa.Column("device", sa.String(length=40), nullable=True))
