"""A store that holds many jobs which are done, and what its calls cost beside them."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from benchmarks.jobs_client import PHONEXIA, SPEECHMATICS
from dragoman.core.jobs import JobQuery, Lease, NewJob
from dragoman.core.request import RecognitionRequest
from dragoman.service.auth import ANONYMOUS
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs
from dragoman.store.schema import JOB_CHANGES, JOB_OWNERS, JOB_RESULTS, JOBS

FINISHED: Final = 100_000
PATTERNS: Final = 100
"""So many jobs are handed in and done; the others are copies of them."""
_ROUNDS: Final = 100
_PAGE: Final = 100
_ROOM: Final = 1 << 50
_NOW_MS: Final = 1_800_000_000_000
_LEASE: Final = Lease("benchmark", _NOW_MS + 10_000)
_DAY_MS: Final = 24 * 3600 * 1000


async def multiply(url: str, finished: int) -> None:
    """Make so many jobs of the first ``PATTERNS``, which are done and the only ones; media goes that nobody needs."""
    database = Database(url)
    async with aclosing(SqlJobs(database)) as store:
        await store.open()
        for job in await store.disposable_media(PATTERNS):
            await store.drop_media(job.number)
        for first in range(PATTERNS, finished, PATTERNS):
            await database.write(lambda connection, first=first: _copy(connection, first))


async def store_times(urls: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Milliseconds, in the median, of the calls that are made often: by call, then by store. In turn, so that all of
    them meet the same machine. ``_ROUNDS`` jobs are in the queue."""
    took_ms: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as stack:
        stores = {name: await stack.enter_async_context(aclosing(SqlJobs(Database(url)))) for name, url in urls.items()}
        for store in stores.values():
            await store.open()
            await _add(store, _ROUNDS)
        for _ in range(_ROUNDS):
            for name, store in stores.items():
                for call, made in _calls(store).items():
                    began = time.perf_counter()
                    await made()
                    took_ms[call][name].append(1000 * (time.perf_counter() - began))
    return {
        call: {name: round(statistics.median(values), 2) for name, values in by_store.items()}
        for call, by_store in took_ms.items()
    }


def _calls(store: SqlJobs) -> dict[str, Callable[[], Awaitable[object]]]:
    return {
        "list": lambda: store.jobs(JobQuery(_PAGE, "speechmatics_v1", ANONYMOUS.key_id)),
        "room": store.backlog,
        "claim": lambda: store.claim(_LEASE, _NOW_MS),
        "recovery": lambda: store.recover(_NOW_MS, most_attempts=1, give_up_ms=_NOW_MS),
        "retention": lambda: store.ended_before(_NOW_MS - _DAY_MS, _PAGE),
        "media to remove": lambda: store.disposable_media(_PAGE),
    }


async def addresses(url: str, rng: random.Random, count: int, finished: int = FINISHED) -> list[str]:
    """Where some of the jobs that are done are asked for."""
    async with aclosing(SqlJobs(Database(url))) as store:
        await store.open()
        jobs = [await store.job(rng.randint(1, finished)) for _ in range(count)]
    return [
        f"{SPEECHMATICS}/{job.number}/" if job.dialect == "speechmatics_v1" else f"{PHONEXIA}/{job.token}"
        for job in jobs
    ]


async def _add(store: SqlJobs, count: int) -> None:
    for number in range(count):
        dialect = ("speechmatics_v1", "phonexia_4")[number % 2]
        job = NewJob(dialect, ANONYMOUS.key_id, f"{number}.wav", RecognitionRequest(), uuid.uuid4().hex, 1_000_000)
        await store.add(job, _NOW_MS, most_bytes=_ROOM)


def _copy(connection: Connection, first: int) -> None:
    """The jobs 1 to ``PATTERNS`` once more, with the numbers after ``first``."""
    for table in (JOBS, JOB_RESULTS, JOB_CHANGES):
        rows: list[dict[str, Any]] = []
        for row in connection.execute(select(table).where(table.c.number <= PATTERNS)).mappings():
            fresh = {"token": str(uuid.uuid4())} if table is JOBS else {}
            rows.append({**row, "number": first + row["number"], **fresh})
        connection.execute(insert(table), rows)
    connection.execute(update(JOB_OWNERS).values(bytes=JOB_OWNERS.c.bytes * (first + PATTERNS) // first))
