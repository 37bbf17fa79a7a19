"""The database itself: how it is made, brought up to date, shared and refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text

from dragoman.core.errors import Unavailable
from dragoman.core.word_lists import KeptFilter, Page
from dragoman.store import database as module
from dragoman.store.database import Database, StoreError
from dragoman.store.schema import METADATA, REVISION
from dragoman.store.word_lists import SqlWordLists

pytestmark = pytest.mark.unit

MIGRATIONS = Path(module.__file__).parent / "migrations"


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@contextmanager
def listening(name: str, listener: Callable[..., object]) -> Iterator[None]:
    event.listen(Engine, name, listener)
    yield
    event.remove(Engine, name, listener)


def migrate_to(path: Path, revision: str) -> None:
    engine = create_engine(url_of(path))
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, revision)
    engine.dispose()


def test_a_fresh_file_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "there.sqlite3"
    Database(url_of(path)).prepare()
    assert path.is_file()
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    Database(url_of(path)).prepare()
    engine = create_engine(url_of(path))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_the_newest_revision_is_the_one_that_is_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


async def test_an_older_schema_is_brought_up_to_date_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    migrate_to(path, "0001")
    engine = create_engine(url_of(path))
    assert not inspect(engine).has_table("vocabulary_filters")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO vocabularies VALUES "
                "('old', 'en-US', 'pending', 1, 'r', NULL, '{\"phrases\": [\"tulip\"]}', '{}', 0)"
            )
        )
    engine.dispose()
    store = SqlWordLists(Database(url_of(path)))
    await store.open()
    await store.add_filter(KeptFilter("new", "en-US", 1), ["a"], most=1)
    claim = await store.claim_vocabulary(0, 1)
    await store.aclose()
    assert claim is not None
    assert (claim.vocabulary.name, claim.source.phrases) == ("old", ("tulip",))


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    Database(url_of(path)).prepare()
    engine = create_engine(url_of(path))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"9999.*newer version"):
        Database(url_of(path)).prepare()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "cannot be read"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://user:hidden-password@host/name", "SQLite or PostgreSQL"),
        ("sqlite:////dev/null/below", "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as refused:
        Database(url).prepare()
    assert "hidden-password" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"This is a letter to my aunt. " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Database(url_of(path)).prepare()
    assert path.read_bytes().startswith(b"This is a letter")


def test_a_database_server_that_is_not_there_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="cannot be used") as refused:
        Database("postgresql://user:hidden-password@127.0.0.1:1/name").prepare()
    assert "hidden-password" not in str(refused.value)


def test_servers_that_start_at_once_make_one_database(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    program = (
        "import sys, time\nfrom dragoman.store.database import Database\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\nDatabase(sys.argv[1]).prepare()"
    )
    import time

    start = str(time.time() + 2)
    processes = [
        subprocess.Popen([sys.executable, "-c", program, url_of(path), start], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], errors


async def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    one, other = Database(url_of(path)), Database(url_of(path))
    await one.open()
    await other.open()
    inside, leave = threading.Event(), threading.Event()

    def write(connection: object) -> None:
        inside.set()
        leave.wait(10)

    writing = asyncio.create_task(one.write(write))
    await asyncio.to_thread(inside.wait, 10)
    store = SqlWordLists(other)
    assert await store.filters(Page(1)) == []
    assert not writing.done()
    leave.set()
    await writing
    await one.aclose()
    await other.aclose()


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(url_of(tmp_path / "store.sqlite3"))
    await database.open()

    def fail(connection: object) -> None:
        connection.execute(text("INSERT INTO vocabulary_filters VALUES ('a', 'en', 1, '[]')"))  # type: ignore[attr-defined]
        raise KeyError("no")

    with pytest.raises(KeyError):
        await database.write(fail)
    assert await SqlWordLists(database).filters(Page(9)) == []
    await database.aclose()


def add_filter(name: str) -> Callable[[Connection], str]:
    def add(connection: Connection) -> str:
        connection.execute(text("INSERT INTO vocabulary_filters VALUES (:name, 'en', 1, '[]')"), {"name": name})
        return name

    return add


def fail(connection: Connection) -> None:
    add_filter("half")(connection)
    raise KeyError("no")


@pytest.fixture
async def busy(tmp_path: Path) -> AsyncIterator[tuple[Database, threading.Event]]:
    """A database that writes until it is told to end."""
    database, inside, leave = Database(url_of(tmp_path / "store.sqlite3")), threading.Event(), threading.Event()
    await database.open()

    def write(connection: Connection) -> None:
        inside.set()
        leave.wait(10)

    writing = asyncio.create_task(database.write(write))
    await asyncio.to_thread(inside.wait, 10)
    yield database, leave
    leave.set()
    await writing
    await database.aclose()


async def names(database: Database) -> list[str]:
    query = text("SELECT name FROM vocabulary_filters")
    return sorted(await database.read(lambda connection: list(connection.execute(query).scalars())))


async def waiting(*writes: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(write) for write in writes]
    await asyncio.sleep(0)  # each has its turn until it waits
    return tasks


async def test_writes_that_wait_are_committed_together(busy: tuple[Database, threading.Event]) -> None:
    database, leave = busy
    commits = []
    given = [f"{n:02}" for n in range(20)]
    writes = await waiting(*(database.write(add_filter(name)) for name in given))
    with listening("commit", lambda connection: commits.append(connection)):
        leave.set()
        assert await asyncio.gather(*writes) == given
    assert len(commits) == 2
    assert await names(database) == given


async def test_a_write_that_fails_spoils_no_other(busy: tuple[Database, threading.Event]) -> None:
    database, leave = busy
    works = [add_filter("a"), fail, add_filter("b"), add_filter("a"), fail, add_filter("c")]
    writes = await waiting(*(database.write(work) for work in works))
    leave.set()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [str, KeyError, str, Unavailable, KeyError, str]
    assert await names(database) == ["a", "b", "c"]


async def test_who_leaves_before_his_write_was_begun_takes_it_back(busy: tuple[Database, threading.Event]) -> None:
    database, leave = busy
    gone, stays = await waiting(database.write(add_filter("gone")), database.write(add_filter("stays")))
    gone.cancel()
    await asyncio.wait([gone])
    leave.set()
    await stays
    assert await names(database) == ["stays"]


async def test_nobody_waits_for_a_database_that_closes(tmp_path: Path) -> None:
    database = Database(url_of(tmp_path / "store.sqlite3"))
    await database.open()
    writes = await waiting(*(database.write(add_filter(str(n))) for n in range(50)))
    await database.aclose()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    await database.open()
    assert sorted(name for name in outcomes if isinstance(name, str)) == await names(database)
    assert all(isinstance(outcome, str | Unavailable) for outcome in outcomes)
    await database.aclose()


async def test_a_closed_database_says_try_later(tmp_path: Path) -> None:
    database = Database(url_of(tmp_path / "store.sqlite3"))
    with pytest.raises(Unavailable):
        await database.read(lambda connection: None)
    await database.open()
    await database.aclose()
    await database.aclose()
    with pytest.raises(Unavailable):
        await database.read(lambda connection: None)


async def test_what_a_statement_was_about_is_in_no_message(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(url_of(tmp_path / "store.sqlite3"))
    await database.open()
    with pytest.raises(Unavailable) as refused:
        await database.write(
            lambda connection: connection.execute(text("INSERT INTO nowhere VALUES (:word)"), {"word": "a-secret-word"})
        )
    await database.aclose()
    assert "a-secret-word" not in caplog.text + str(refused.value) + str(refused.value.__cause__)
