"""The workers with the real recogniser, over real recordings."""

from __future__ import annotations

import asyncio
import os
import signal
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.assemble import Assembler
from dragoman.core.events import Final, Opened
from dragoman.core.request import AudioEncoding, RecognitionRequest
from dragoman.core.transcript import Word
from dragoman.server.recognisers import build_pool
from dragoman.server.settings import Profile, load_settings
from dragoman.service.workers import WorkerPool
from recordings import encode

pytestmark = pytest.mark.model

REQUEST = RecognitionRequest(language="en")


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    one = {"default": Profile(mode="speed"), "accurate": Profile(mode="speed")}
    pool = build_pool(load_settings({"workers": 1, "profiles": one}, environ={}))
    await pool.start()
    yield pool
    await pool.aclose()


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_a_killed_worker_leaves_no_trace_in_the_transcript(
    pool: WorkerPool, sample: Callable[[str], Path]
) -> None:
    transcripts = []
    for kill in (False, True):
        assembler = Assembler()
        async with aclosing(pool.transcribe(sample("two_cities"), REQUEST)) as events:
            async for event in events:
                assembler.add(event)
                if kill and isinstance(event, Final):
                    os.kill(pool.pids[0], signal.SIGKILL)
                    kill = False
        transcripts.append(assembler.transcript())
    assert pool.restarts == 1
    assert transcripts[0] == transcripts[1]
    words = transcripts[0].words
    assert len(words) > 100
    assert "best of times" in transcripts[0].text
    assert all(word.start_ms <= word.end_ms <= after.start_ms for word, after in pairwise(words))


async def test_a_closed_file_takes_no_processor_time_after_a_second(
    pool: WorkerPool, sample: Callable[[str], Path]
) -> None:
    (pid,) = pool.pids
    async with aclosing(pool.transcribe(sample("two_cities"), REQUEST)) as events:
        assert isinstance(await anext(events), Opened)
        await asyncio.sleep(0.2)
    await asyncio.sleep(1)
    assert pool.pids == (pid,)
    assert pool.busy == 0
    before_s = processor_s(pid)
    await asyncio.sleep(0.5)
    assert processor_s(pid) - before_s < 0.03


async def live_words(
    pool: WorkerPool, recording: Path, *, kill_after: int = -1, encoding: AudioEncoding = AudioEncoding.PCM
) -> list[Word]:
    """The words of the finals of a recording sent as fast as it is taken; the worker is killed after one of them."""
    with wave.open(str(recording)) as file:
        rate, audio = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(audio, "<i2").astype(np.float32)[np.newaxis] / 32_768
    if encoding is AudioEncoding.FLAC:
        audio = encode(samples, rate, "flac", "flac")
    elif encoding is AudioEncoding.OGG_OPUS:
        audio = encode(samples, rate, "libopus", "ogg", page_duration="200000")
    stream = pool.open_stream(REQUEST, rate, encoding=encoding)
    piece = rate // 5 if encoding is AudioEncoding.PCM else 1_000

    async def say() -> None:
        for first in range(0, len(audio), piece):
            await stream.send(audio[first : first + piece])
        stream.finish()

    saying = asyncio.create_task(say())
    segments = []
    try:
        async with aclosing(stream.events()) as events:
            async for event in events:
                if isinstance(event, Final):
                    segments.append(event.segment)
                    if len(segments) == kill_after:
                        os.kill(pool.pids[0], signal.SIGKILL)
        await saying
    finally:
        saying.cancel()
        stream.close()
    indexes = [segment.index for segment in segments]
    assert indexes == sorted(set(indexes))
    return [word for segment in segments for word in segment.words]


async def test_live_speech_gives_the_words_of_the_file_also_when_the_worker_is_killed(
    pool: WorkerPool, sample: Callable[[str], Path]
) -> None:
    assembler = Assembler()
    async with aclosing(pool.transcribe(sample("two_cities"), REQUEST)) as events:
        async for event in events:
            assembler.add(event)
    expected = [spoken(word) for word in assembler.transcript().words]
    for kill_after in (-1, 3):
        heard = await live_words(pool, sample("two_cities"), kill_after=kill_after)
        assert SequenceMatcher(None, expected, [spoken(word) for word in heard], autojunk=False).ratio() > 0.9
        assert all(word.start_ms <= word.end_ms <= after.start_ms for word, after in pairwise(heard))
    assert pool.restarts == 1


async def test_encoded_speech_gives_nearly_the_words_of_pcm_also_when_the_worker_is_killed(
    pool: WorkerPool, sample: Callable[[str], Path]
) -> None:
    expected = [spoken(word) for word in await live_words(pool, sample("two_cities"))]
    assert len(expected) > 100
    for encoding, alike in ((AudioEncoding.FLAC, 0.999), (AudioEncoding.OGG_OPUS, 0.95)):
        for kill_after in (-1, 3):
            heard = await live_words(pool, sample("two_cities"), kill_after=kill_after, encoding=encoding)
            ratio = SequenceMatcher(None, expected, [spoken(word) for word in heard], autojunk=False).ratio()
            assert ratio >= (alike if kill_after < 0 else 0.9)
            assert all(word.start_ms <= word.end_ms <= after.start_ms for word, after in pairwise(heard))
    assert pool.restarts == 2


async def test_files_and_live_streams_on_one_worker_do_not_change_each_others_words(
    pool: WorkerPool, sample: Callable[[str], Path]
) -> None:
    async def words_of_file() -> list[str]:
        assembler = Assembler()
        async with aclosing(pool.transcribe(sample("beckett"), REQUEST)) as events:
            async for event in events:
                assembler.add(event)
        return [word.text for word in assembler.transcript().words]

    file = await words_of_file()
    live = [word.text for word in await live_words(pool, sample("endgame_nagg_nell"))]
    async with asyncio.TaskGroup() as tasks:
        streams = [tasks.create_task(live_words(pool, sample("endgame_nagg_nell"))) for _ in range(2)]
        files = [tasks.create_task(words_of_file()) for _ in range(3)]
    assert [await each for each in files] == [file] * 3
    assert [[word.text for word in await each] for each in streams] == [live] * 2


async def test_it_can_serve_a_few_streams_and_says_so(pool: WorkerPool) -> None:
    assert 1 <= pool.stream_capacity < 100


def spoken(word: Word) -> str:
    return "".join(filter(str.isalnum, word.text.lower()))
