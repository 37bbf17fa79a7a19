"""Laws of jobs at work that need real time, some of them over real workers with the fake engine."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.core.events import Opened
from dragoman.core.jobs import JobState
from dragoman.service.job_keeping import KeepingLimits
from dragoman.service.workers import WorkerPool
from job_service import HURRIED, process
from noise import LOUD, QUIET, noise_file
from scripted import TRANSCRIPT, ScriptedPool, script

pytestmark = pytest.mark.realtime

Pools = Callable[..., WorkerPool]


@pytest.fixture
def pools(tmp_path: Path) -> Pools:
    def made(**script: Any) -> WorkerPool:
        file = tmp_path / "script.json"
        file.write_text(json.dumps(script))
        return WorkerPool(
            (sys.executable, "-m", "dragoman.server.worker_main"),
            msgspec.json.encode({"profiles": {"default": {"engine": "fake"}, "accurate": {"engine": "fake"}}}),
            workers=1,
            environment={"DRAGOMAN_FAKE_SCRIPT": str(file)},
        )

    return made


def noise(tmp_path: Path, seconds: float, peak: float = QUIET, seed: int = 1) -> bytes:
    return noise_file(tmp_path / "noise.wav", [(seconds, peak)], seed=seed).read_bytes()


async def test_long_jobs_of_a_busy_key_delay_a_short_one_of_another_by_one_at_most(
    tmp_path: Path, pools: Pools
) -> None:
    async with process(tmp_path, pools(seconds_per_second=0.02)) as here:
        long, short = noise(tmp_path, 60, seed=1), noise(tmp_path, 6, seed=2)
        busy = [await here.submit(long, "busy", name="long") for _ in range(3)]
        await here.until(busy[0], JobState.RUNNING)
        other = await here.submit(short, "other", name="short")
        ended = await here.until(other)
        assert (ended.state, ended.duration_ms) == (JobState.DONE, 6_000)
        before = [job for job in busy if (await here.store.job(job.number)).state.is_final]
        assert before == busy[:1]
        for job in busy:
            assert (await here.until(job)).state is JobState.DONE


async def test_a_recording_that_kills_workers_fails_and_others_are_done(tmp_path: Path, pools: Pools) -> None:
    pool = pools(mishaps=[{"above": 0.5, "kind": "crash"}])
    async with process(tmp_path, pool, replace(HURRIED, at_once=2, most_attempts=1)) as here:
        bad = await here.submit(noise(tmp_path, 2, LOUD), name="bad")
        good = [await here.submit(noise(tmp_path, 2, seed=seed), name="good") for seed in range(3)]
        assert {(await here.until(job)).state for job in good} == {JobState.DONE}
        ended = await here.until(bad)
        assert ended.state is JobState.FAILED
        assert ended.remark is not None
        assert ended.remark.code == "worker_lost"


async def test_what_is_no_recording_is_rejected(tmp_path: Path, pools: Pools) -> None:
    async with process(tmp_path, pools()) as here:
        ended = await here.until(await here.submit(b"no recording"))
        assert ended.state is JobState.REJECTED
        assert ended.remark is not None
        assert ended.remark.code == "undecodable_audio"


async def test_a_stop_takes_no_time_whatever_runs(tmp_path: Path, pools: Pools) -> None:
    async with process(tmp_path, pools(seconds_per_second=100)) as here:
        job = await here.submit(noise(tmp_path, 30))
        await here.until(job, JobState.RUNNING)
        began_s = time.monotonic()
        await here.runner.aclose()
        assert time.monotonic() - began_s < 2
        assert (await here.store.job(job.number)).state is JobState.QUEUED


async def test_a_stop_while_the_store_is_away_ends_too(tmp_path: Path) -> None:
    pool = ScriptedPool([Opened(10_000, (0,)), asyncio.Event()])
    async with process(tmp_path, pool, replace(HURRIED, stop_s=0.1)) as here:
        await here.until(await here.submit(), JobState.RUNNING)
        here.line.away = True
        began_s = time.monotonic()
        await here.runner.aclose()
        assert time.monotonic() - began_s < 2


async def test_without_work_the_store_is_asked_once_in_a_while_and_a_full_house_asks_nothing(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([Opened(10_000, (0,)), gate, *script(TRANSCRIPT)[1:]])
    limits = replace(HURRIED, lease_s=3600, look_every_s=0.1)
    async with process(tmp_path, pool, limits, keeping=KeepingLimits(lease_s=0.6)) as here:
        job = await here.submit()
        await here.until(job, JobState.RUNNING)
        asked = here.line.asked.total()
        await asyncio.sleep(0.5)
        assert here.line.asked.total() == asked
        gate.set()
        await here.until(job)
        await here.keeping.open()
        asked = here.line.asked.total()
        used_s = time.process_time()
        await asyncio.sleep(1)
        assert here.line.asked.total() - asked <= 10 + 6 * 4
        assert time.process_time() - used_s < 0.3
