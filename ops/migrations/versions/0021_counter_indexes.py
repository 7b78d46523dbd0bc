"""Indexes for pages over many orders: a pharmacy's by time, those under way by age, documents that wait.

Revision 0021_counter_indexes, after 0020_folder_rights.
"""

from alembic import op

revision = "0021_counter_indexes"
down_revision = "0020_folder_rights"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("orders_by_time", "orders", ["pharmacy_mailbox_id", "created_at"], unique=False)
    op.create_index("orders_by_state", "orders", ["state", "updated_at"], unique=False)
    op.create_index("documents_by_state", "documents", ["state", "message_id"], unique=False)
