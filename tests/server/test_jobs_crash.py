"""Jobs against kill -9 and a database that goes away: short runs of ``python -m crash``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import postgresql
from crash.databases import Database, Failing, Sqlite
from crash.run import Outcome, Scene, crash, outage
from crash.verdict import Findings

pytestmark = pytest.mark.realtime

WHY_NOT = postgresql.why_not()


needs_postgresql = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    return Sqlite(tmp_path / "state" / "dragoman.sqlite3")


@pytest.fixture
def postgres() -> Iterator[Database]:
    with postgresql.server() as server:
        yield Failing(server)


def check(outcome: Outcome) -> None:
    assert outcome.findings == Findings()
    assert outcome.accepted
    assert outcome.callbacks
    assert not outcome.ended_alone


async def test_what_is_accepted_is_done_once_whatever_is_killed(tmp_path: Path, sqlite: Database) -> None:
    outcome = await crash(Scene(tmp_path, sqlite), kills=8)
    assert sum(outcome.kills.values()) == 8
    check(outcome)


@needs_postgresql
async def test_two_servers_on_one_database_do_nothing_twice(tmp_path: Path, postgres: Database) -> None:
    check(await crash(Scene(tmp_path, postgres, servers=2, seed=2), kills=8))


async def test_a_database_that_somebody_else_holds_costs_no_job(tmp_path: Path, sqlite: Database) -> None:
    check(await outage(Scene(tmp_path, sqlite, seed=3), seconds=3))


@needs_postgresql
async def test_a_database_that_fails_costs_no_job(tmp_path: Path, postgres: Database) -> None:
    check(await outage(Scene(tmp_path, postgres, seed=4), seconds=3))
