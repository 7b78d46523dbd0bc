"""Medicines reference data.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _editions()
    _medicines()
    _packs()


def _editions() -> None:
    op.create_table(
        "medicine_editions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("medicines", sa.Integer(), nullable=False),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _medicines() -> None:
    op.create_table(
        "medicines",
        sa.Column("edition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cis", sa.String(length=8), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("routes", sa.Text(), nullable=False),
        sa.Column("marketed", sa.Boolean(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("atc", sa.String(length=8), nullable=False),
        sa.Column("substances", sa.Text(), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("shortage", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("edition", "cis"),
    )


def _packs() -> None:
    op.create_table(
        "medicine_packs",
        sa.Column("edition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cip13", sa.String(length=13), nullable=False),
        sa.Column("cip7", sa.String(length=7), nullable=False),
        sa.Column("cis", sa.String(length=8), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("marketed", sa.Boolean(), nullable=False),
        sa.Column("rate", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("edition", "cip13"),
    )
    op.create_index("medicine_packs_by_cis", "medicine_packs", ["edition", "cis"], unique=False)
