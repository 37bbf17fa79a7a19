"""How often a stable word of a live stream is wrong later. Phonexia's results do not tell which words are stable, so
this asks the recogniser itself, with as many streams at once as are promised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from benchmarks.scoring import normal
from benchmarks.streams_audio import SpokenStream
from benchmarks.streams_results import wrong_words
from dragoman.core.events import Final, Partial
from dragoman.core.ports import LiveStream
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Segment
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings
from dragoman.service.recognition import Recognition

_PIECE_MS = 100


@dataclass(slots=True)
class Stability:
    """Of any number of streams. Each word counts once: the longest stable beginning of an utterance has them all."""

    stable_words: int = 0
    stable_words_wrong: int = 0
    final_words: int = 0
    partials: int = 0

    def add(self, stable: Sequence[str], final: Sequence[str]) -> None:
        self.stable_words += len(stable)
        self.stable_words_wrong += wrong_words(stable, final)
        self.final_words += len(final)


def measure(streams: Sequence[SpokenStream]) -> dict[str, float]:
    stability = Stability()
    asyncio.run(_play_all(streams, stability))
    return {
        "streams": len(streams),
        "partials": stability.partials,
        "words": stability.final_words,
        "ever_stable_percent": round(100 * stability.stable_words / max(1, stability.final_words), 1),
        "stable_words_wrong_percent": round(100 * stability.stable_words_wrong / max(1, stability.stable_words), 2),
    }


async def _play_all(streams: Sequence[SpokenStream], stability: Stability) -> None:
    recognition = build_recognition(Settings(max_concurrent_streams=len(streams)))
    try:
        await recognition.start()
        await asyncio.gather(*(_play(recognition, stream, stability) for stream in streams))
    finally:
        await recognition.aclose()


async def _play(recognition: Recognition, stream: SpokenStream, stability: Stability) -> None:
    stable: list[str] = []
    with recognition.live(RecognitionRequest(), stream.rate) as live:
        sending = asyncio.create_task(_send(live, stream), name="audio")
        async with aclosing(live.events()) as events:
            async for event in events:
                match event:
                    case Partial(segment, stable_words):
                        stability.partials += 1
                        stable = max(stable, _normal(segment, stable_words), key=len)
                    case Final(segment):
                        stability.add(stable, _normal(segment, len(segment.words)))
                        stable = []
        await sending


async def _send(live: LiveStream, stream: SpokenStream) -> None:
    pcm, size = stream.pcm(), 2 * stream.rate * _PIECE_MS // 1000
    due = asyncio.get_running_loop().time()
    for at in range(0, len(pcm), size):
        due += _PIECE_MS / 1000
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        await live.send(pcm[at : at + size])
    live.finish()


def _normal(segment: Segment, words: int) -> list[str]:
    return [part for word in segment.words[:words] for part in normal(word.text)]
