"""What a recogniser hears in a golden conversation: the steps of a case file as a scripted pool plays them."""

from __future__ import annotations

from typing import Any

from dragoman.core.events import Final, Partial, SpeechEnded, SpeechStarted
from dragoman.core.transcript import Segment, Word
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
