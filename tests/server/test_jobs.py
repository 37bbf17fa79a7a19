"""The job service as the server puts it together: what a setting does, and what becomes of jobs when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.errors import RateLimited, StorageFull
from dragoman.core.jobs import Job, JobState
from dragoman.core.request import RecognitionRequest
from dragoman.server.jobs import JobService, build_jobs, build_rate
from dragoman.server.lifespan import Lifespan
from dragoman.server.settings import Settings, SettingsError, load_settings
from dragoman.server.word_lists import build_database
from dragoman.service.jobs import Submission
from dragoman.transport.spool import Spool
from scripted import TRANSCRIPT, ScriptedPool, recogniser, script

pytestmark = pytest.mark.unit


def settings_in(folder: Path, **changes: Any) -> Settings:
    return load_settings({"state_dir": folder / "state", "spool_dir": folder, **changes}, environ={})


@asynccontextmanager
async def running(settings: Settings, pool: ScriptedPool) -> AsyncIterator[tuple[JobService, Lifespan]]:
    """As ``build_app`` does it, without the application."""
    recognition = recogniser(settings, pool)
    service = build_jobs(settings, build_database(settings), recognition)
    lifespan = Lifespan(recognition, Spool(settings.spool_dir), wait_s=5)
    lifespan.opening = (service.open,)
    lifespan.following = (service.runner.open,)
    lifespan.draining = (service.runner.aclose,)
    lifespan.closing = (service.aclose,)
    async with lifespan(None):
        await lifespan.started()
        yield service, lifespan


async def submit(service: JobService, content: bytes = b"sound") -> Job:
    with service.spool.create() as file:
        file.add(content)
        await file.finish()
        inode = file.path.stat().st_ino
        job = await service.jobs.submit(Submission("d", "anna", "", RecognitionRequest()), file.path)
        if job.media is not None and job.state is JobState.QUEUED:
            async with service.jobs.media(job) as path:
                assert path.stat().st_ino == inode, "renamed, not copied"
    return job


async def ended(service: JobService, job: Job) -> Job:
    async with asyncio.timeout(30):
        while not (found := await service.jobs.job("d", "anna", job.number)).state.is_final:
            await asyncio.sleep(0.005)
    return found


async def test_a_job_is_done_and_its_result_is_there_after_a_restart(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    opened, *rest = script(TRANSCRIPT)
    gate = asyncio.Event()
    async with running(settings, ScriptedPool([opened, gate, *rest])) as (service, _):
        job = await submit(service)
        gate.set()
        assert (await ended(service, job)).state is JobState.DONE
    async with running(settings, ScriptedPool()) as (service, _):
        assert await service.jobs.transcript(job) == TRANSCRIPT


async def test_a_server_that_is_to_stop_puts_its_jobs_back_at_once(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    opened, *rest = script(TRANSCRIPT)
    pool = ScriptedPool([opened, asyncio.Event(), *rest])
    async with running(settings, pool) as (service, lifespan):
        job = await submit(service)
        async with asyncio.timeout(30):
            await pool.entered.acquire()
        await lifespan.drain()
        assert (pool.running, pool.cancelled) == (0, 1)
        found = await service.jobs.job("d", "anna", job.number)
        assert (found.state, found.attempts) == (JobState.QUEUED, 0)
    async with running(settings, ScriptedPool()) as (service, _):
        assert (await ended(service, job)).state is JobState.DONE


async def test_the_media_is_where_the_setting_says(tmp_path: Path) -> None:
    folder = tmp_path / "shared recordings"
    pool = ScriptedPool([asyncio.Event()])
    async with running(settings_in(tmp_path, media_url=folder.as_uri()), pool) as (service, _):
        job = await submit(service)
        assert job.media is not None
        assert (folder / job.media).is_file()
    assert not list(folder.glob("dragoman-spool-*"))


async def test_what_may_be_kept_and_what_stays_free_are_settings(tmp_path: Path) -> None:
    for limits in ({"max_jobs_storage_mb": 1, "min_free_disk_mb": 0}, {"min_free_disk_mb": 1 << 40}):
        async with running(settings_in(tmp_path, **limits), ScriptedPool()) as (service, _):
            with pytest.raises(StorageFull):
                await service.jobs.check_room((1 << 20) + 1)


def test_the_rate_is_a_setting() -> None:
    rate = build_rate(Settings(rate_limit="2/3600"))
    rate.take("anna")
    rate.take("anna")
    with pytest.raises(RateLimited):
        rate.take("anna")
    assert build_rate(Settings(rate_limit="none")).take("anna") is None


@pytest.mark.parametrize("rate", ["", "10", "0/10", "10/0", "10/", "ten/10", "10/10/10"])
def test_a_rate_that_is_none_is_named(rate: str) -> None:
    with pytest.raises(SettingsError, match="rate_limit"):
        load_settings({"rate_limit": rate}, environ={})
