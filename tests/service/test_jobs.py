"""Laws of handing in, looking at and deleting jobs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dragoman.core.errors import (
    Conflict,
    DragomanError,
    NotFound,
    StorageFull,
    Unavailable,
    UnknownModel,
    UnsupportedLanguage,
)
from dragoman.core.jobs import CallbackOrder, JobQuery, JobState
from dragoman.core.request import RecognitionRequest
from dragoman.service.jobs import Room, Submission
from job_service import HURRIED, process
from scripted import TRANSCRIPT, ScriptedPool, script

pytestmark = pytest.mark.unit


async def test_what_is_handed_in_is_there_for_other_processes(tmp_path: Path) -> None:
    order = CallbackOrder("http://example.com/told", "json")
    async with process(tmp_path, runs=False) as here:
        job = await here.submit(b"sound", options=b'{"a": 1}', keep_media=True, priority=3, callback=order)
        async with process(tmp_path, runs=False) as there:
            found = await there.jobs.job("d", "anna", job.number)
            assert found == job == await there.jobs.job_of_token("d", "anna", job.token)
            assert (found.state, found.options, found.keep_media) == (JobState.QUEUED, b'{"a": 1}', True)
            assert (found.priority, found.media_bytes, found.name) == (3, 5, "call.wav")
            async with there.jobs.media(found) as path:
                assert path.read_bytes() == b"sound"


async def test_the_upload_is_taken_away(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False) as here:
        path = tmp_path / "upload"
        path.write_bytes(b"sound")
        await here.jobs.submit(Submission("d", "anna", "", RecognitionRequest()), path)
        assert not path.exists()


async def test_a_job_is_promised_the_language_that_was_right_when_it_was_taken(tmp_path: Path) -> None:
    async with process(tmp_path, ScriptedPool(languages=("cs", "sk")), runs=False) as here:
        assert (await here.submit()).request.language == "cs"
        assert (await here.submit(request=RecognitionRequest("sk"))).request.language == "sk"


@pytest.mark.parametrize(
    ("request_", "room", "error"),
    [
        (RecognitionRequest("xx"), Room(1 << 30, 0), UnsupportedLanguage),
        (RecognitionRequest(profile="best"), Room(1 << 30, 0), UnknownModel),
        (RecognitionRequest(), Room(4, 0), StorageFull),
        (RecognitionRequest(), Room(1 << 30, 1 << 62), StorageFull),
    ],
)
async def test_what_is_refused_leaves_nothing(
    tmp_path: Path, request_: RecognitionRequest, room: Room, error: type[DragomanError]
) -> None:
    async with process(tmp_path, runs=False, room=room) as here:
        with pytest.raises(error):
            await here.submit(request=request_)
        assert await here.jobs.jobs("d", "anna", most=10) == []
        assert await here.kept_media() == set()


async def test_a_store_that_is_away_takes_nothing_and_what_it_took_without_a_word_is_kept(tmp_path: Path) -> None:
    async with process(tmp_path) as here:
        here.line.away = True
        with pytest.raises(Unavailable):
            await here.submit(b"refused")
        here.line.away = False
        assert await here.jobs.jobs("d", "anna", most=10) == []
        here.line.mute.add("add")
        with pytest.raises(Unavailable):
            await here.submit(b"taken")
        (job,) = await here.jobs.jobs("d", "anna", most=10)
        assert (await here.until(job)).state is JobState.DONE
    assert here.pool.media == [b"taken"]


async def test_whoever_stops_waiting_for_an_answer_leaves_nothing_half_way(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False) as here:
        here.line.slow["add"] = asyncio.Event()
        submitting = asyncio.create_task(here.submit())
        async with asyncio.timeout(30):
            while not await here.store.jobs(JobQuery(10)):
                await asyncio.sleep(0.005)
        submitting.cancel()
        await asyncio.sleep(0)
        assert not submitting.done()
        here.line.slow["add"].set()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        (job,) = await here.store.jobs(JobQuery(10))
        assert {job.media} == await here.kept_media()


async def test_a_job_is_there_for_its_owner_and_dialect_alone(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False) as here:
        job = await here.submit(owner="anna", dialect="d")
        for dialect, owner in (("d", "bert"), ("e", "anna")):
            with pytest.raises(NotFound):
                await here.jobs.job(dialect, owner, job.number)
            with pytest.raises(NotFound):
                await here.jobs.job_of_token(dialect, owner, job.token)
            assert await here.jobs.jobs(dialect, owner, most=10) == []
        with pytest.raises(NotFound):
            await here.jobs.job("d", "anna", job.number + 1)


async def test_a_list_goes_from_the_newest_to_the_oldest_in_pages(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False) as here:
        numbers = [(await here.submit()).number for _ in range(5)]
        first = await here.jobs.jobs("d", "anna", most=3)
        rest = await here.jobs.jobs("d", "anna", most=3, before=first[-1].number)
    assert [job.number for job in (*first, *rest)] == sorted(numbers, reverse=True)


async def test_what_has_ended_can_be_deleted_and_is_gone_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    async with process(tmp_path) as here:
        job = await here.until(await here.submit(keep_media=True))
        await here.jobs.delete(job)
        for call in (here.jobs.job("d", "anna", job.number), here.jobs.transcript(job), here.jobs.delete(job)):
            with pytest.raises(NotFound):
                await call
        with pytest.raises(NotFound):
            async with here.jobs.media(job):
                pass
        assert await here.kept_media() == set()


async def test_what_has_not_ended_is_deleted_by_force_alone_which_stops_it_at_once(tmp_path: Path) -> None:
    opened, *rest = script(TRANSCRIPT)
    pool = ScriptedPool([opened, asyncio.Event(), *rest])
    async with process(tmp_path, pool, replace(HURRIED, lease_s=3600)) as here:
        running, queued = await here.submit(), await here.submit()
        await here.until(running, JobState.RUNNING)
        for job in (queued, running):
            with pytest.raises(Conflict):
                await here.jobs.delete(job)
            await here.jobs.delete(job, force=True)
            with pytest.raises(NotFound):
                await here.store.job(job.number)
        async with asyncio.timeout(30):
            await pool.left.acquire()
        assert await here.kept_media() == set()


async def test_room_is_asked_for_before_it_is_taken(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False, room=Room(100, 0)) as here:
        await here.submit(b"x" * 60)
        await here.jobs.check_room(40)
        await here.jobs.check_room(None)
        with pytest.raises(StorageFull):
            await here.jobs.check_room(41)
        await here.submit(b"x" * 40)
        with pytest.raises(StorageFull):
            await here.submit(b"x")
        free = await here.media.free_bytes()
        assert free is not None
    async with process(tmp_path / "other", runs=False, room=Room(1 << 60, free // 2)) as there:
        await there.jobs.check_room(free // 4)
        with pytest.raises(StorageFull):
            await there.jobs.check_room(free)


async def test_who_is_further_back_waits_longer_and_who_has_ended_waits_no_more(tmp_path: Path) -> None:
    opened, *rest = script(TRANSCRIPT)
    gate = asyncio.Event()
    async with process(tmp_path, ScriptedPool([opened, gate, *rest])) as here:
        jobs = [await here.submit() for _ in range(4)]
        await here.until(jobs[0], JobState.RUNNING)
        waits = [await here.jobs.expected_wait_s(await here.store.job(job.number)) for job in jobs]
        assert 1 <= waits[0] < waits[1] < waits[2] < waits[3]
        gate.set()
        for job in jobs:
            assert await here.jobs.expected_wait_s(await here.until(job)) == 0
        again = await here.submit()
        assert 1 <= await here.jobs.expected_wait_s(again) <= waits[1]


async def test_a_job_that_finds_a_free_place_waits_for_nobody(tmp_path: Path) -> None:
    opened, *rest = script(TRANSCRIPT)
    pool = ScriptedPool([opened, asyncio.Event(), *rest])
    async with process(tmp_path, pool, replace(HURRIED, at_once=2, lease_s=60.0)) as here:
        first = await here.submit()
        await here.until(first, JobState.RUNNING)
        alone = await here.jobs.expected_wait_s(replace(first, state=JobState.QUEUED))
        here.line.slow["claim"] = asyncio.Event()
        second = await here.submit()
        assert await here.jobs.expected_wait_s(second) <= alone
        await here.until(second, JobState.RUNNING)
        assert await here.jobs.expected_wait_s(second) <= alone  # asked with what was known before
        here.line.slow["claim"].set()
