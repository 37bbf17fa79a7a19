"""Laws of what the benchmark of jobs sends, and of the store that it fills."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.jobs_client import Form, zeros
from benchmarks.jobs_store import addresses, fill
from dragoman.core.jobs import JobQuery, JobState
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs

pytestmark = pytest.mark.unit


@given(st.sampled_from(["speechmatics_v1", "phonexia_4"]), st.binary(max_size=100))
def test_a_form_says_how_long_it_is(dialect: str, data: bytes) -> None:
    form = Form.of(dialect, data)
    assert form.size == sum(len(piece) for piece in form.pieces())


@given(st.integers(0, 3 << 20))
def test_content_is_made_to_length(size: int) -> None:
    assert sum(len(piece) for piece in zeros(size)) == size


async def test_jobs_that_are_copied_are_like_those_that_were_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    await fill(url, 300)
    async with aclosing(SqlJobs(Database(url))) as store:
        await store.open()
        jobs = await store.jobs(JobQuery(1000))
        assert [job.number for job in jobs] == list(range(300, 0, -1))
        assert {job.state for job in jobs} == {JobState.DONE}
        assert len({job.token for job in jobs}) == 300
        assert await store.transcript(300) == await store.transcript(100)
        assert await store.history(300) == await store.history(100)
        backlog = await store.backlog()
        await asyncio.gather(*(store.remove(job.number) for job in jobs[:100]))
        assert (await store.backlog()).bytes == backlog.bytes * 2 // 3
    assert len(await addresses(url, random.Random(1), 5, 200)) == 5
