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


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or ""))]
)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield Sqlite(tmp_path / "state" / "dragoman.sqlite3")
    else:
        with postgresql.server() as server:
            yield Failing(server)


def check(outcome: Outcome) -> None:
    assert outcome.findings == Findings()
    assert outcome.accepted
    assert outcome.callbacks
    assert not outcome.ended_alone


async def test_what_is_accepted_is_done_once_whatever_is_killed(tmp_path: Path, database: Database) -> None:
    outcome = await crash(Scene(tmp_path, database), kills=8)
    assert sum(outcome.kills.values()) == 8
    check(outcome)


async def test_two_servers_on_one_database_do_nothing_twice(tmp_path: Path, database: Database) -> None:
    check(await crash(Scene(tmp_path, database, servers=2, seed=2), kills=8))


async def test_a_database_that_goes_away_costs_no_job(tmp_path: Path, database: Database) -> None:
    check(await outage(Scene(tmp_path, database, seed=3), seconds=3))
