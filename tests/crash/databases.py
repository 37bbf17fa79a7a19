"""Databases that go away and come back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import postgresql


class Database(Protocol):
    @property
    def url(self) -> str: ...

    def away(self) -> AbstractContextManager[None]:
        """Nobody can use it while the block runs, or at least change nothing."""
        ...


class Sqlite:
    """Another process holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"

    @contextmanager
    def away(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=60)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")


class Failing:
    """PostgreSQL ends at once, and is started again."""

    def __init__(self, server: postgresql.Server) -> None:
        self._server = server
        self.url = server.url

    @contextmanager
    def away(self) -> Iterator[None]:
        self._server.fail()
        try:
            yield
        finally:
            self._server.start()


class Freezing:
    """PostgreSQL says nothing any more, as when the network is cut."""

    def __init__(self, server: postgresql.Server) -> None:
        self._server = server
        self.url = server.url

    @contextmanager
    def away(self) -> Iterator[None]:
        self._server.freeze()
        try:
            yield
        finally:
            self._server.thaw()
