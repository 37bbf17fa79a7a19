"""Laws of live streams in the pool, with real processes, real signals and the fake engine's mishaps."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import uvloop

from dragoman.core.errors import (
    AudioTooLong,
    Cancelled,
    InternalError,
    InvalidRequest,
    NoFreeInstance,
    Unavailable,
    UnknownModel,
    WorkerLost,
)
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.ports import LiveStream
from dragoman.core.request import Phrase, RecognitionRequest, SpeakerRequest, Vocabulary
from dragoman.core.transcript import Segment
from dragoman.service.workers import Timing, WorkerPool
from noise import LOUD, QUIET, RATE, noise_file

pytestmark = pytest.mark.realtime

REQUEST = RecognitionRequest(language="en")
COMMAND = (sys.executable, "-m", "dragoman.server.worker_main")

Pools = Callable[..., Any]


@pytest.fixture
def pools(tmp_path: Path) -> Pools:
    @asynccontextmanager
    async def running(
        workers: int = 1, timing: Timing | None = None, max_duration_s: int = 3600, **script: Any
    ) -> AsyncIterator[WorkerPool]:
        file = tmp_path / "script.json"
        file.write_text(json.dumps(script))
        pool = WorkerPool(
            COMMAND,
            msgspec.json.encode(
                {"profiles": {"default": {"engine": "fake"}}, "openai_models": {}, "telecomx_engines": {}}
                | {"speechmatics_operating_points": {}, "phonexia_4_engines": {}}
                | {"max_duration_s": max_duration_s}
            ),
            workers=workers,
            environment={"DRAGOMAN_FAKE_SCRIPT": str(file)},
            timing=timing,
        )
        await pool.start()
        try:
            yield pool
        finally:
            await pool.aclose()

    return running


def noise(seconds: float, peak: float = QUIET, seed: int = 1) -> bytes:
    rng = np.random.default_rng(seed)
    return (peak * 32767 * rng.uniform(-1, 1, round(seconds * RATE))).astype("<i2").tobytes()


async def say(stream: LiveStream, audio: bytes, piece: int = RATE // 5, speed: float | None = None) -> None:
    """Send it all, at so many times real time, or as fast as it is taken."""
    began = time.monotonic()
    for first in range(0, len(audio), piece):
        if speed is not None:
            await asyncio.sleep(began + first / 2 / RATE / speed - time.monotonic())
        await stream.send(audio[first : first + piece])
    stream.finish()


async def hear(stream: LiveStream, each: Callable[[SpeechEvent], None] = lambda event: None) -> list[SpeechEvent]:
    """All events; they must be in an order that is allowed."""
    heard: list[SpeechEvent] = []
    index = -1
    is_open = has_final = False
    async with aclosing(stream.events()) as events:
        async for event in events:
            match event:
                case SpeechStarted():
                    assert not is_open
                    assert event.index == index + 1
                    index, is_open, has_final = event.index, True, False
                case Partial(segment) | Final(segment):
                    assert is_open
                    assert not has_final
                    assert segment.index == index
                    has_final = isinstance(event, Final)
                case SpeechEnded():
                    assert is_open
                    assert event.index == index
                    is_open = False
                case Finished():
                    assert not is_open
            heard.append(event)
            each(event)
    return heard


def finals(events: Sequence[SpeechEvent]) -> list[Segment]:
    return [event.segment for event in events if isinstance(event, Final)]


async def converse(
    pool: WorkerPool, audio: bytes, request: RecognitionRequest = REQUEST, **how: Any
) -> list[SpeechEvent]:
    stream = pool.open_stream(request, RATE)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(say(stream, audio, **how))
            heard = tasks.create_task(hear(stream))
        return heard.result()
    finally:
        stream.close()


async def seconds_until(condition: Callable[[], bool]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


def sessions(pool: WorkerPool) -> int:
    """What the workers themselves say."""
    return sum(worker.sessions for worker in pool._workers.values())


# Audio


@pytest.mark.parametrize("piece", [1, 333, 6_400, 100_001, 10_000_000])
async def test_the_size_of_the_pieces_makes_no_difference(pools: Pools, piece: int) -> None:
    audio = noise(7 if piece > 1 else 1)
    async with pools() as pool:
        expected = await converse(pool, audio)
        heard = await converse(pool, audio, piece=piece)
    assert finals(heard) == finals(expected)
    assert heard[-1] == expected[-1] == Finished(len(audio) // 2 * 1000 // RATE, "en", "fake")


async def test_a_stream_without_audio_and_half_a_sample_at_the_end_are_nothing(pools: Pools) -> None:
    async with pools() as pool:
        assert await converse(pool, b"") == [Finished(0, "en", "fake")]
        assert await converse(pool, b"\0") == [Finished(0, "en", "fake")]
        assert finals(await converse(pool, noise(3) + b"\1")) == finals(await converse(pool, noise(3)))


async def test_the_vocabulary_can_be_replaced_until_audio_comes(pools: Pools) -> None:
    async with pools() as pool:
        stream = pool.open_stream(REQUEST, RATE)
        stream.prefer(Vocabulary((Phrase("never said"),)))
        stream.prefer(Vocabulary((Phrase("hello dragoman"),)))
        await stream.send(noise(2))
        with pytest.raises(InvalidRequest):
            stream.prefer(Vocabulary())
        stream.finish()
        stream.finish()
        assert [segment.text for segment in finals(await hear(stream))] == ["hello dragoman"]
        with pytest.raises(Cancelled):
            await stream.send(b"\0\0")
        stream.close()


async def test_partials_come_while_somebody_speaks(pools: Pools) -> None:
    async with pools() as pool:
        heard = await converse(pool, noise(3), speed=1)
    partials = [event for event in heard if isinstance(event, Partial)]
    assert len(partials) >= 4
    assert isinstance(heard[0], SpeechStarted)


async def test_a_stream_longer_than_allowed_is_ended(pools: Pools) -> None:
    async with pools(max_duration_s=2) as pool:
        assert finals(await converse(pool, noise(1.9)))
        with pytest.raises(ExceptionGroup) as error:
            await converse(pool, noise(30))
        assert error.group_contains(AudioTooLong)


# Death


async def test_a_killed_worker_loses_and_repeats_nothing_and_the_stream_goes_on_within_two_seconds(
    pools: Pools,
) -> None:
    audio = noise(12)
    async with pools() as pool:
        expected = finals(await converse(pool, audio))
        stream = pool.open_stream(REQUEST, RATE)
        saying = asyncio.create_task(say(stream, audio, speed=1))
        killed_at = 0.0
        gaps = []

        def kill(event: SpeechEvent) -> None:
            nonlocal killed_at
            if killed_at:
                gaps.append(time.monotonic() - killed_at)
                killed_at = 0.0
            elif isinstance(event, Partial) and event.segment.index == len(gaps) and event.segment.end_ms % 5000 > 1000:
                os.kill(pool.pids[0], signal.SIGKILL)
                killed_at = time.monotonic()

        heard = await hear(stream, kill)
        await saying
        stream.close()
        assert finals(heard) == expected
        assert heard[-1] == Finished(12_000, "en", "fake")
        assert pool.restarts == len(gaps) >= 2
        assert max(gaps) < 2.0


async def test_a_killed_worker_takes_no_speaker_with_it(pools: Pools) -> None:
    """Who speaks first, and is heard no more before the end, is known again."""
    audio = b"".join(noise(3, peak, seed) for seed, peak in enumerate((0.1, 0.4, 0.6, 0.4, 0.6, 0.1)))
    request = RecognitionRequest(language="en", speakers=SpeakerRequest())
    async with pools() as pool:
        expected = finals(await converse(pool, audio, request))
        stream = pool.open_stream(request, RATE)
        saying = asyncio.create_task(say(stream, audio, speed=3))
        killed = []

        def kill(event: SpeechEvent) -> None:
            if isinstance(event, Final) and len(killed) < 2:
                killed.append(pool.pids[0])
                os.kill(pool.pids[0], signal.SIGKILL)

        heard = await hear(stream, kill)
        await saying
        stream.close()
        assert pool.restarts >= 2
    assert finals(heard) == expected
    assert {word.speaker for segment in expected for word in segment.words} == {0, 1, 2}


async def test_a_stream_that_kills_its_worker_fails_alone(pools: Pools, tmp_path: Path) -> None:
    file = noise_file(tmp_path / "file.wav", [(29, QUIET)])
    good = noise(25, seed=2)
    async with pools(seconds_per_second=0.003, mishaps=[{"above": 0.5, "kind": "crash"}]) as pool:
        expected = finals(await converse(pool, good))

        async def recognise() -> int:
            return sum([isinstance(event, Final) async for event in pool.transcribe(file, REQUEST)])

        segments = await recognise()
        others = [asyncio.create_task(converse(pool, good, speed=8)) for _ in range(4)]
        recognising = asyncio.create_task(recognise())
        await asyncio.sleep(0.5)
        with pytest.raises(ExceptionGroup) as error:
            await converse(pool, noise(2) + noise(8, LOUD), speed=4)
        assert error.group_contains(WorkerLost)
        assert [finals(await other) for other in others] == [expected] * 4
        assert await recognising == segments
        assert pool.restarts == 3


async def test_a_file_that_kills_its_worker_is_no_fault_of_streams(pools: Pools, tmp_path: Path) -> None:
    poison = noise_file(tmp_path / "poison.wav", [(12, QUIET), (6, LOUD)], seed=3)
    good = noise(30, seed=2)
    async with pools(seconds_per_second=0.003, mishaps=[{"above": 0.5, "kind": "crash"}]) as pool:
        expected = finals(await converse(pool, good))
        others = [asyncio.create_task(converse(pool, good, speed=8)) for _ in range(3)]
        with pytest.raises(WorkerLost):
            async for _ in pool.transcribe(poison, REQUEST):
                pass
        assert [finals(await other) for other in others] == [expected] * 3


async def test_an_exception_ends_its_stream_and_nothing_else(pools: Pools) -> None:
    good = noise(6, seed=2)
    async with pools(mishaps=[{"above": 0.5, "kind": "error"}]) as pool:
        pids = pool.pids
        other = asyncio.create_task(converse(pool, good, speed=4))
        with pytest.raises(ExceptionGroup) as error:
            await converse(pool, noise(4, LOUD), speed=4)
        assert error.group_contains(InternalError)
        assert finals(await other) == finals(await converse(pool, good))
        assert pool.pids == pids


async def test_a_worker_that_hangs_on_a_stream_is_replaced(pools: Pools, tmp_path: Path) -> None:
    mishap = {"above": 0.5, "kind": "hang", "times": 1, "tally": str(tmp_path / "tally")}
    async with pools(timing=Timing(stream_stalled_after=1.0), mishaps=[mishap]) as pool:
        assert finals(await converse(pool, noise(4, LOUD)))
        assert pool.restarts == 1
        await asyncio.sleep(1.5)
        assert finals(await converse(pool, noise(4)))
        assert pool.restarts == 1


async def test_streams_opened_while_there_is_no_worker_wait_for_it(pools: Pools) -> None:
    async with pools() as pool:
        expected = finals(await converse(pool, noise(6)))
        os.kill(pool.pids[0], signal.SIGKILL)
        await seconds_until(lambda: not pool.pids)
        assert finals(await converse(pool, noise(6))) == expected


async def test_whatever_is_killed_closed_and_poisoned_every_other_stream_is_right(pools: Pools, tmp_path: Path) -> None:
    rng = random.Random(4)
    file = noise_file(tmp_path / "file.wav", [(29, QUIET)])
    sounds = [noise(seconds, seed=seconds) for seconds in (2, 7, 15)]
    started = time.monotonic()
    right = 0

    async with pools(workers=2, seconds_per_second=0.003, mishaps=[{"above": 0.5, "kind": "crash"}]) as pool:
        expected = [finals(await converse(pool, sound)) for sound in sounds]

        def is_enough() -> bool:
            seconds = time.monotonic() - started
            return (seconds > 5 and right > 10 and pool.restarts > 5) or seconds > 60

        async def client() -> None:
            nonlocal right
            while not is_enough():
                number = rng.randrange(len(sounds))
                task = asyncio.create_task(converse(pool, sounds[number], speed=8))
                if rng.random() < 0.3:
                    await asyncio.sleep(rng.uniform(0, 1))
                    task.cancel()
                    await asyncio.wait([task])
                    continue
                try:
                    heard = await task
                except NoFreeInstance:  # a worker that was just replaced has something to catch up with
                    await asyncio.sleep(0.1)
                else:
                    assert finals(heard) == expected[number]
                    right += 1

        async def reader_of_files() -> None:
            while not is_enough():
                assert [event async for event in pool.transcribe(file, REQUEST)]

        async def poisoner() -> None:
            while not is_enough():
                with pytest.raises((ExceptionGroup, NoFreeInstance)) as error:
                    await converse(pool, noise(1) + noise(3, LOUD), speed=8)
                if not isinstance(error.value, NoFreeInstance):
                    assert error.group_contains(WorkerLost)
                await asyncio.sleep(0.1)

        async def killer() -> None:
            while not is_enough():
                before = right
                await asyncio.sleep(rng.uniform(0.5, 1))
                if pool.pids and right > before:
                    os.kill(rng.choice(pool.pids), rng.choice([signal.SIGKILL, signal.SIGSEGV]))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(6):
                tasks.create_task(client())
            for work in (reader_of_files, poisoner, killer):
                tasks.create_task(work())
        assert right > 10
        assert pool.restarts > 5
        assert await seconds_until(lambda: not pool.busy) < 2.0
        await seconds_until(lambda: sessions(pool) == 0)


# Back-pressure


async def test_a_client_faster_than_the_recogniser_is_slowed(pools: Pools) -> None:
    async with pools(seconds_per_second=1) as pool:
        stream = pool.open_stream(REQUEST, RATE)
        hearing = asyncio.create_task(hear(stream))
        saying = asyncio.create_task(say(stream, noise(60)))
        await asyncio.sleep(1.5)
        sent_ms = stream._kept.end // 2 * 1000 // RATE
        assert 5_000 < sent_ms < 20_000
        assert sent_ms - stream.taken_ms < 6_000
        stream.close()
        with pytest.raises(Cancelled):
            await saying
        await hearing


async def test_a_client_that_does_not_read_is_waited_for_and_misses_no_final(pools: Pools) -> None:
    audio = noise(300)
    async with pools() as pool:
        expected = finals(await converse(pool, audio))
        stream = pool.open_stream(REQUEST, RATE)
        saying = asyncio.create_task(say(stream, audio))
        await asyncio.sleep(2)
        assert not saying.done()
        assert 64 <= len(stream._events) < 80
        assert sum(isinstance(event, Partial) for event in stream._events) <= 1
        assert finals(await hear(stream)) == expected
        await saying
        stream.close()


async def test_a_fast_stream_does_not_delay_one_that_is_spoken(pools: Pools) -> None:
    async with pools(seconds_per_second=0.1) as pool:
        fast = asyncio.create_task(converse(pool, noise(120)))
        stream = pool.open_stream(REQUEST, RATE)
        lags = []
        began = time.monotonic()

        def lag(event: SpeechEvent) -> None:
            if isinstance(event, SpeechEnded):
                lags.append(time.monotonic() - began - event.end_ms / 1000)

        saying = asyncio.create_task(say(stream, noise(11), speed=1))
        await hear(stream, lag)
        await saying
        assert len(lags) >= 2
        # Up to half the longest utterance lies between a cut and its discovery; a final of either takes half a second.
        assert max(lags) < 2.5 + 2 * 0.5 + 0.5
        stream.close()
        fast.cancel()
        await asyncio.wait([fast])


async def test_a_segment_of_a_file_lets_streams_pass(pools: Pools, tmp_path: Path) -> None:
    file = noise_file(tmp_path / "file.wav", [(20, QUIET)])
    async with pools(seconds_per_second=1) as pool, aclosing(pool.transcribe(file, REQUEST)) as events:
        await anext(events)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        assert finals(await converse(pool, noise(0.5)))
        assert time.monotonic() - began < 2.0  # a segment of the file takes four to five


# Room


async def test_streams_are_spread_evenly(pools: Pools) -> None:
    async with pools(workers=2) as pool:
        streams = [pool.open_stream(REQUEST, RATE) for _ in range(6)]
        for stream in streams:
            await stream.send(noise(0.5))
        await seconds_until(lambda: [worker.sessions for worker in pool._workers.values()] == [3, 3])
        assert pool.busy == 2
        for stream in streams:
            stream.close()
        await seconds_until(lambda: sessions(pool) == 0)
        assert pool.busy == 0


async def test_workers_that_are_behind_get_no_more_streams(pools: Pools) -> None:
    async with pools(seconds_per_second=3) as pool:
        stream = pool.open_stream(REQUEST, RATE)
        saying = asyncio.create_task(say(stream, noise(60), speed=1))
        async with asyncio.timeout(30):
            while True:
                try:
                    pool.open_stream(REQUEST, RATE).close()
                except NoFreeInstance:
                    break
                await asyncio.sleep(0.1)
        stream.close()
        await asyncio.wait([saying])
        await seconds_until(lambda: sessions(pool) == 0)
        pool.open_stream(REQUEST, RATE).close()


async def test_the_capacity_is_known_once_started_and_slow_engines_have_little(pools: Pools) -> None:
    async with pools(workers=2) as pool:
        assert pool.stream_capacity > 100
        with pytest.raises(UnknownModel):
            pool.open_stream(RecognitionRequest(profile="best"), RATE)
    async with pools(workers=2, seconds_per_second=5) as pool:
        assert pool.stream_capacity == 2


# Ends


async def test_closing_stops_a_final_that_is_computed(pools: Pools) -> None:
    async with pools(seconds_per_second=5) as pool:
        pids = pool.pids
        stream = pool.open_stream(REQUEST, RATE)
        await stream.send(noise(4))
        stream.finish()
        await seconds_until(lambda: sessions(pool) == 1)
        await asyncio.sleep(0.3)
        stream.close()
        stream.close()
        assert await seconds_until(lambda: sessions(pool) == 0) < 1.0
        assert await hear(stream) == []
        assert pool.pids == pids


async def test_a_pool_that_closes_says_so_to_both_sides(pools: Pools) -> None:
    async with pools() as pool:
        stream = pool.open_stream(REQUEST, RATE)
        hearing = asyncio.create_task(hear(stream))
        await stream.send(noise(1))
        await pool.aclose()
        with pytest.raises(Unavailable):
            await hearing
        with pytest.raises(Unavailable):
            await stream.send(noise(1))
        with pytest.raises(Unavailable):
            pool.open_stream(REQUEST, RATE)


async def test_two_hundred_streams_dropped_rudely_leave_nothing(pools: Pools) -> None:
    async with pools(workers=2) as pool:
        descriptors = os.listdir("/proc/self/fd")
        tasks = asyncio.all_tasks()
        sizes = []
        for _ in range(14):  # it takes some rounds until memory is as large as it gets
            streams = [pool.open_stream(REQUEST, RATE) for _ in range(200)]
            hearing = [asyncio.create_task(hear(stream)) for stream in streams]
            for number, stream in enumerate(streams):
                await stream.send(noise(0.2 * (number % 4), seed=number))
                if number % 5 == 0:
                    stream.finish()
            for stream in streams:
                stream.close()
            await asyncio.wait(hearing)
            await seconds_until(lambda: sessions(pool) == 0)
            sizes.append(sum(resident_kb(pid) for pid in pool.pids))
        assert asyncio.all_tasks() == tasks
        assert os.listdir("/proc/self/fd") == descriptors
        assert not pool._streams._open
        assert pool.busy == 0
        assert sizes[-1] - sizes[7] < 2_000


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_the_event_loop_of_the_server_makes_no_difference(pools: Pools) -> None:
    async def main() -> None:
        async with pools(workers=2) as pool:
            expected = finals(await converse(pool, noise(10)))
            speaking = [asyncio.create_task(converse(pool, noise(10), speed=4)) for _ in range(6)]
            await asyncio.sleep(1)
            os.kill(pool.pids[0], signal.SIGKILL)
            assert [finals(await each) for each in speaking] == [expected] * 6

    uvloop.run(main())
