"""The tables. A change here is a new file in ``migrations/versions`` and its number here; a test compares."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

REVISION: Final = "0003"
"""The newest of ``migrations/versions``."""

METADATA: Final = MetaData()


def _only(condition: str) -> dict[str, Any]:
    """An index over the rows of which this is true."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


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


class ClientText(TypeDecorator[str]):
    """Text that a client wrote. Kept as bytes: PostgreSQL does not take every character into a text."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode("utf-8", "surrogatepass")


NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only what it calls an integer; it has 64 bits there as well."""

DISPOSABLE: Final = (
    "media IS NOT NULL AND NOT keep_media AND ended_ms IS NOT NULL AND state <> 'failed' AND state <> 'cancelled'"
)
"""Jobs whose media nobody needs any more. So written, SQLite takes the index of the same words."""

JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("token", String(36), nullable=False, unique=True),
    Column("dialect", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("name", ClientText, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("options", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("media", Text),
    Column("media_bytes", BigInteger, nullable=False),
    Column("keep_media", Boolean, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("duration_ms", BigInteger),
    Column("done_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("remark_code", Text),
    Column("remark_message", ClientText),
    Column("due_ms", BigInteger, nullable=False),
    Column("holder", Text),
    Column("until_ms", BigInteger),
    Index("jobs_queue", "owner", "priority", "number", "due_ms", "state", **_only("state = 'queued'")),
    Index("jobs_running", "until_ms", **_only("state = 'running'")),
    Index("jobs_ended", "ended_ms", "number", **_only("ended_ms IS NOT NULL")),
    Index("jobs_by_owner", "dialect", "owner", "number"),
    Index("jobs_by_state", "state", "number"),
    Index("jobs_media", "media", **_only("media IS NOT NULL")),
    Index("jobs_disposable", "number", **_only(DISPOSABLE)),
    sqlite_autoincrement=True,  # no number is given twice, even when the newest job was removed
)
"""Most jobs have ended: those that have not, and those something is to be done with, have indexes of their own."""

JOB_OWNERS: Final = Table(
    "job_owners",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("queued", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
)
"""What the jobs of an owner come to, so that nobody has to count them. Of all owners the one with the highest ``turn``
had a job begun last; 0: none yet."""

JOB_RESULTS: Final = Table(
    "job_results",
    METADATA,
    Column("number", NUMBER, ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("transcript", LargeBinary, nullable=False),
)
"""The transcript as JSON, compressed by zlib."""

JOB_CHANGES: Final = Table(
    "job_changes",
    METADATA,
    Column("number", NUMBER, ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    sqlite_with_rowid=False,
)

CALLBACKS: Final = Table(
    "callbacks",
    METADATA,
    Column("number", NUMBER, ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("url", ClientText, nullable=False),
    Column("form", ClientText, nullable=False),
    Column("receiver", ClientText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("give_up_ms", BigInteger, nullable=False),
    Column("last_error", ClientText),
    Column("holder", Text),
    Column("until_ms", BigInteger, nullable=False),
    Index("callbacks_waiting", "due_ms", "number", "receiver", **_only("state = 'waiting'")),
)
"""From the order on. While the job has not ended the state is ``ordered``, which nobody sees."""
