"""What a recogniser hears in a golden case: the part of its file as a scripted pool plays it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dragoman.core.events import Final, Partial, SpeechEnded, SpeechStarted
from dragoman.core.spacing import joined
from dragoman.core.transcript import Character, Segment, SpeakerChange, Transcript, Word
from scripted import StreamStep


def heard(described: list[Any], *, confidence: float) -> list[StreamStep]:
    """``confidence`` is that of segments, and of words for which the case gives none."""
    steps: list[StreamStep] = []
    index = 0
    for step in described:
        match step:
            case int():
                steps.append(step)
            case {"partial": words}:
                said = _segment(index, words, confidence)
                steps += [SpeechStarted(index, 0, said.start_ms), Partial(said, step.get("rested", 0))]
            case {"final": words}:
                said = _segment(index, words, confidence)
                steps += [Final(said), SpeechEnded(index, 0, said.end_ms)]
                index += 1
    return steps


def _segment(index: int, described: list[list[Any]], confidence: float) -> Segment:
    words = tuple(Word(*word, *([confidence] if len(word) == 3 else [])) for word in described)
    text = " ".join(word.text for word in words)
    return Segment(index, 0, words[0].start_ms, words[-1].end_ms, text, confidence, words)


def transcript(described: dict[str, Any] | None) -> Transcript:
    """Of a file. ``words`` are lists of text, start, end and, if wanted, confidence (1) and characters, each with its
    start and end. All words of a segment are said by its ``speaker``. ``changes`` are lists of time and channel."""
    described = described or {"duration_ms": 1000, "segments": []}
    segments = []
    for index, segment in enumerate(described["segments"]):
        words = tuple(
            Word(text, start, end, *rest[:1], *([tuple(Character(*c) for c in rest[1])] if len(rest) > 1 else []))
            for text, start, end, *rest in ((*word, 1.0) if len(word) == 3 else word for word in segment["words"])
        )
        words = tuple(replace(word, speaker=segment.get("speaker")) for word in words)
        segments.append(
            Segment(
                index,
                segment.get("channel", 0),
                segment.get("start_ms", words[0].start_ms),
                segment.get("end_ms", words[-1].end_ms),
                segment.get("text", joined(word.text for word in words)),
                segment.get("confidence", 1.0),
                words,
            )
        )
    channels = tuple(described.get("channels", [0]))
    changes = tuple(SpeakerChange(*change) for change in described.get("changes", []))
    language, duration_ms = described.get("language", "en"), described["duration_ms"]
    return Transcript(language, "scripted", duration_ms, channels, tuple(segments), changes)
