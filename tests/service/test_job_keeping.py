"""Laws of order in the store: what is needed stays, what is not goes, what was left behind is taken up again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dragoman.core.errors import UndecodableAudio, WorkerLost
from dragoman.core.events import Opened
from dragoman.core.jobs import Job, JobState, Lease, NewJob, Outcome
from dragoman.core.request import RecognitionRequest
from dragoman.service.job_keeping import KeepingLimits
from dragoman.store.media import FolderMedia
from job_service import HURRIED, Process, process
from scripted import TRANSCRIPT, ScriptedPool, script

pytestmark = pytest.mark.unit

HURRIED_KEEPING = KeepingLimits(lease_s=0.06, kept_s=3600)


async def taken(here: Process, ago_s: float) -> Job:
    """A job that was handed in some time ago."""
    upload = here.folder / "upload"
    upload.write_bytes(b"sound")
    media = FolderMedia(here.media.folder, clock=lambda: time.time() - ago_s)
    new = NewJob("d", "anna", "", RecognitionRequest(), await media.keep(upload), 5, keep_media=True)
    return await here.store.add(new, int((time.time() - ago_s) * 1000), most_bytes=1 << 30)


async def done(here: Process, ago_s: float) -> Job:
    """A job that was done at once."""
    job = await taken(here, ago_s)
    lease = Lease(job.token, job.created_ms)
    assert await here.store.claim(lease, job.created_ms) is not None
    outcome = Outcome(JobState.DONE, TRANSCRIPT)
    assert await here.store.finish(job.number, lease, outcome, job.created_ms, give_up_ms=job.created_ms)
    return await here.store.job(job.number)


async def numbers(here: Process) -> set[int]:
    return {job.number for job in await here.jobs.jobs("d", "anna", most=1000)}


async def test_jobs_go_when_their_time_is_over_and_others_stay(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False) as here:
        old = [await done(here, ago_s=8 * 86_400) for _ in range(51)]
        young = await done(here, ago_s=6 * 86_400)
        waiting = await here.submit()
        await here.keeping.tidy()
        assert await numbers(here) == {young.number, waiting.number}
        assert await here.kept_media() == {young.media, waiting.media}
        assert not {job.media for job in old} & await here.kept_media()


@pytest.mark.parametrize(
    ("fate", "keep_media", "stays"),
    [(None, False, False), (None, True, True), (UndecodableAudio(), False, False), (WorkerLost(), False, True)],
)
async def test_media_stays_as_long_as_it_can_be_needed(
    tmp_path: Path, fate: Exception | None, keep_media: bool, stays: bool
) -> None:
    async with process(tmp_path, ScriptedPool(None if fate is None else [fate])) as here:
        job = await here.until(await here.submit(keep_media=keep_media))
        await here.keeping.tidy()
        assert await here.kept_media() == ({job.media} if stays else set())
        assert (await here.store.job(job.number)).media == (job.media if stays else None)


async def test_media_that_no_job_knows_goes_once_it_is_old(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False) as here:
        known = [await taken(here, ago_s) for ago_s in (7200, 60)]
        lost = [await taken(here, ago_s) for ago_s in (*[7200] * 51, 60)]
        for job in lost:
            await here.store.remove(job.number)
        await here.keeping.sweep()
        assert await here.kept_media() == {job.media for job in (*known, lost[-1])}


async def test_what_a_dead_process_left_behind_is_taken_up_again_and_what_a_living_one_does_is_not(
    tmp_path: Path,
) -> None:
    async with process(tmp_path, runs=False) as here:
        dead, alive = await here.submit(), await here.submit()
        now_ms = int(time.time() * 1000)
        for until_ms in (now_ms - 1, now_ms + 3_600_000):
            await here.store.claim(Lease(f"process {until_ms}", until_ms), now_ms + 1000)
        assert await here.keeping.recover() == 1
        assert [(await here.store.job(job.number)).state for job in (dead, alive)] == [
            JobState.QUEUED,
            JobState.RUNNING,
        ]
        assert await here.keeping.recover() == 0


async def test_a_job_that_kills_every_process_has_failed_in_the_end(tmp_path: Path) -> None:
    keeping = KeepingLimits(most_attempts=2)
    async with process(tmp_path, runs=False, keeping=keeping) as here:
        job = await here.submit()
        for _ in range(2):
            now_ms = int(time.time() * 1000)
            await here.store.claim(Lease(f"process {now_ms}", 0), now_ms + 1000)
            await here.keeping.recover()
        found = await here.store.job(job.number)
        assert found.state is JobState.FAILED
        assert found.remark is not None
        assert found.remark.code == "worker_lost"


async def test_it_goes_on_by_itself_and_wakes_who_works(tmp_path: Path) -> None:
    limits = replace(HURRIED, look_every_s=3600)
    async with process(tmp_path, limits=limits, keeping=HURRIED_KEEPING) as here:
        async with process(tmp_path, runs=False) as dead:
            job = await dead.submit()
            await dead.store.claim(Lease("dead", 0), int(time.time() * 1000) + 1000)
        here.line.away = True
        await here.keeping.open()
        async with asyncio.timeout(30):
            while here.line.asked["backlog"] < 2:
                await asyncio.sleep(0.005)
        here.line.away = False
        assert (await here.until(job)).state is JobState.DONE
        async with asyncio.timeout(30):
            while await here.kept_media():
                await asyncio.sleep(0.005)


async def test_after_the_store_was_away_those_who_work_come_first(tmp_path: Path) -> None:
    """A lease that ran out because it could not be renewed is not taken away."""
    gate = asyncio.Event()
    pool = ScriptedPool([Opened(10_000, (0,)), gate, *script(TRANSCRIPT)[1:]])
    limits = replace(HURRIED, lease_s=1.0)
    async with process(tmp_path, pool, limits, keeping=KeepingLimits(lease_s=limits.lease_s)) as here:
        job = await here.submit()
        await here.until(job, JobState.RUNNING)
        here.line.away = True
        await here.keeping.open()
        async with asyncio.timeout(30):
            while time.time() < job.created_ms / 1000 + 1.5 * limits.lease_s:
                await asyncio.sleep(0.005)
        recovered = here.line.asked["recover"]
        here.line.away = False
        back_s = time.monotonic()
        async with asyncio.timeout(30):
            while here.line.asked["recover"] == recovered:
                await asyncio.sleep(0.005)
        assert time.monotonic() - back_s >= limits.lease_s
        gate.set()
        ended = await here.until(job)
        assert (ended.state, ended.attempts, pool.cancelled) == (JobState.DONE, 1, 0)
