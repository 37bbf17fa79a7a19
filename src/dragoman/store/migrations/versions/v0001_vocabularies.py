"""Vocabularies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "vocabularies",
        sa.Column("name", sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql"), primary_key=True),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("modified_ms", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.String(32), nullable=False),
        sa.Column("remark", sa.Text),
        sa.Column("source", sa.JSON, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("claimed_until_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("vocabularies_by_state", "vocabularies", ["state", "claimed_until_ms"])
