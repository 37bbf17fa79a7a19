"""Vocabulary filters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "vocabulary_filters",
        sa.Column("name", sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql"), primary_key=True),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("modified_ms", sa.BigInteger, nullable=False),
        sa.Column("words", sa.JSON, nullable=False),
    )
