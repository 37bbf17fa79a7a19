"""Laws of live streams that are encoded or have two channels, with real processes and the fake engine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from dragoman.core.errors import AudioTooLong, UndecodableAudio, UnsupportedAudio
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.ports import LiveStream
from dragoman.core.request import AudioEncoding, RecognitionRequest
from dragoman.core.transcript import Segment
from dragoman.service.workers import WorkerPool
from noise import LOUD, QUIET, RATE
from recordings import encode

pytestmark = pytest.mark.realtime

REQUEST = RecognitionRequest(language="en")
PCM, OPUS, FLAC = AudioEncoding.PCM, AudioEncoding.OGG_OPUS, AudioEncoding.FLAC

Pools = Callable[..., Any]


@pytest.fixture
def pools(tmp_path: Path) -> Pools:
    @asynccontextmanager
    async def running(max_duration_s: int = 3600, **script: Any) -> AsyncIterator[WorkerPool]:
        file = tmp_path / "script.json"
        file.write_text(json.dumps(script))
        pool = WorkerPool(
            (sys.executable, "-m", "dragoman.server.worker_main"),
            msgspec.json.encode(
                {"profiles": {"default": {"engine": "fake"}}, "openai_models": {}, "telecomx_engines": {}}
                | {"speechmatics_operating_points": {}, "phonexia_4_engines": {}}
                | {"max_duration_s": max_duration_s}
            ),
            workers=1,
            environment={"DRAGOMAN_FAKE_SCRIPT": str(file)},
        )
        await pool.start()
        try:
            yield pool
        finally:
            await pool.aclose()

    return running


def noise(seconds: float, channels: int = 1, peak: float = QUIET, seed: int = 1) -> np.ndarray:
    """Shape [channels, n], -1 to 1, such that 16 bits hold it exactly."""
    rng = np.random.default_rng(seed)
    return np.rint(peak * 32_767 * rng.uniform(-1, 1, (channels, round(seconds * RATE)))) / 32_768


def written(encoding: AudioEncoding, samples: np.ndarray) -> bytes:
    if encoding is PCM:
        return (samples.T * 32_768).astype("<i2").tobytes()
    if encoding is FLAC:
        return encode(samples, RATE, "flac", "flac")
    return encode(samples, RATE, "libopus", "ogg", page_duration="200000")


async def say(stream: LiveStream, data: bytes, piece: int, pause_s: float) -> None:
    for first in range(0, len(data), piece):
        await asyncio.sleep(pause_s)
        await stream.send(data[first : first + piece])
    stream.finish()


async def hear(stream: LiveStream, channels: int, each: Callable[[SpeechEvent], None]) -> list[SpeechEvent]:
    """All events; in each channel they must be in an order that is allowed."""
    heard: list[SpeechEvent] = []
    open_in: dict[int, int] = {}
    indices: defaultdict[int, list[int]] = defaultdict(list)
    async with aclosing(stream.events()) as events:
        async for event in events:
            match event:
                case SpeechStarted(index, channel):
                    assert channel not in open_in
                    assert index % channels == channel
                    assert not indices[channel] or index > indices[channel][-1]
                    indices[channel].append(index)
                    open_in[channel] = index
                case Partial(segment) | Final(segment):
                    assert open_in[segment.channel] == segment.index
                case SpeechEnded(index, channel):
                    assert open_in.pop(channel) == index
                case Finished():
                    assert not open_in
            heard.append(event)
            each(event)
    assert sum(isinstance(event, Finished) for event in heard) == 1
    assert isinstance(heard[-1], Finished)
    return heard


async def converse(
    pool: WorkerPool,
    data: bytes,
    encoding: AudioEncoding = PCM,
    *,
    channels: int = 1,
    piece: int = 3_000,
    pause_s: float = 0.0,
    each: Callable[[SpeechEvent], None] = lambda event: None,
) -> list[SpeechEvent]:
    stream = pool.open_stream(REQUEST, RATE, encoding=encoding, channels=channels)
    saying = asyncio.create_task(say(stream, data, piece, pause_s))
    try:
        heard = await hear(stream, channels, each)
        await saying
        return heard
    finally:
        saying.cancel()
        stream.close()


def finals(events: Sequence[SpeechEvent], channel: int = 0) -> list[Segment]:
    return [event.segment for event in events if isinstance(event, Final) and event.segment.channel == channel]


@pytest.mark.parametrize("piece", [100, 5_000, 1_000_000])
async def test_flac_says_what_pcm_says(pools: Pools, piece: int) -> None:
    samples = noise(7)
    async with pools() as pool:
        expected = await converse(pool, written(PCM, samples))
        heard = await converse(pool, written(FLAC, samples), FLAC, piece=piece)
    assert finals(heard) == finals(expected) != []
    assert heard[-1] == Finished(7_000, "en", "fake")


async def test_opus_has_its_segments_at_the_same_times(pools: Pools) -> None:
    samples = noise(12)
    async with pools() as pool:
        expected = finals(await converse(pool, written(PCM, samples)))
        heard = await converse(pool, written(OPUS, samples), OPUS)
    found = finals(heard)
    assert len(found) == len(expected) > 1
    assert all(abs(one.start_ms - other.start_ms) < 700 for one, other in zip(found, expected, strict=True))
    assert heard[-1] == Finished(12_000, "en", "fake")


async def test_two_channels_say_what_each_says_alone(pools: Pools) -> None:
    samples = noise(9, 2)
    samples[1, : 3 * RATE] = 0
    async with pools() as pool:
        alone = [finals(await converse(pool, written(PCM, samples[channel : channel + 1]))) for channel in (0, 1)]
        for encoding in (PCM, FLAC):
            heard = await converse(pool, written(encoding, samples), encoding, channels=2)
            assert heard[-1] == Finished(9_000, "en", "fake")
            for channel in (0, 1):
                expected = [replace(each, index=2 * each.index + channel, channel=channel) for each in alone[channel]]
                assert finals(heard, channel) == expected != []


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("encoding", [PCM, FLAC, OPUS])
async def test_a_killed_worker_loses_and_repeats_nothing(pools: Pools, encoding: AudioEncoding, channels: int) -> None:
    data = written(encoding, noise(15, channels))
    async with pools() as pool:
        expected = await converse(pool, data, encoding, channels=channels)
        kills = 0

        def kill(event: SpeechEvent) -> None:
            nonlocal kills
            at_ms = event.start_ms if isinstance(event, SpeechStarted) else 0
            if isinstance(event, Partial | Final):
                at_ms = event.segment.end_ms
            if pool.pids and at_ms > 4_000 * kills + 1_500:
                kills += 1
                os.kill(pool.pids[0], signal.SIGKILL)

        heard = await converse(pool, data, encoding, channels=channels, piece=len(data) // 150, pause_s=0.03, each=kill)
        assert pool.restarts >= 2
    assert heard[-1] == expected[-1] == Finished(15_000, "en", "fake")
    for channel in range(channels):
        one, other = finals(heard, channel), finals(expected, channel)
        if encoding is OPUS:  # what is decoded from the middle on differs a little, and noise is cut where it is
            assert [each.index for each in one] == sorted({each.index for each in one})
            assert all(before.end_ms <= after.start_ms for before, after in pairwise(one))
            assert sum(each.end_ms - each.start_ms for each in one) > 14_000
        else:
            assert one == other


async def test_a_worker_that_dies_before_the_header_is_complete_is_no_loss(pools: Pools) -> None:
    data = written(FLAC, noise(3))
    async with pools() as pool:
        expected = await converse(pool, data, FLAC)
        stream = pool.open_stream(REQUEST, RATE, encoding=FLAC)
        await stream.send(data[:20])
        await asyncio.sleep(0.3)
        os.kill(pool.pids[0], signal.SIGKILL)
        await asyncio.sleep(0.1)
        await say(stream, data[20:], 1_000, 0)
        assert finals(await hear(stream, 1, lambda event: None)) == finals(expected)
        stream.close()


async def test_what_is_not_as_said_ends_its_stream_and_no_other(pools: Pools) -> None:
    samples = noise(4)
    flac = written(FLAC, samples)
    async with pools() as pool:
        pids = pool.pids
        other = asyncio.create_task(converse(pool, flac, FLAC, pause_s=0.02))
        for encoding in (FLAC, OPUS):
            with pytest.raises(UndecodableAudio):
                await converse(pool, written(PCM, samples), encoding)
            with pytest.raises(UndecodableAudio):
                await converse(pool, b"\1", encoding)
            with pytest.raises(UnsupportedAudio):
                await converse(pool, written(encoding, samples), encoding, channels=2)
            assert await converse(pool, b"", encoding) == [Finished(0, "en", "fake")]
        with pytest.raises(UndecodableAudio):
            await converse(pool, flac[: len(flac) // 2] + bytes(200_000), FLAC)
        stream = pool.open_stream(REQUEST, 8_000, encoding=FLAC)
        with pytest.raises(UnsupportedAudio):
            await asyncio.gather(say(stream, flac, 1_000, 0), hear(stream, 1, lambda event: None))
        stream.close()
        assert finals(await other)
        assert pool.pids == pids


async def test_a_client_that_sends_faster_than_the_worker_takes_waits_and_little_is_kept(pools: Pools) -> None:
    data = written(FLAC, noise(60))
    async with pools(seconds_per_second=0.05) as pool:
        stream = pool.open_stream(REQUEST, RATE, encoding=FLAC)
        saying = asyncio.create_task(say(stream, data, 8_000, 0))
        most = 0

        def look(event: SpeechEvent) -> None:
            nonlocal most
            most = max(most, stream._kept.end - stream._kept.start)

        await hear(stream, 1, look)
        await saying
        stream.close()
    assert most < len(data) / 3


async def test_a_few_bytes_that_stand_for_much_audio_are_too_long(pools: Pools) -> None:
    silence = encode(np.zeros((1, 600 * RATE)), RATE, "flac", "flac")
    assert len(silence) * 100 < 600 * RATE * 2
    async with pools(max_duration_s=300) as pool:
        with pytest.raises(AudioTooLong):
            await converse(pool, silence, FLAC)
        assert finals(await converse(pool, written(FLAC, noise(3)), FLAC))


async def test_one_channel_that_fails_ends_the_stream(pools: Pools) -> None:
    samples = noise(4, 2)
    samples[1] *= LOUD / QUIET
    async with pools(mishaps=[{"above": 0.5, "kind": "error"}]) as pool:
        with pytest.raises(Exception, match="failed on this stream"):
            await converse(pool, written(PCM, samples), channels=2)
        assert finals(await converse(pool, written(PCM, noise(3))))
