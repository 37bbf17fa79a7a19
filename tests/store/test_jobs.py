"""What jobs in a database cost: no call works harder because many jobs have ended, or because many wait."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert

from dragoman.core.jobs import CallbackOrder, CallbackState, JobQuery, JobState, Lease, NewJob, Outcome
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Transcript
from dragoman.store.database import Database
from dragoman.store.job_rows import packed_request, packed_transcript
from dragoman.store.jobs import SqlJobs
from dragoman.store.schema import CALLBACKS, JOB_CHANGES, JOB_OWNERS, JOB_RESULTS, JOBS

pytestmark = pytest.mark.unit

ROOM = 10**15
LATER = 10**12
TRANSCRIPT = Transcript("en", "tiny", 1_500, (0,), ())
NEW = NewJob("d", "busy", "n", RecognitionRequest(), "new", 10, callback=CallbackOrder("http://receiver/"))
LIVE = frozenset({JobState.QUEUED, JobState.RUNNING})

BIG = 1_000_000
"""The first number of the jobs that wait."""


class Steps:
    """Counts what SQLite's virtual machine does, so that nothing has to be timed."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        return 0


@pytest.fixture
def steps() -> Iterator[Steps]:
    counted = Steps()

    def watch(connection: sqlite3.Connection, record: object) -> None:
        connection.set_progress_handler(counted, 1)

    event.listen(Engine, "connect", watch)
    yield counted
    event.remove(Engine, "connect", watch)


def fill(connection: Connection, ended: int, queued: int) -> None:
    """``ended`` jobs of the owner ``busy`` in every final state, their news told, and ``queued`` that wait."""
    row = {"dialect": "d", "owner": "busy", "name": "n", "request": packed_request(NEW.request), "options": b"{}"}
    row |= {"priority": 0, "created_ms": 1, "media_bytes": 10, "done_ms": 0, "attempts": 1, "due_ms": 0}
    finals = cycle(state for state in JobState if state.is_final)
    old = [
        {"number": n, "token": str(n), "state": next(finals), "ended_ms": 1_000 + n, "media": None, "keep_media": False}
        for n in range(1, ended + 1)
    ]
    kept = cycle([None, None, "kept"])
    for one in old:
        one["media"], one["keep_media"] = next(kept), True
    waiting = [
        {
            "number": BIG + n,
            "token": str(BIG + n),
            "state": "queued",
            "ended_ms": None,
            "media": f"m{n}",
            "keep_media": False,
        }
        for n in range(queued)
    ]
    connection.execute(insert(JOBS), [row | one for one in old + waiting])
    packed = packed_transcript(TRANSCRIPT)
    connection.execute(insert(JOB_RESULTS), [{"number": one["number"], "transcript": packed} for one in old])
    change = {"line": 1, "at_ms": 1, "state": JobState.QUEUED}
    connection.execute(insert(JOB_CHANGES), [change | {"number": one["number"]} for one in old + waiting])
    told = {
        "url": "u",
        "form": "",
        "receiver": "r",
        "state": CallbackState.DELIVERED,
        "attempts": 1,
        "due_ms": 5,
        "give_up_ms": 9,
    }
    connection.execute(insert(CALLBACKS), [told | {"number": one["number"], "until_ms": 0} for one in old])
    connection.execute(insert(JOB_OWNERS).values(owner="busy", queued=queued, running=0, bytes=10, turn=1))


def calls(store: SqlJobs) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Everything that is asked often, in an order that works."""
    lease = Lease("h", LATER)
    done = Outcome(JobState.DONE, TRANSCRIPT)
    first = BIG
    return {
        "add": lambda: store.add(NEW, 5, most_bytes=ROOM),
        "add again": lambda: store.add(NEW, 5, most_bytes=ROOM),
        "claim": lambda: store.claim(lease, 50),
        "renew": lambda: store.renew(first, lease, done_ms=1, duration_ms=None),
        "put back": lambda: store.put_back(first, lease, 60, due_ms=0, counts=True),
        "claim again": lambda: store.claim(lease, 70),
        "job": lambda: store.job(first),
        "by token": lambda: store.job_of_token(str(first)),
        "list": lambda: store.jobs(JobQuery(10)),
        "own list": lambda: store.jobs(JobQuery(10, "d", "busy", before=BIG)),
        "live": lambda: store.jobs(JobQuery(10, states=LIVE)),
        "live of a dialect": lambda: store.jobs(JobQuery(10, "d", states=LIVE)),
        "backlog": store.backlog,
        "ahead": lambda: store.ahead(first + 5),
        "history": lambda: store.history(first),
        "nothing to recover": lambda: store.recover(80, most_attempts=3, give_up_ms=0),
        "finish": lambda: store.finish(first, lease, done, 90, give_up_ms=LATER),
        "transcript": lambda: store.transcript(first),
        "cancel": lambda: store.cancel(first + 1, 90, give_up_ms=LATER),
        "retry": lambda: store.retry(first + 1, 95),
        "media to dispose of": lambda: store.disposable_media(10),
        "drop media": lambda: store.drop_media(first),
        "nothing so old": lambda: store.ended_before(50, 10),
        "old": lambda: store.ended_before(1_050, 10),
        "media in use": lambda: store.keeps_media([f"m{n}" for n in range(50)]),
        "claim news": lambda: store.claim_callback(100, lease),
        "settle news": lambda: store.settle_callback(first, lease, CallbackState.DELIVERED, due_ms=0, error=None),
        "no news": lambda: store.claim_callback(100, lease),
        "remove": lambda: store.remove(1),
    }


def costs(path: Path, steps: Steps, ended: int, queued: int) -> dict[str, int]:
    """Steps of each call."""

    async def run() -> dict[str, int]:
        database = Database(f"sqlite:///{path}")
        store = SqlJobs(database)
        await store.open()
        await database.write(lambda connection: fill(connection, ended, queued))
        taken = {}
        for name, call in calls(store).items():
            before = steps.count
            await call()
            taken[name] = steps.count - before
        await store.aclose()
        return taken

    return asyncio.run(run())


@pytest.mark.parametrize(("ended", "queued"), [(3_000, 60), (60, 3_000)], ids=["ended", "queued"])
def test_no_call_does_more_because_there_are_more_jobs(tmp_path: Path, steps: Steps, ended: int, queued: int) -> None:
    few = costs(tmp_path / "few.sqlite3", steps, 60, 60)
    many = costs(tmp_path / "many.sqlite3", steps, ended, queued)
    assert all(few.values())
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name] + 20} == {}
