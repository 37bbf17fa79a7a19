"""The tables. A change here is a new file in ``migrations/versions`` and its number here; a test compares."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, MetaData, String, Table, Text

REVISION: Final = "0002"
"""The newest of ``migrations/versions``."""

METADATA: Final = MetaData()

NAME: Final = String(200).with_variant(String(200, collation="C"), "postgresql")
"""Names are compared and ordered by their characters, in whatever language the database is set up."""

VOCABULARIES: Final = Table(
    "vocabularies",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("language", String(35), nullable=False),
    Column("state", String(16), nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    Column("revision", String(32), nullable=False),
    Column("remark", Text),
    Column("source", JSON, nullable=False),
    Column("content", JSON, nullable=False),
    Column("claimed_until_ms", BigInteger, nullable=False),
    Index("vocabularies_by_state", "state", "claimed_until_ms"),
)

FILTERS: Final = Table(
    "vocabulary_filters",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("language", String(35), nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    Column("words", JSON, nullable=False),
)
