"""The database: SQLite in a file, or PostgreSQL; always at the newest schema once it is open."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from dragoman.core.errors import StorageFull, Unavailable
from dragoman.store.schema import REVISION

logger = logging.getLogger(__name__)

T = TypeVar("T")

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_READERS: Final = 4
_MOST_TOGETHER: Final = 50
_GIVE_UP: Final = 6
"""How many times longer a call may take once it is begun. What becomes of it after that nobody knows."""
_MODE_S: Final = 3.0
"""How long several processes may need that make the same new file of SQLite."""
_MIGRATION_LOCK: Final = 0x0D2A_60AA
"""The number under which PostgreSQL knows that somebody migrates."""
_READ_ONLY: Final = "dragoman_read_only"
_DISK_FULL: Final = "53100"
"""The code for it of PostgreSQL."""
_AWAY: Final = "The database cannot be reached now. Try again later."


class StoreError(ValueError):
    """The database cannot be used. The message says what to do and carries no password."""


@dataclass(frozen=True, slots=True)
class _Write:
    work: Callable[[Connection], Any]
    answer: Future[Any] = field(default_factory=Future)


class Database:
    """Runs transactions in threads of its own: the event loop never waits for a disk.

    One thread writes. What has come to wait for it meanwhile is committed together, as the disk takes as long for one
    as for many.
    """

    def __init__(self, url: str | URL, *, patience_s: float = 5.0) -> None:
        """``sqlite:///path`` or ``postgresql://user:password@host/name``. A call waits for ``patience_s`` until it is
        begun, and a transaction as long for others, and for a connection to be made."""
        self._url = url
        self._patience_s = patience_s
        self._engine: Engine | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._writes: deque[_Write] = deque()

    def prepare(self) -> None:
        """Connect, make the schema or bring it up to date. Does nothing the second time. Raises ``StoreError``."""
        if self._engine is not None:
            return
        url = _checked(self._url)
        shown = url.render_as_string(hide_password=True)
        try:
            engine = _engine(url, self._patience_s)
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
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
            self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        await asyncio.get_running_loop().run_in_executor(self._writer, self.prepare)

    async def aclose(self) -> None:
        """Transactions that run are brought to their end. May be called twice, and without ``open``."""
        engine, self._engine = self._engine, None
        for threads in (self._writer, self._readers):
            if threads is not None:
                await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)
        self._writer = self._readers = None
        while self._writes:
            self._writes.popleft().answer.cancel()
        if engine is not None:
            engine.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """The result of ``work``, in one transaction, of which others may be part. Raises ``Unavailable``, its child
        ``StorageFull``, and what ``work`` raises. ``work`` has no effect but on the database: when one of those that
        were to be committed together fails, each is run again by itself."""
        if self._engine is None or self._writer is None:
            raise Unavailable("The server is starting or stopping. Try again later.")
        write = _Write(work)
        self._writes.append(write)
        self._writer.submit(self._write_all, self._engine)
        return cast(T, await _answer(write.answer, self._patience_s))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """The same for work that changes nothing: it waits for no writer, and has a transaction of its own."""
        if self._engine is None or self._readers is None:
            raise Unavailable("The server is starting or stopping. Try again later.")
        return await _answer(self._readers.submit(_read, self._engine, work), self._patience_s)

    def _write_all(self, engine: Engine) -> None:
        """Everything that waits. Runs in the writing thread, once for each that began to wait."""
        writes: list[_Write] = []
        while self._writes and len(writes) < _MOST_TOGETHER:
            write = self._writes.popleft()
            if write.answer.set_running_or_notify_cancel():
                writes.append(write)
        if writes:
            _commit(engine, writes)


def _read(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.connect().execution_options(**{_READ_ONLY: True}) as connection, connection.begin():
        return work(connection)


def _commit(engine: Engine, writes: list[_Write]) -> None:
    is_worked = False
    try:
        with engine.connect() as connection, connection.begin():
            results = [write.work(connection) for write in writes]
            is_worked = True
    except BaseException as error:
        # One of several is to blame, and the others need not suffer; unless it is the database that failed. Where it
        # fails to commit, nobody knows whether it did.
        if len(writes) > 1 and not is_worked and not isinstance(error, OperationalError | PoolTimeout):
            for write in writes:
                _commit(engine, [write])
            return
        for write in writes:
            write.answer.set_exception(error)
    else:
        for write, result in zip(writes, results, strict=True):
            write.answer.set_result(result)


async def _answer(future: Future[T], patience_s: float) -> T:
    """What comes of a transaction. Whoever is cancelled before it was begun takes it back."""
    answer = asyncio.wrap_future(future)
    try:
        await asyncio.wait([answer], timeout=patience_s)
        if not future.cancel():
            await asyncio.wait([answer], timeout=_GIVE_UP * patience_s)
        if answer.done() and not answer.cancelled():
            return answer.result()
    except (DBAPIError, PoolTimeout) as error:
        logger.error("the database failed: %s", getattr(error, "orig", error))
        raise _refusal(error) from error
    finally:
        answer.cancel()
    logger.error("the database does not answer")
    raise Unavailable(_AWAY)


def _refusal(error: SQLAlchemyError) -> Unavailable:
    cause = getattr(error, "orig", None)
    if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", "") == _DISK_FULL:
        return StorageFull("The disk of the database is full. Try again later.")
    return Unavailable(_AWAY)


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


def _engine(url: URL, patience_s: float) -> Engine:
    shared: dict[str, Any] = {"hide_parameters": True, "pool_size": _READERS + 1, "max_overflow": 0}
    if url.get_backend_name() == "postgresql":
        return _postgresql(url, patience_s, shared)
    return _sqlite(url, patience_s, shared)


def _postgresql(url: URL, patience_s: float, shared: dict[str, Any]) -> Engine:
    signs_of_life = {
        "connect_timeout": max(2, int(patience_s)),  # it knows no less
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(_GIVE_UP * patience_s * 1000),
    }

    def set_up(connection: Any, record: object) -> None:
        """A process that is stopped in the middle of a transaction stops no other for long."""
        connection.execute(f"SET lock_timeout = {patience_s * 1000:.0f}")
        connection.execute(f"SET idle_in_transaction_session_timeout = {_GIVE_UP * patience_s * 1000:.0f}")
        connection.commit()

    engine = create_engine(url, pool_pre_ping=True, connect_args=signs_of_life, **shared)
    event.listen(engine, "connect", set_up)
    return engine


def _sqlite(url: URL, patience_s: float, shared: dict[str, Any]) -> Engine:
    assert url.database is not None
    path = Path(url.database).expanduser().absolute()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))

    def connect() -> sqlite3.Connection:
        # An existing file only: where a disk is not mounted, there shall be no other database meanwhile.
        return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=patience_s, check_same_thread=False)

    def note(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = _identity(path)

    def check(connection: sqlite3.Connection, record: ConnectionPoolEntry, proxy: object) -> None:
        if record.info["file"] != _identity(path):
            raise DisconnectionError("The file of the database is another one now.")

    engine = create_engine(url, creator=connect, **shared)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "connect", note)
    event.listen(engine, "checkout", check)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:
    """Readers and a writer do not wait for each other; what is committed stays."""
    connection.isolation_level = None  # transactions are begun below
    _write_ahead(connection)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """The mode of a new file is changed by one connection, while SQLite tells all others at once that it is locked."""
    give_up = time.monotonic() + _MODE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """A writer waits for its turn at the start: one that became a writer later would fail instead."""
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _migrate(connection: Connection, shown: str) -> None:
    """In the transaction of the connection, so that of several servers that start at once one migrates."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # another server's migration may take its time
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
