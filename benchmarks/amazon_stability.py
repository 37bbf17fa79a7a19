"""What partial-results stabilisation brings, level by level: when words are shown and stay, how many change.

Real recordings are streamed in real time once; every level then tells the same events.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from benchmarks.scoring import normal
from benchmarks.streams_audio import SpokenStream, build_streams
from benchmarks.streams_results import wrong_words
from dragoman.apis.amazon_transcribe.parameters import Parameters
from dragoman.apis.amazon_transcribe.result import TranscriptResults
from dragoman.apis.amazon_transcribe.stability import Stability
from dragoman.apis.amazon_transcribe.wire import Item, Result
from dragoman.core.events import SpeechEvent
from dragoman.core.ports import LiveStream
from dragoman.core.request import RecognitionRequest
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings
from dragoman.service.recognition import Recognition

_STREAMS = 4
"""At once, of a minute each."""
_PIECE_MS = 100
Heard = list[tuple[float, SpeechEvent]]
"""Events, and the second of the stream at which each came."""


@dataclass(slots=True)
class Level:
    """Of any number of streams; delays are seconds from the end of a word."""

    shown_s: list[float] = field(default_factory=list)
    """Until a word of the final's place was shown."""
    stays_s: list[float] = field(default_factory=list)
    """Until it was stable."""
    shown: int = 0
    """Words that the finals have."""
    changed: int = 0
    """Words that were shown and are not in the next result of their segment."""
    errors: int = 0
    """Of the finals, against the finals without stabilisation."""

    @property
    def changed_percent(self) -> float:
        return 100 * self.changed / max(1, self.shown)


def measure(audio: Path) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        heard = asyncio.run(_listen(build_streams(audio, Path(folder), _STREAMS)))
    plain = [_finals(_told(events, None)) for events in heard]
    return {level or "none": _figures(count(heard, level, plain)) for level in (None, *Stability)}


def _figures(level: Level) -> dict[str, object]:
    return {
        "shown_s": _middle(level.shown_s),
        "stable_s": _middle(level.stays_s),
        "changed": level.changed,
        "changed_percent": round(level.changed_percent, 1),
        "final_words_differ_percent": round(100 * level.errors / max(1, level.shown), 1),
    }


def _middle(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(median(values), 2), "mean": round(fmean(values), 2)} if values else {}


async def _listen(streams: Sequence[SpokenStream]) -> list[Heard]:
    recognition = build_recognition(Settings(max_concurrent_streams=len(streams)))
    try:
        await recognition.start()
        return await asyncio.gather(*(_play(recognition, stream) for stream in streams))
    finally:
        await recognition.aclose()


async def _play(recognition: Recognition, stream: SpokenStream) -> Heard:
    clock = asyncio.get_running_loop().time
    heard: Heard = []
    with recognition.live(RecognitionRequest(), stream.rate) as live:
        began = clock()
        sending = asyncio.create_task(_send(live, stream, began), name="audio")
        async with aclosing(live.events()) as events:
            async for event in events:
                heard.append((clock() - began, event))
        await sending
    return heard


async def _send(live: LiveStream, stream: SpokenStream, began: float) -> None:
    pcm, size = stream.pcm(), 2 * stream.rate * _PIECE_MS // 1000
    due = began
    for at in range(0, len(pcm), size):
        due += _PIECE_MS / 1000
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        await live.send(pcm[at : at + size])
    live.finish()


def _told(heard: Heard, level: Stability | None) -> list[tuple[float, Result]]:
    results = TranscriptResults(Parameters(("en-US",), 16_000, "session", stability=level))
    told = []
    for at_s, event in heard:
        results.deliver(event)
        told += [(at_s, result) for result in results.take()]
    return told


def _finals(told: Iterable[tuple[float, Result]]) -> list[str]:
    return [word for _, result in told if not result.IsPartial for word in _words(result)]


def count(heard: Sequence[Heard], level: Stability | None, plain: Sequence[list[str]]) -> Level:
    measured = Level()
    for events, expected in zip(heard, plain, strict=True):
        told = _told(events, level)
        measured.errors += wrong_words(_finals(told), expected)
        segments: dict[str, list[tuple[float, Result]]] = {}
        for at_s, result in told:
            segments.setdefault(result.ResultId, []).append((at_s, result))
        for results in segments.values():
            _add(measured, results)
    return measured


def _add(measured: Level, told: Sequence[tuple[float, Result]]) -> None:
    """The results of one segment."""
    before: list[str] = []
    for _, result in told:
        words = _words(result)
        measured.changed += wrong_words(before, words)
        before = words
    spoken = _spoken(told[-1][1])
    measured.shown += len(before)
    for place, item in enumerate(spoken):
        shown = next(at_s for at_s, result in told if len(_spoken(result)) > place)
        measured.shown_s.append(shown - item.EndTime)
        if item.Stable is True:
            stays = next(at_s for at_s, result in told if sum(bool(each.Stable) for each in _spoken(result)) > place)
            measured.stays_s.append(stays - item.EndTime)


def _spoken(result: Result) -> list[Item]:
    return [item for item in result.Alternatives[0].Items if item.Type == "pronunciation"]


def _words(result: Result) -> list[str]:
    return normal(result.Alternatives[0].Transcript)
