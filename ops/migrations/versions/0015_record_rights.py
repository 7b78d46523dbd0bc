"""Record: who may not see a document, what replaced it, legal representatives, connected software.

Revision 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("mask", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("documents", sa.Column("id_blind", sa.LargeBinary(length=32), nullable=True))
    op.add_column("documents", sa.Column("superseded_by", sa.BigInteger(), nullable=True))
    op.create_index("documents_by_own_id", "documents", ["patient_id", "id_blind"], unique=False)
    _representatives()
    _software()


def _representatives() -> None:
    op.create_table(
        "representatives",
        sa.Column("patient_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"]),
        sa.PrimaryKeyConstraint("patient_id", "mailbox_id"),
    )
    op.create_index("representatives_by_mailbox", "representatives", ["mailbox_id"], unique=False)


def _software() -> None:
    op.create_table(
        "software",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("lookup"),
    )
    op.create_index("software_by_mailbox", "software", ["mailbox_id"], unique=False)
