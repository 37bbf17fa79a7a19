"""Laws of jobs at work: whatever fails, whoever is stopped, an accepted job is done once or ends with a reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import (
    EmptyAudio,
    EngineNotReady,
    NotFound,
    Unavailable,
    UndecodableAudio,
    UnsupportedOption,
    WorkerLost,
)
from dragoman.core.events import Progress
from dragoman.core.jobs import Job, JobState
from dragoman.core.request import RecognitionRequest
from dragoman.service.job_runner import Pace
from dragoman.service.limits import Quota
from job_service import HURRIED, process
from scripted import TRANSCRIPT, ScriptedPool, Step, script

pytestmark = pytest.mark.unit

Q, R, D = JobState.QUEUED, JobState.RUNNING, JobState.DONE
LONG_MS = 10**9


def gated() -> tuple[ScriptedPool, asyncio.Event]:
    """A recogniser that gets half-way and then waits."""
    gate = asyncio.Event()
    opened, *rest = script(TRANSCRIPT)
    return ScriptedPool([opened, Progress(5_000), gate, *rest]), gate


class Failing(ScriptedPool):
    """Each file meets the next of several fates; the last one lasts."""

    def __init__(self, *fates: Exception | None) -> None:
        self._fates: list[Sequence[Step]] = [[fate] if fate is not None else script(TRANSCRIPT) for fate in fates]
        super().__init__(self._fates[0])

    def transcribe(self, *arguments: object, **options: object):  # type: ignore[no-untyped-def, override]
        self.steps = self._fates.pop(0) if len(self._fates) > 1 else self._fates[0]
        return super().transcribe(*arguments, **options)  # type: ignore[arg-type]


async def entered(pool: ScriptedPool, times: int = 1) -> None:
    async with asyncio.timeout(30):
        for _ in range(times):
            await pool.entered.acquire()


async def left(pool: ScriptedPool) -> None:
    async with asyncio.timeout(30):
        await pool.left.acquire()


async def test_what_two_processes_accept_is_done_once(tmp_path: Path) -> None:
    limits = replace(HURRIED, at_once=2)
    async with process(tmp_path, limits=limits) as one, process(tmp_path, limits=limits) as other:
        contents = [f"sound {number}".encode() for number in range(24)]
        submitted = await asyncio.gather(*((one, other)[n % 2].submit(c) for n, c in enumerate(contents)))
        for job in submitted:
            ended = await one.until(job)
            assert (ended.state, ended.attempts, ended.done_ms) == (D, 1, TRANSCRIPT.duration_ms)
            assert await one.states(job) == [Q, R, D]
            assert await one.jobs.transcript(ended) == TRANSCRIPT
        assert sorted(one.pool.media + other.pool.media) == sorted(contents)


async def test_a_job_is_begun_at_once_and_no_more_than_allowed_side_by_side(tmp_path: Path) -> None:
    pool, gate = gated()
    async with process(tmp_path, pool, replace(HURRIED, at_once=2, look_every_s=3600)) as here:
        jobs = [await here.submit() for _ in range(3)]
        await entered(pool, 2)
        assert [(await here.store.job(job.number)).state for job in jobs] == [R, R, Q]
        gate.set()
        for job in jobs:
            await here.until(job, D)
    assert pool.running == 0


async def test_jobs_that_others_queue_are_found(tmp_path: Path) -> None:
    async with process(tmp_path), process(tmp_path, runs=False) as asleep:
        await asleep.until(await asleep.submit(), D)


async def test_the_progress_is_there_for_all_to_see(tmp_path: Path) -> None:
    pool, gate = gated()
    async with process(tmp_path, pool) as here:
        job = await here.submit()
        async with asyncio.timeout(30):
            while (found := await here.store.job(job.number)).done_ms == 0:
                await asyncio.sleep(0.005)
        assert (found.done_ms, found.duration_ms) == (5_000, TRANSCRIPT.duration_ms)
        gate.set()
        await here.until(job, D)


async def test_a_job_that_is_cancelled_is_left_alone(tmp_path: Path) -> None:
    pool, gate = gated()
    async with process(tmp_path, pool) as here:
        job = await here.submit()
        await entered(pool)
        await here.store.cancel(job.number, LONG_MS, give_up_ms=LONG_MS)
        await left(pool)
        gate.set()
        assert pool.cancelled == 1
        assert (await here.store.job(job.number)).state is JobState.CANCELLED
        with pytest.raises(NotFound):
            await here.store.transcript(job.number)


async def test_who_has_lost_the_lease_writes_nothing(tmp_path: Path) -> None:
    slow, gate = gated()
    async with process(tmp_path, slow, replace(HURRIED, lease_s=3600)) as slept:
        job = await slept.submit()
        await entered(slow)
        async with process(tmp_path) as other:
            assert await other.store.recover(2**50, most_attempts=10, give_up_ms=0) == 1
            ended = await other.until(job, D)
            gate.set()
            await left(slow)
            async with asyncio.timeout(30):
                while slept.line.asked["finish"] == 0:
                    await asyncio.sleep(0.005)
            assert await other.store.job(job.number) == ended
            assert await other.states(job) == [Q, R, Q, R, D]


async def test_a_stop_puts_back_and_does_not_count(tmp_path: Path) -> None:
    pool, _ = gated()
    async with process(tmp_path, pool) as here:
        job = await here.submit()
        await entered(pool)
        await here.runner.aclose()
        put_back = await here.store.job(job.number)
        assert (put_back.state, put_back.attempts, pool.running) == (Q, 0, 0)
    async with process(tmp_path) as there:
        assert (await there.until(job, D)).attempts == 1


@pytest.mark.parametrize("steps", range(8))
async def test_a_stop_about_the_time_of_a_claim_puts_back(tmp_path: Path, steps: int) -> None:
    pool, _ = gated()
    async with process(tmp_path, pool) as here:
        here.line.slow["claim"] = asyncio.Event()
        job = await here.submit()
        await here.until(job, R)
        here.line.slow["claim"].set()
        for _ in range(steps):
            await asyncio.sleep(0)
        await here.runner.aclose()
        put_back = await here.store.job(job.number)
        assert (put_back.state, put_back.attempts, pool.running) == (Q, 0, 0)


async def test_a_stop_loses_no_result_that_is_being_written(tmp_path: Path) -> None:
    async with process(tmp_path) as here:
        here.line.slow["finish"] = asyncio.Event()
        job = await here.submit()
        await here.until(job, D)
        stopping = asyncio.create_task(here.runner.aclose())
        await asyncio.sleep(0)
        here.line.slow["finish"].set()
        await stopping
        assert await here.states(job) == [Q, R, D]


@pytest.mark.parametrize("error", [UndecodableAudio("no sound"), EmptyAudio(), UnsupportedOption("not that")])
async def test_what_cannot_be_recognised_is_rejected_with_the_reason(tmp_path: Path, error: Exception) -> None:
    async with process(tmp_path, ScriptedPool([error])) as here:
        ended = await here.until(await here.submit())
    assert ended.state is JobState.REJECTED
    assert ended.remark is not None
    assert (ended.remark.code, ended.remark.message) == (error.code, str(error))  # type: ignore[attr-defined]


async def test_a_recogniser_that_is_no_longer_there_is_the_fault_of_the_server(tmp_path: Path) -> None:
    async with process(tmp_path, runs=False) as asleep:
        job = await asleep.submit(request=RecognitionRequest(profile="accurate"))
    pool = ScriptedPool()
    pool.profiles = ("default",)
    async with process(tmp_path, pool) as here:
        ended = await here.until(job)
        assert ended.state is JobState.FAILED
        assert ended.remark is not None
        assert ended.remark.code == "unknown_model"


async def test_a_quota_that_is_used_up_rejects(tmp_path: Path) -> None:
    minutes = TRANSCRIPT.duration_ms / 60_000
    async with process(tmp_path, quota=Quota({"default": minutes})) as here:
        assert (await here.until(await here.submit())).state is D
        refused = await here.until(await here.submit())
        assert refused.state is JobState.REJECTED
        assert refused.remark is not None
        assert refused.remark.code == "quota_exceeded"
        assert (await here.until(await here.submit(owner="bert"))).state is D


@pytest.mark.parametrize("error", [Unavailable(), EngineNotReady("not yet")])
async def test_a_server_that_cannot_recognise_now_does_it_later(tmp_path: Path, error: Exception) -> None:
    times = HURRIED.most_attempts + 2
    async with process(tmp_path, Failing(*[error] * times, None)) as here:
        job = await here.submit()
        ended = await here.until(job)
        assert (ended.state, ended.attempts) == (D, 1)
        assert await here.states(job) == [*[Q, R] * times, Q, R, D]


async def test_a_job_of_a_profile_that_cannot_be_used_fails_and_the_others_go_on(tmp_path: Path) -> None:
    pool = ScriptedPool()
    async with process(tmp_path, pool) as here:
        await here.runner.aclose()
        broken = await here.submit(request=RecognitionRequest(profile="accurate"))
        pool.faults = {"accurate": "its model is damaged"}
        sound = await here.submit(owner="bert")
        async with process(tmp_path, pool):
            assert (await here.until(sound)).state is D
            ended = await here.until(broken)
    assert (ended.state, ended.attempts) == (JobState.FAILED, HURRIED.most_attempts)
    assert ended.remark is not None
    assert "damaged" in ended.remark.message


@pytest.mark.parametrize(("error", "code"), [(WorkerLost(), "worker_lost"), (RuntimeError("a bug"), "internal_error")])
async def test_what_keeps_failing_has_failed(tmp_path: Path, error: Exception, code: str) -> None:
    async with process(tmp_path, ScriptedPool([error])) as here:
        ended = await here.until(await here.submit())
    assert (ended.state, ended.attempts) == (JobState.FAILED, HURRIED.most_attempts)
    assert ended.remark is not None
    assert ended.remark.code == code
    assert "a bug" not in ended.remark.message


async def test_what_fails_and_then_goes_well_is_done(tmp_path: Path) -> None:
    async with process(tmp_path, Failing(WorkerLost(), WorkerLost(), None)) as here:
        ended = await here.until(await here.submit())
    assert (ended.state, ended.attempts) == (D, 3)


async def test_a_job_whose_recording_is_gone_has_failed(tmp_path: Path) -> None:
    async with process(tmp_path) as here, process(tmp_path, runs=False) as asleep:
        await here.runner.aclose()
        job = await asleep.submit()
        assert job.media is not None
        await asleep.media.remove(job.media)
        async with process(tmp_path):
            ended = await asleep.until(job)
    assert ended.state is JobState.FAILED
    assert ended.remark is not None
    assert ended.remark.code == "not_found"


async def test_the_log_says_how_a_job_ended_and_nothing_of_what_was_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with process(tmp_path, Failing(None, UndecodableAudio("no sound"))) as here:
        numbers = [(await here.until(await here.submit(name="Dear Anna.wav"))).number for _ in range(2)]
        async with asyncio.timeout(30):
            while len(facts := [record.facts for record in caplog.records if hasattr(record, "facts")]) < 2:
                await asyncio.sleep(0.005)  # it is written before it is logged
    assert [(fact["job"], fact["state"]) for fact in facts] == [(numbers[0], D), (numbers[1], JobState.REJECTED)]
    assert facts[1]["code"] == "undecodable_audio"
    shown = [record.getMessage() + str(getattr(record, "facts", "")) for record in caplog.records]
    for secret in ("Dear Anna", *(segment.text for segment in TRANSCRIPT.segments)):
        assert not any(secret in line for line in shown)


async def test_work_goes_on_while_the_store_is_away_and_is_written_when_it_is_back(tmp_path: Path) -> None:
    pool, gate = gated()
    async with process(tmp_path, pool) as here:
        job = await here.submit()
        await entered(pool)
        here.line.away = True
        async with asyncio.timeout(30):
            while here.line.asked["renew"] < 3:
                await asyncio.sleep(0.005)
        gate.set()
        await left(pool)
        async with asyncio.timeout(30):
            while here.line.asked["finish"] < 3:
                await asyncio.sleep(0.005)
        here.line.away = False
        ended = await here.until(job, D)
        assert (ended.attempts, pool.cancelled) == (1, 0)
        assert await here.states(job) == [Q, R, D]
        assert await here.jobs.transcript(ended) == TRANSCRIPT
        await here.until(await here.submit(b"next"), D)


@pytest.mark.parametrize("call", ["claim", "finish", "put_back"])
async def test_an_answer_of_the_store_that_is_lost_changes_nothing(tmp_path: Path, call: str) -> None:
    pool = Failing(WorkerLost(), None)
    async with process(tmp_path, pool) as here:
        here.line.mute.add(call)
        job = await here.submit()
        async with asyncio.timeout(30):
            while here.line.mute:
                await asyncio.sleep(0.005)
        if call == "claim":  # nobody knows that it was claimed
            await here.store.recover(2**50, most_attempts=10, give_up_ms=0)
        ended = await here.until(job)
        assert ended.state is D
        assert (await here.states(job)).count(D) == 1
        assert len(pool.media) == 2


async def test_the_job_of_another_key_waits_for_one_running_job_at_most(tmp_path: Path) -> None:
    pool, gate = gated()
    async with process(tmp_path, pool) as here:
        for number in range(6):
            await here.submit(f"busy {number}".encode(), "busy")
        await entered(pool)
        other = await here.submit(b"other", "other")
        gate.set()
        await here.until(other, D)
    assert pool.media[:2] == [b"busy 0", b"other"]


async def test_what_is_urgent_goes_first(tmp_path: Path) -> None:
    pool, gate = gated()
    async with process(tmp_path, pool) as here:
        await here.submit(b"first")
        await entered(pool)
        await here.submit(b"second")
        urgent = await here.submit(b"urgent", priority=1)
        gate.set()
        await here.until(urgent, D)
    assert pool.media[:2] == [b"first", b"urgent"]


times_s = st.floats(0, 1e5, allow_nan=False)


@given(st.lists(st.tuples(times_s, st.integers(0, 10**8)), max_size=20), st.integers(0, 10**8), st.integers(0, 10**8))
def test_what_is_left_is_never_more_than_the_whole_and_never_less_than_nothing(
    done: list[tuple[float, int]], duration_ms: int, done_ms: int
) -> None:
    pace = Pace()
    for job_s, audio_ms in done:
        pace.add(job_s, audio_ms)
    known = replace(JOB, duration_ms=duration_ms, done_ms=done_ms)
    assert 0 <= pace.left_s(known, 0) <= pace.whole_s(known)
    assert 0 <= pace.left_s(JOB, 0) <= pace.whole_s(JOB)


@given(times_s, st.integers(1, 10**8))
def test_jobs_that_are_alike_take_what_the_others_took(job_s: float, audio_ms: int) -> None:
    pace = Pace()
    for _ in range(3):
        pace.add(job_s, audio_ms)
    assert pace.whole_s(JOB) == pytest.approx(job_s)
    assert pace.whole_s(replace(JOB, duration_ms=audio_ms)) == pytest.approx(job_s, rel=1e-3)


JOB = Job(1, "", "d", "anna", "", RecognitionRequest(), b"{}", R, 0, 0, "m", 1, False, started_ms=0)
