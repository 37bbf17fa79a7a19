"""The database: SQLite in a file, or PostgreSQL; always at the newest schema once it is open."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dragoman.core.errors import Unavailable
from dragoman.store.schema import REVISION

logger = logging.getLogger(__name__)

T = TypeVar("T")

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_THREADS: Final = 4
_BUSY_S: Final = 20.0
"""How long a transaction waits for others, and a connection to be made."""
_MIGRATION_LOCK: Final = 0x0D2A_60AA
"""The number under which PostgreSQL knows that somebody migrates."""
_READ_ONLY: Final = "dragoman_read_only"


class StoreError(ValueError):
    """The database cannot be used. The message says what to do and carries no password."""


class Database:
    """Runs transactions in threads of its own: the event loop never waits for a disk."""

    def __init__(self, url: str | URL) -> None:
        """``sqlite:///path`` or ``postgresql://user:password@host/name``."""
        self._url = url
        self._engine: Engine | None = None
        self._threads: ThreadPoolExecutor | None = None

    def prepare(self) -> None:
        """Connect, make the schema or bring it up to date. Does nothing the second time. Raises ``StoreError``."""
        if self._engine is not None:
            return
        url = _checked(self._url)
        shown = url.render_as_string(hide_password=True)
        try:
            engine = _engine(url)
            with _disposed_on_error(engine), engine.begin() as connection:
                _migrate(connection, shown)
        except ModuleNotFoundError as error:
            raise StoreError(f"{shown} needs a driver: pip install 'dragoman[postgres]'") from error
        except (OSError, SQLAlchemyError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise StoreError(
                f"the database {shown} cannot be used: {str(reason).strip()}\n"
                "The settings state_dir and database_url say which one is."
            ) from error
        self._engine = engine

    async def open(self) -> None:
        """``prepare``, and take up work. Raises ``StoreError``."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        await asyncio.get_running_loop().run_in_executor(self._threads, self.prepare)

    async def aclose(self) -> None:
        """Transactions that run are brought to their end. May be called twice, and without ``open``."""
        threads, self._threads = self._threads, None
        engine, self._engine = self._engine, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)
        if engine is not None:
            engine.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """The result of ``work``, in one transaction. Raises ``Unavailable``, and what ``work`` raises."""
        return await self._run(work, read_only=False)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """The same for work that changes nothing: it waits for no writer."""
        return await self._run(work, read_only=True)

    async def _run(self, work: Callable[[Connection], T], *, read_only: bool) -> T:
        engine, threads = self._engine, self._threads
        if engine is None or threads is None:
            raise Unavailable("The server is starting or stopping. Try again later.")

        def transaction() -> T:
            with engine.connect().execution_options(**{_READ_ONLY: read_only}) as connection, connection.begin():
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(threads, transaction)
        except (DBAPIError, PoolTimeout) as error:
            logger.error("the database failed: %s", getattr(error, "orig", error))
            raise Unavailable("The database cannot be reached now. Try again later.") from error


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise


def _checked(given: str | URL) -> URL:
    try:
        url = make_url(given)
    except ArgumentError:
        raise StoreError("the database URL cannot be read; it is like sqlite:////srv/dragoman.sqlite3") from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:":
            return url.set(drivername="sqlite+pysqlite")
        case "sqlite":
            raise StoreError("the database URL names no file: what is kept has to outlive the server")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise StoreError(f"the database can be SQLite or PostgreSQL, not {other}")


def _engine(url: URL) -> Engine:
    shared: dict[str, Any] = {"hide_parameters": True, "pool_size": _THREADS, "max_overflow": 0}
    if url.get_backend_name() == "postgresql":
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": int(_BUSY_S)}, **shared)
    assert url.database is not None
    Path(url.database).expanduser().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(
        url.set(database=str(Path(url.database).expanduser())), connect_args={"timeout": _BUSY_S}, **shared
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:
    """Readers and a writer do not wait for each other; what is committed stays."""
    connection.isolation_level = None  # transactions are begun below
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer waits for its turn at the start: one that became a writer later would fail instead."""
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _migrate(connection: Connection, shown: str) -> None:
    """In the transaction of the connection, so that of several servers that start at once one migrates."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    found = _revision(connection)
    if found == REVISION:
        return

    from alembic import command  # only when there is something to do: half of the time that a start takes
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    if found is not None and found not in {
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise StoreError(
            f"the database {shown} has the schema {found}, and this version of dragoman knows {REVISION} at most: "
            "it was used by a newer version; install that one, or name another database"
        )
    command.upgrade(config, "head")
    logger.info("the database has the schema %s now", REVISION)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
