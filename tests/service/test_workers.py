"""Laws of the pool, with real processes, real signals and the fake engine's mishaps."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from dragoman.core.assemble import Assembler
from dragoman.core.errors import (
    EngineNotReady,
    InternalError,
    InvalidField,
    Unavailable,
    UndecodableAudio,
    UnknownModel,
    WorkerLost,
)
from dragoman.core.events import Final, Finished, Opened, RecognitionEvent
from dragoman.core.request import (
    ChannelMode,
    ChannelSelection,
    LanguageChoice,
    LanguageOption,
    RecognitionRequest,
    SpeakerRequest,
)
from dragoman.core.transcript import Transcript
from dragoman.service.workers import Timing, WorkerPool
from noise import LOUD, QUIET, noise_file

pytestmark = pytest.mark.realtime

REQUEST = RecognitionRequest(language="en")
PROFILES = {"default": {"engine": "fake"}, "accurate": {"engine": "fake"}}
COMMAND = (sys.executable, "-m", "dragoman.server.worker_main")

Pools = Callable[..., Any]


@pytest.fixture
def pools(tmp_path: Path) -> Pools:
    @asynccontextmanager
    async def running(workers: int = 1, timing: Timing | None = None, **script: Any) -> AsyncIterator[WorkerPool]:
        file = tmp_path / "script.json"
        file.write_text(json.dumps(script))
        pool = WorkerPool(
            COMMAND,
            msgspec.json.encode({"profiles": PROFILES}),
            workers=workers,
            environment={"DRAGOMAN_FAKE_SCRIPT": str(file)},
            timing=timing,
        )
        await pool.start()
        pids = pool.pids
        try:
            yield pool
        finally:
            pids += pool.pids
            await pool.aclose()
        assert not any(is_alive(pid) for pid in pids)

    return running


@pytest.fixture
def half_minute(tmp_path: Path) -> Path:
    return noise_file(tmp_path / "half.wav", [(29, QUIET)])


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    """Two minutes, long enough to be shared among workers."""
    return noise_file(tmp_path / "minutes.wav", [(120, QUIET)], seed=2)


@pytest.fixture
def poison(tmp_path: Path) -> Path:
    """Loud in the middle."""
    return noise_file(tmp_path / "poison.wav", [(12, QUIET), (6, LOUD), (6, QUIET)], seed=3)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


async def collect(
    pool: WorkerPool,
    media: Path,
    each: Callable[[RecognitionEvent], None] = lambda event: None,
    request: RecognitionRequest = REQUEST,
) -> Transcript:
    assembler = Assembler()
    last = -1
    async with aclosing(pool.transcribe(media, request)) as events:
        async for event in events:
            assembler.add(event)  # refuses a second Final of one index, and anything after the end
            if isinstance(event, Final):
                assert event.segment.index > last
                last = event.segment.index
            each(event)
    return assembler.transcript()


async def seconds_until(condition: Callable[[], bool]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


class Heartbeat:
    """Measures for how long the event loop was not answering."""

    async def __aenter__(self) -> Heartbeat:
        self.longest_s = 0.0
        self._task = asyncio.create_task(self._beat(), name="heartbeat")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            self.longest_s = max(self.longest_s, time.monotonic() - before - 0.005)


def kill_at(pool: WorkerPool, final: int) -> Callable[[RecognitionEvent], None]:
    """Kills a worker, by its pid, when so many segments have come."""
    seen = 0

    def each(event: RecognitionEvent) -> None:
        nonlocal seen
        if isinstance(event, Final):
            seen += 1
            if seen == final:
                os.kill(pool.pids[0], signal.SIGKILL)

    return each


# Death


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_killed_worker_leaves_no_trace_in_the_transcript(pools: Pools, minutes: Path, workers: int) -> None:
    async with pools(workers, seconds_per_second=0.01) as pool:
        undisturbed = await collect(pool, minutes)
        async with Heartbeat() as heart:
            disturbed = await collect(pool, minutes, kill_at(pool, 5))
        assert pool.restarts == 1
        assert heart.longest_s < 0.25
    assert disturbed == undisturbed
    assert len(disturbed.segments) > 20


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_killed_worker_does_not_change_who_speaks_which_language_nor_what_else_is_heard(
    pools: Pools, tmp_path: Path, workers: int
) -> None:
    parts = [(9.0, QUIET), (7.5, LOUD), (20.0, QUIET), (8.0, LOUD)]
    media = noise_file(tmp_path / "talk.wav", parts, [(44.5, QUIET)])
    request = RecognitionRequest(
        channels=ChannelSelection(ChannelMode.SPLIT),
        choice=LanguageChoice((LanguageOption("en"), LanguageOption("cs"))),
        speakers=SpeakerRequest(),
        audio_events=True,
    )
    can = {"languages": ["en", "cs"], "identifies": True, "sounds": ["Rain", "Applause"]}
    async with pools(workers, seconds_per_second=0.01, **can) as pool:
        undisturbed = await collect(pool, media, request=request)
        assert await collect(pool, media, kill_at(pool, 5), request) == undisturbed
        assert pool.restarts == 1
    assert undisturbed.language == "cs"
    assert [(event.label, event.channel) for event in undisturbed.audio_events] == [
        *[("Rain", 0), ("Rain", 1), ("Applause", 0), ("Rain", 0), ("Applause", 0)]
    ]
    assert {word.speaker for word in undisturbed.words} == {0, 1, 2}
    for channel, speakers in ((0, {0, 2}), (1, {1})):
        assert {segment.speaker for segment in undisturbed.channel(channel)} == speakers


async def test_a_worker_killed_again_and_again_still_delivers_while_it_gets_further(
    pools: Pools, minutes: Path
) -> None:
    async with pools(1, seconds_per_second=0.005) as pool:
        undisturbed = await collect(pool, minutes)
        kills = [kill_at(pool, final) for final in (2, 5, 9, 12, 20)]
        assert await collect(pool, minutes, lambda event: [kill(event) for kill in kills] and None) == undisturbed
        assert pool.restarts == 5


async def test_a_file_that_crashes_its_worker_fails_alone(pools: Pools, poison: Path, half_minute: Path) -> None:
    async with pools(1, seconds_per_second=0.005, mishaps=[{"above": 0.5, "kind": "crash"}]) as pool:
        alone = await collect(pool, half_minute)
        siblings = [asyncio.create_task(collect(pool, half_minute)) for _ in range(3)]
        with pytest.raises(WorkerLost, match="converting"):
            await collect(pool, poison)
        assert await asyncio.gather(*siblings) == [alone] * 3
        assert pool.restarts == 3
        assert await collect(pool, half_minute) == alone


async def test_a_crash_that_happens_once_is_not_noticed(pools: Pools, poison: Path, tmp_path: Path) -> None:
    mishap = {"above": 0.5, "kind": "crash", "times": 1, "tally": str(tmp_path / "tally")}
    async with pools(2, mishaps=[mishap]) as pool:
        disturbed = await collect(pool, poison)
        assert pool.restarts == 1
        assert await collect(pool, poison) == disturbed


async def test_an_exception_fails_the_file_and_not_the_worker(pools: Pools, poison: Path, half_minute: Path) -> None:
    async with pools(1, mishaps=[{"above": 0.5, "kind": "error"}]) as pool:
        pids = pool.pids
        with pytest.raises(InternalError):
            await collect(pool, poison)
        assert (await collect(pool, half_minute)).segments
        assert pool.pids == pids


async def test_a_worker_that_hangs_is_replaced(pools: Pools, poison: Path, half_minute: Path, tmp_path: Path) -> None:
    mishap = {"above": 0.5, "kind": "hang", "times": 1, "tally": str(tmp_path / "tally")}
    async with pools(1, Timing(stalled_after=1.0), mishaps=[mishap]) as pool:
        before = pool.pids
        first, second = await asyncio.gather(collect(pool, poison), collect(pool, half_minute))
        assert first.segments
        assert second.segments
        assert pool.pids != before
        assert pool.restarts == 1


async def test_a_worker_without_work_is_not_taken_for_stalled(pools: Pools, half_minute: Path) -> None:
    async with pools(1, Timing(stalled_after=0.2)) as pool:
        pids = pool.pids
        await asyncio.sleep(0.8)
        assert (await collect(pool, half_minute)).segments
        assert pool.pids == pids


async def test_whatever_is_killed_cancelled_and_poisoned_every_other_transcript_is_right(
    pools: Pools, poison: Path, half_minute: Path, tmp_path: Path
) -> None:
    rng = random.Random(4)
    files = [half_minute, *(noise_file(tmp_path / f"{n}.wav", [(n, QUIET)], seed=n) for n in (3, 10, 60))]
    started = time.monotonic()
    right = 0

    async with pools(2, seconds_per_second=0.005, mishaps=[{"above": 0.5, "kind": "crash"}]) as pool:
        expected = [await collect(pool, file) for file in files]

        def is_enough() -> bool:
            # A busy machine gets through less in the same time; what must have happened is the same.
            seconds = time.monotonic() - started
            return (seconds > 4 and right > 5 and pool.restarts > 5) or seconds > 60

        async def client() -> None:
            nonlocal right
            while not is_enough():
                number = rng.randrange(len(files))
                task = asyncio.create_task(collect(pool, files[number]))
                if rng.random() < 0.3:
                    await asyncio.sleep(rng.uniform(0, 0.3))
                    task.cancel()
                    await asyncio.wait([task])
                else:
                    assert await task == expected[number]
                    right += 1

        async def poisoner() -> None:
            while not is_enough():
                with pytest.raises(WorkerLost):
                    await collect(pool, poison)

        async def killer() -> None:
            # A file that is hit three times without getting further is rightly given up: between two kills some file
            # must have come to its end, and the replaced worker must have had time to start.
            while not is_enough():
                finished = right
                await asyncio.sleep(rng.uniform(0.5, 1))
                if pool.pids and right > finished:
                    with suppress(ProcessLookupError):  # the poison may have been quicker
                        os.kill(rng.choice(pool.pids), rng.choice([signal.SIGKILL, signal.SIGSEGV]))

        await asyncio.gather(client(), client(), client(), poisoner(), killer())
        assert right > 5
        assert pool.restarts > 5
        assert await seconds_until(lambda: not pool.busy) < 1.0


# Cancelling


async def test_a_closed_file_frees_its_worker_within_a_second(pools: Pools, half_minute: Path) -> None:
    async with pools(1, seconds_per_second=5) as pool:
        pids = pool.pids
        async with aclosing(pool.transcribe(half_minute, REQUEST)) as events:
            assert isinstance(await anext(events), Opened)
            await asyncio.sleep(0.1)
        assert await seconds_until(lambda: not pool.busy) < 1.0
        assert pool.pids == pids


async def test_a_cancelled_task_frees_its_workers(pools: Pools, minutes: Path) -> None:
    async with pools(2, seconds_per_second=5) as pool:
        opened = asyncio.Event()
        task = asyncio.create_task(collect(pool, minutes, lambda event: opened.set()))
        await opened.wait()
        await asyncio.sleep(0.1)
        assert pool.busy == 2
        task.cancel()
        assert await seconds_until(lambda: not pool.busy) < 1.0


async def test_a_worker_that_does_not_stop_is_replaced_and_its_other_files_go_on(
    pools: Pools, poison: Path, half_minute: Path
) -> None:
    async with pools(
        1, Timing(cancel_grace=0.3), seconds_per_second=0.01, mishaps=[{"above": 0.5, "kind": "hang"}]
    ) as pool:
        alone = await collect(pool, half_minute)
        other = asyncio.create_task(collect(pool, half_minute))
        async with aclosing(pool.transcribe(poison, REQUEST)) as events:
            async for event in events:
                if isinstance(event, Final) and event.segment.end_ms > 10_000:
                    break
            await asyncio.sleep(0.3)
        assert await other == alone
        assert pool.restarts == 1


# Sharing


async def test_a_short_file_does_not_wait_for_a_long_one(pools: Pools, minutes: Path, tmp_path: Path) -> None:
    short = noise_file(tmp_path / "short.wav", [(4, QUIET)])
    async with pools(1, seconds_per_second=0.02) as pool:
        ended: list[str] = []
        long = asyncio.create_task(collect(pool, minutes))
        long.add_done_callback(lambda _: ended.append("long"))
        await asyncio.sleep(0.2)
        await collect(pool, short)
        ended.append("short")
        await long
    assert ended == ["short", "long"]


async def test_a_long_file_is_shared_among_idle_workers(pools: Pools, minutes: Path) -> None:
    seconds = {}
    transcripts = []
    for workers in (1, 2):
        async with pools(workers, seconds_per_second=0.03) as pool:
            began = time.monotonic()
            transcripts.append(await collect(pool, minutes))
            seconds[workers] = time.monotonic() - began
    assert transcripts[0] == transcripts[1]
    assert seconds[2] < 0.7 * seconds[1]


async def test_urgent_work_goes_before_all_other(pools: Pools, minutes: Path, tmp_path: Path) -> None:
    short = noise_file(tmp_path / "short.wav", [(19, QUIET)])
    async with pools(1, seconds_per_second=0.02) as pool:
        others = [asyncio.create_task(collect(pool, minutes)) for _ in range(3)]
        await asyncio.sleep(0.2)
        began = time.monotonic()
        async with aclosing(pool.transcribe(short, REQUEST, urgent=True)) as events:
            async for event in events:
                last = event
        assert isinstance(last, Finished)
        assert time.monotonic() - began < 2 * 19 * 0.02 + 0.3  # alone it takes once that; with its turns, four times
        for task in others:
            task.cancel()
        await asyncio.wait(others)


async def test_a_reader_that_does_not_read_stops_its_own_file_and_no_other(
    pools: Pools, half_minute: Path, tmp_path: Path
) -> None:
    long = noise_file(tmp_path / "long.wav", [(600, QUIET)])
    async with pools(1, Timing(stalled_after=0.5)) as pool:
        whole = await collect(pool, long)
        async with aclosing(pool.transcribe(long, REQUEST)) as events:
            assembler = Assembler()
            assembler.add(await anext(events))
            for _ in range(3):
                await asyncio.sleep(0.4)  # longer in all than a worker may be silent
                await collect(pool, half_minute)
            file = next(iter(pool._files.open))
            assert 64 <= file.events.qsize() < 100
            async for event in events:
                assembler.add(event)
        assert assembler.transcript() == whole
        assert pool.restarts == 0


# Errors


async def test_errors_arrive_as_what_they_are(pools: Pools, half_minute: Path, tmp_path: Path) -> None:
    async with pools(1) as pool:
        (tmp_path / "text.wav").write_text("no recording")
        with pytest.raises(UndecodableAudio):
            await collect(pool, tmp_path / "text.wav")
        with pytest.raises(UnknownModel, match="accurate, default"):
            await anext(pool.transcribe(half_minute, RecognitionRequest(profile="best")))
        channels = ChannelSelection(ChannelMode.SPLIT, (7,))
        with pytest.raises(InvalidField):
            await anext(pool.transcribe(half_minute, RecognitionRequest(channels=channels)))


async def test_a_pool_that_closes_says_so_to_whoever_waits(pools: Pools, minutes: Path) -> None:
    async with pools(1, seconds_per_second=5) as pool:
        waiting = asyncio.create_task(collect(pool, minutes))
        await asyncio.sleep(0.2)
        await pool.aclose()
        with pytest.raises(Unavailable):
            await waiting
        with pytest.raises(Unavailable):
            await collect(pool, minutes)


async def test_an_engine_that_cannot_be_loaded_is_said_at_the_start(pools: Pools) -> None:
    with pytest.raises(EngineNotReady, match="script"):
        async with pools(2, surprises=1):
            pass


async def test_a_process_that_does_not_start_is_said_after_some_attempts() -> None:
    pool = WorkerPool((sys.executable, "-c", "raise SystemExit(3)"), b"{}", workers=1, timing=Timing(first_pause=0.01))
    with pytest.raises(EngineNotReady):
        await pool.start()
    assert pool.restarts == 3


def test_a_process_that_ends_before_it_is_told_anything_is_replaced() -> None:
    async def main() -> None:
        for _ in range(5):  # it is a matter of chance
            pool = WorkerPool(("true",), b"{}", workers=1, timing=Timing(first_pause=0.01))
            with pytest.raises(EngineNotReady):
                async with asyncio.timeout(10):
                    await pool.start()
            assert pool.restarts == 3

    uvloop.run(main())


async def test_a_process_that_breaks_the_protocol_is_not_listened_to() -> None:
    says_hello = "import sys; sys.stdout.write('hello, I am not a frame'); sys.stdout.flush(); sys.stdin.read()"
    pool = WorkerPool((sys.executable, "-c", says_hello), b"{}", workers=1, timing=Timing(first_pause=0.01))
    with pytest.raises(EngineNotReady):
        await pool.start()


async def test_a_worker_that_can_no_longer_be_started_fails_what_waits_for_it(
    pools: Pools, minutes: Path, tmp_path: Path
) -> None:
    async with pools(1, Timing(first_pause=0.01), seconds_per_second=0.05) as pool:
        waiting = asyncio.create_task(collect(pool, minutes))
        await asyncio.sleep(0.2)
        (tmp_path / "script.json").unlink()
        os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(EngineNotReady, match="script"):
            await waiting
        with pytest.raises(EngineNotReady, match="script"):
            await collect(pool, minutes)
        (tmp_path / "script.json").write_text("{}")
        await seconds_until(lambda: bool(pool.pids))
        assert (await collect(pool, minutes)).segments


# Tidiness


async def test_nothing_is_left_open_after_closing(pools: Pools, half_minute: Path) -> None:
    async with pools(1) as pool:
        pass
    before = open_descriptors()
    async with pools(2) as pool:
        await collect(pool, half_minute)
        os.kill(pool.pids[0], signal.SIGKILL)
        await collect(pool, half_minute)
    assert open_descriptors() == before


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.1])
async def test_a_start_that_is_cancelled_leaves_nothing(after_s: float) -> None:
    before = open_descriptors()
    pool = WorkerPool(COMMAND, msgspec.json.encode({"profiles": PROFILES}), workers=2)
    start = asyncio.create_task(pool.start())
    await asyncio.sleep(after_s)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert open_descriptors() == before


def test_the_event_loop_of_the_server_makes_no_difference(pools: Pools, minutes: Path) -> None:
    async def main() -> None:
        async with pools(2, seconds_per_second=0.01) as pool:
            undisturbed = await collect(pool, minutes)
            assert await collect(pool, minutes, kill_at(pool, 5)) == undisturbed
            async with aclosing(pool.transcribe(minutes, REQUEST)) as events:
                await anext(events)
            assert await seconds_until(lambda: not pool.busy) < 1.0

    uvloop.run(main())
