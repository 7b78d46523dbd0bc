"""Tables of the medicines reference data: public, in clear. An import is a new edition; one row says which holds."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from core.tables import metadata

medicine_editions = Table(
    "medicine_editions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of what was read: the same files are not imported twice
    Column("medicines", Integer, nullable=False),
    Column("packs", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
)

medicines = Table(
    "medicines",
    metadata,
    Column("edition", BigInteger, primary_key=True, autoincrement=False),
    Column("cis", String(8), primary_key=True),
    Column("label", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("routes", Text, nullable=False),
    Column("marketed", Boolean, nullable=False),
    Column("holder", Text, nullable=False),
    Column("atc", String(8), nullable=False),
    Column("substances", Text, nullable=False),  # one a line, as the next two
    Column("conditions", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("shortage", Text, nullable=False),
)

medicine_packs = Table(
    "medicine_packs",
    metadata,
    Column("edition", BigInteger, primary_key=True, autoincrement=False),
    Column("cip13", String(13), primary_key=True),
    Column("cip7", String(7), nullable=False),
    Column("cis", String(8), nullable=False),
    Column("label", Text, nullable=False),
    Column("marketed", Boolean, nullable=False),
    Column("rate", String(20), nullable=False),
    Index("medicine_packs_by_cis", "edition", "cis"),
)
