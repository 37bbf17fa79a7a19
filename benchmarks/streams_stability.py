"""What partials show, by the events of the recogniser: Phonexia's results do not tell which words are stable, and a
partial that shows nothing new makes no result. As many streams at once as are promised, in real time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from itertools import pairwise

from benchmarks.partials import Shown, count
from benchmarks.streams_audio import SpokenStream
from benchmarks.streams_results import spread
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechStarted
from dragoman.core.ports import LiveStream
from dragoman.core.request import RecognitionRequest
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings
from dragoman.service.recognition import Recognition

_PIECE_MS = 100


def measure(streams: Sequence[SpokenStream]) -> dict[str, object]:
    utterances = asyncio.run(_play_all(streams))
    gaps_s = [
        (later_ms - earlier_ms) / 1000
        for utterance in utterances
        for earlier_ms, later_ms in pairwise(_moments(utterance))
    ]
    return {"streams": len(streams), "partial_gap_s": spread(gaps_s), **count(utterances)}


def _moments(utterance: Shown) -> list[int]:
    """Of its partials and its final."""
    return [at for at, _ in utterance.partials] + ([utterance.final[0]] if utterance.final else [])


async def _play_all(streams: Sequence[SpokenStream]) -> list[Shown]:
    recognition = build_recognition(Settings(max_concurrent_streams=len(streams)))
    try:
        await recognition.start()
        played = await asyncio.gather(*(_play(recognition, stream) for stream in streams))
    finally:
        await recognition.aclose()
    return [utterance for utterances in played for utterance in utterances]


async def _play(recognition: Recognition, stream: SpokenStream) -> list[Shown]:
    utterances: list[Shown] = []
    clock = asyncio.get_running_loop().time
    with recognition.live(RecognitionRequest(), stream.rate) as live:
        began = clock()
        sending = asyncio.create_task(_send(live, stream, began), name="audio")
        async with aclosing(live.events()) as events:
            async for event in events:
                now_ms = round(1000 * (clock() - began))
                match event:
                    case SpeechStarted(start_ms=start_ms):
                        utterances.append(Shown(start_ms))
                    case Partial():
                        utterances[-1].partials.append((now_ms, event))
                    case Final():
                        utterances[-1].final = (now_ms, event)
                    case SpeechEnded() | Finished():
                        pass
        await sending
    return utterances


async def _send(live: LiveStream, stream: SpokenStream, began: float) -> None:
    pcm, size = stream.pcm(), 2 * stream.rate * _PIECE_MS // 1000
    clock = asyncio.get_running_loop().time
    for number, at in enumerate(range(0, len(pcm), size), 1):
        await asyncio.sleep(began + number * _PIECE_MS / 1000 - clock())
        await live.send(pcm[at : at + size])
    live.finish()
