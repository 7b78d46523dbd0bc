"""Packs are gathered anew: what SEARCH TEXT looks at in them holds the headers of parts.

Revision 0029_packs_anew, after 0028_chores.
"""

from alembic import op

revision = "0029_packs_anew"
down_revision = "0028_chores"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM folder_packs")
