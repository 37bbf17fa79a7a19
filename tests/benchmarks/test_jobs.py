"""Laws of what the benchmark of jobs sends, and of the store that it fills."""

from __future__ import annotations

import random
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.jobs_client import Form, zeros
from benchmarks.jobs_store import PATTERNS, addresses, multiply
from dragoman.core.jobs import JobQuery, JobState, Lease, NewJob, Outcome
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Segment, Transcript
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs

pytestmark = pytest.mark.unit

TRANSCRIPT = Transcript("en", "m", 9, (0,), (Segment(0, 0, 0, 9, "tulip", 0.9),))


@given(st.sampled_from(["speechmatics_v1", "phonexia_4"]), st.binary(max_size=100))
def test_a_form_says_how_long_it_is(dialect: str, data: bytes) -> None:
    form = Form.of(dialect, data)
    assert form.size == sum(len(piece) for piece in form.pieces())


@given(st.integers(0, 3 << 20))
def test_content_is_made_to_length(size: int) -> None:
    assert sum(len(piece) for piece in zeros(size)) == size


async def test_jobs_that_are_copied_are_like_those_that_were_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    lease, done = Lease("a", 10), Outcome(JobState.DONE, TRANSCRIPT)
    async with aclosing(SqlJobs(Database(url))) as store:
        await store.open()
        for number in range(PATTERNS):
            await store.add(
                NewJob("d", "", f"{number}", RecognitionRequest(), f"{number}", 7), 0, most_bytes=10_000_000
            )
            await store.claim(lease, 1)
            assert await store.finish(number + 1, lease, done, 2, give_up_ms=3)
    await multiply(url, 3 * PATTERNS)
    async with aclosing(SqlJobs(Database(url))) as store:
        await store.open()
        jobs = await store.jobs(JobQuery(1000))
        assert [job.number for job in jobs] == list(range(3 * PATTERNS, 0, -1))
        assert {job.state for job in jobs} == {JobState.DONE}
        assert len({job.token for job in jobs}) == len(jobs)
        assert await store.transcript(len(jobs)) == TRANSCRIPT
        assert await store.history(len(jobs)) == await store.history(PATTERNS)
        backlog = await store.backlog()
        for job in jobs[:PATTERNS]:
            await store.remove(job.number)
        assert (await store.backlog()).bytes == backlog.bytes * 2 // 3
    assert len(await addresses(url, random.Random(1), 5, 2 * PATTERNS)) == 5
