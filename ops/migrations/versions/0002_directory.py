"""Directory: entries, holders, mailboxes, patients, domains.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _entries()
    _holders()
    _local_domains()
    _trusted_domains()
    _mailboxes()
    _patients()


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("kind", sa.String(length=3), nullable=False),
        sa.Column("national_id", sa.String(length=16), nullable=False),
        sa.Column("structure_id", sa.String(length=24), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("profession_code", sa.String(length=8), nullable=False),
        sa.Column("profession", sa.Text(), nullable=False),
        sa.Column("specialty_code", sa.String(length=16), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("structure_name", sa.Text(), nullable=False),
        sa.Column("sector", sa.String(length=8), nullable=False),
        sa.Column("line2", sa.Text(), nullable=False),
        sa.Column("line3", sa.Text(), nullable=False),
        sa.Column("line4", sa.Text(), nullable=False),
        sa.Column("line5", sa.Text(), nullable=False),
        sa.Column("postcode", sa.String(length=16), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("digital", sa.Boolean(), nullable=False),
        sa.Column("red_list", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_index("entries_by_national_id", "entries", ["national_id"], unique=False)
    op.create_index("entries_by_structure", "entries", ["structure_id"], unique=False)


def _holders() -> None:
    op.create_table(
        "holders",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _local_domains() -> None:
    op.create_table(
        "local_domains", sa.Column("domain", sa.String(length=255), nullable=False), sa.PrimaryKeyConstraint("domain")
    )


def _trusted_domains() -> None:
    op.create_table(
        "trusted_domains",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("subject_dn", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("domain", "subject_dn"),
    )


def _mailboxes() -> None:
    op.create_table(
        "mailboxes",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("holder_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["holder_id"],
            ["holders.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("lookup"),
    )


def _patients() -> None:
    op.create_table(
        "patients",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_identity", sa.LargeBinary(), nullable=False),
        sa.Column("holder_id", sa.BigInteger(), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["holder_id"],
            ["holders.id"],
        ),
        sa.ForeignKeyConstraint(
            ["mailbox_id"],
            ["mailboxes.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("lookup"),
        sa.UniqueConstraint("mailbox_id"),
    )
