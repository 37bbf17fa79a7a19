"""A database that goes away for a while: calls say so soon, nothing is lost, and nothing has to be started again."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

import postgresql
from dragoman.core.errors import StorageFull, Unavailable
from dragoman.store.database import Database

pytestmark = pytest.mark.unit

PATIENCE_S = 0.3
WHY_NOT = postgresql.why_not()
needs_postgresql = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


def insert(name: str, size: int = 0) -> Callable[[Connection], None]:
    words = '"' + "x" * size + '"'
    row = {"name": name, "words": words}
    statement = text("INSERT INTO vocabulary_filters VALUES (:name, 'en', 1, :words)")
    return lambda connection: void(connection.execute(statement, row))


def void(_: object) -> None:
    pass


def names(connection: Connection) -> list[str]:
    return sorted(connection.execute(text("SELECT name FROM vocabulary_filters")).scalars())


async def refused(*calls: Any, within_s: float) -> list[Exception]:
    """The errors of calls that are made at once, all of which fail in that time."""
    began = time.monotonic()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert time.monotonic() - began < within_s
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(errors) == len(calls)
    return errors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{path}", patience_s=PATIENCE_S)
    await opened.open()
    await opened.write(insert("before"))
    yield opened
    await opened.aclose()


async def test_while_another_holds_the_lock_writers_are_told_and_readers_read(database: Database, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writes = (database.write(insert(f"w{n}")) for n in range(200))
    errors = await refused(*writes, within_s=20 * PATIENCE_S)
    assert {type(error) for error in errors} == {Unavailable}
    assert await database.read(names) == ["before"]
    other.execute("COMMIT")
    other.close()
    await database.write(insert("after"))
    assert await database.read(names) == ["after", "before"]


async def test_a_file_that_is_away_is_not_made_anew_and_is_used_again_when_it_is_back(
    database: Database, path: Path
) -> None:
    """As with a disk that is not mounted for a while."""
    await database.read(names)
    away = path.parent.parent / "away"
    path.parent.rename(away)
    path.parent.mkdir()
    errors = await refused(database.write(insert("lost")), database.read(names), within_s=5)
    assert {type(error) for error in errors} == {Unavailable}
    assert list(path.parent.iterdir()) == []
    path.parent.rmdir()
    away.rename(path.parent)
    await database.write(insert("after"))
    assert await database.read(names) == ["after", "before"]


async def test_a_database_that_may_not_grow_is_full(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    await database.open()

    def grow(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1").close()  # as many as there are, at least
        insert("large", 1_000_000)(connection)

    with pytest.raises(StorageFull):
        await database.write(grow)
    assert await database.read(names) == []
    await database.aclose()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root mounts")
async def test_a_full_disk_is_told_keeps_what_is_on_it_and_is_used_again_when_it_has_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk):
        database = Database(f"sqlite:///{disk / 'store.sqlite3'}", patience_s=PATIENCE_S)
        await database.open()
        (disk / "ballast").write_bytes(bytes(500_000))
        kept: list[str] = []
        with suppress(StorageFull):
            while len(kept) < 1_000:
                await database.write(insert(f"{len(kept):04}", 10_000))
                kept.append(f"{len(kept):04}")
        assert 0 < len(kept) < 1_000
        for _ in range(3):
            await refused(database.write(insert("more", 100_000)), within_s=5)
        assert await database.read(names) == kept
        (disk / "ballast").unlink()
        await database.write(insert("room", 10_000))
        assert await database.read(names) == [*kept, "room"]
        await database.aclose()


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
async def test_a_file_that_reached_the_limit_of_its_size_is_told(database: Database, path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("store.sqlite3-wal").stat().st_size, hard))
        await refused(database.write(insert("large", 1_000_000)), within_s=5)
        assert await database.read(names) == ["before"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    await database.write(insert("after"))
    assert await database.read(names) == ["after", "before"]


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.Server]:
    with postgresql.server() as made:
        yield made


@pytest.fixture
async def remote(server: postgresql.Server) -> AsyncIterator[Database]:
    opened = Database(server.url, patience_s=PATIENCE_S)
    await opened.open()
    await opened.write(lambda connection: void(connection.execute(text("DELETE FROM vocabulary_filters"))))
    await opened.write(insert("before"))
    yield opened
    await opened.aclose()


@needs_postgresql
async def test_a_server_that_is_stopped_and_started_again(server: postgresql.Server, remote: Database) -> None:
    await asyncio.gather(*(remote.read(names) for _ in range(20)))
    server.fail()
    calls = [*(remote.write(insert(f"w{n}")) for n in range(100)), *(remote.read(names) for _ in range(100))]
    try:
        errors = await refused(*calls, within_s=10)
    finally:
        server.start()
    assert {type(error) for error in errors} == {Unavailable}
    await remote.write(insert("after"))
    assert await remote.read(names) == ["after", "before"]


@needs_postgresql
async def test_a_server_that_gives_no_answer_for_a_while(server: postgresql.Server, remote: Database) -> None:
    server.freeze()
    calls = [*(remote.write(insert(f"w{n}")) for n in range(100)), *(remote.read(names) for _ in range(100))]
    try:
        errors = await refused(*calls, within_s=10)
    finally:
        server.thaw()
    assert {type(error) for error in errors} == {Unavailable}
    await remote.write(insert("after"))
    assert {"after", "before"} <= set(await remote.read(names))


@needs_postgresql
async def test_who_waits_for_a_lock_of_another_is_told(server: postgresql.Server, remote: Database) -> None:
    import psycopg

    with psycopg.connect(server.url) as other:
        other.execute("LOCK TABLE vocabulary_filters")
        await refused(*(remote.write(insert(f"w{n}")) for n in range(20)), within_s=20 * PATIENCE_S)
    await remote.write(insert("after"))
    assert await remote.read(names) == ["after", "before"]


@needs_postgresql
async def test_a_session_that_fell_asleep_in_a_transaction_keeps_nobody_waiting_for_ever(
    server: postgresql.Server, remote: Database
) -> None:
    """As when a machine is suspended."""
    asleep = Database(server.url, patience_s=0.1)
    await asleep.open()
    taken, wake = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def sleep(connection: Connection) -> None:
        connection.execute(text("LOCK TABLE vocabulary_filters"))
        loop.call_soon_threadsafe(taken.set)
        asyncio.run_coroutine_threadsafe(wake.wait(), loop).result()

    sleeping = asyncio.create_task(asleep.write(sleep))
    await taken.wait()
    for _ in range(20):
        try:
            await remote.write(insert("after"))
            break
        except Unavailable:
            continue
    assert await remote.read(names) == ["after", "before"]
    wake.set()
    with pytest.raises(Unavailable):
        await sleeping
    await asleep.aclose()
