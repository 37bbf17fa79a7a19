"""Jobs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _of_job() -> sa.Column[Any]:
    return sa.Column(
        "number", NUMBER, sa.ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


def _index(name: str, table: str, columns: list[str], only: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("token", sa.String(36), nullable=False, unique=True),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("options", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("media", sa.Text),
        sa.Column("media_bytes", sa.BigInteger, nullable=False),
        sa.Column("keep_media", sa.Boolean, nullable=False),
        sa.Column("started_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("duration_ms", sa.BigInteger),
        sa.Column("done_ms", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("remark_code", sa.Text),
        sa.Column("remark_message", sa.LargeBinary),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("until_ms", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    _index("jobs_queue", "jobs", ["owner", "priority", "number", "due_ms", "state"], "state = 'queued'")
    _index("jobs_running", "jobs", ["until_ms"], "state = 'running'")
    _index("jobs_ended", "jobs", ["ended_ms", "number"], "ended_ms IS NOT NULL")
    op.create_index("jobs_by_owner", "jobs", ["dialect", "owner", "number"])
    op.create_index("jobs_by_state", "jobs", ["state", "number"])
    _index("jobs_media", "jobs", ["media"], "media IS NOT NULL")
    _index(
        "jobs_disposable",
        "jobs",
        ["number"],
        "media IS NOT NULL AND NOT keep_media AND ended_ms IS NOT NULL AND state <> 'failed' AND state <> 'cancelled'",
    )
    op.create_table(
        "job_owners",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("queued", sa.Integer, nullable=False),
        sa.Column("running", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
    )
    op.create_table("job_results", _of_job(), sa.Column("transcript", sa.LargeBinary, nullable=False))
    op.create_table(
        "job_changes",
        _of_job(),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "callbacks",
        _of_job(),
        sa.Column("url", sa.LargeBinary, nullable=False),
        sa.Column("form", sa.LargeBinary, nullable=False),
        sa.Column("receiver", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("give_up_ms", sa.BigInteger, nullable=False),
        sa.Column("last_error", sa.LargeBinary),
        sa.Column("holder", sa.Text),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    _index("callbacks_waiting", "callbacks", ["due_ms", "number", "receiver"], "state = 'waiting'")
