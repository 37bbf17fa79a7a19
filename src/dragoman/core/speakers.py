"""Who says which word: words and turns → words with speakers. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from dragoman.core.transcript import Segment, SpeakerChange, Turn, Word


def with_speakers(segments: Sequence[Segment], turns: Sequence[Turn]) -> tuple[Segment, ...]:
    """The segments, in the order of their start, with every word given to whose turn it overlaps most, or to whose turn
    is nearest. Where the speaker changes inside a segment it becomes several, and all are numbered anew.

    Speakers of different channels are different people; they are numbered in the order of their first words, whatever
    their numbers in the turns were. In a channel without turns nobody is told apart.
    """
    said = [(segment, word) for segment in segments for word in segment.words]
    owners: dict[int, tuple[int, int] | None] = {}
    """By the identity of the word: channel and number of the speaker."""
    for channel in {segment.channel for segment in segments}:
        words = sorted((word for segment, word in said if segment.channel == channel), key=_start)
        spoken = sorted((turn for turn in turns if turn.channel == channel), key=lambda turn: turn.start_ms)
        for word, turn in _matched(words, spoken):
            owners[id(word)] = (channel, turn.speaker)
    numbers: dict[tuple[int, int], int] = {}
    for _, word in sorted(said, key=lambda pair: (pair[1].start_ms, pair[0].channel)):
        if (owner := owners.get(id(word))) is not None:
            numbers.setdefault(owner, len(numbers))

    def told(word: Word) -> Word:
        owner = owners.get(id(word))
        return word if owner is None else replace(word, speaker=numbers[owner])

    parts = (part for segment in segments for part in _by_speaker(segment, tuple(map(told, segment.words))))
    ordered = sorted(parts, key=lambda part: (part.start_ms, part.channel, part.index))
    return tuple(replace(part, index=index) for index, part in enumerate(ordered))


def _start(word: Word) -> int:
    return word.start_ms


def _matched(words: Iterable[Word], turns: Iterable[Turn]) -> Iterator[tuple[Word, Turn]]:
    """Both in the order of their start."""
    ahead = deque(turns)
    begun: list[Turn] = []
    for word in words:
        while ahead and ahead[0].start_ms < word.end_ms:
            begun.append(ahead.popleft())
        last = max(begun, key=lambda turn: turn.end_ms, default=None)
        begun = [turn for turn in begun if turn.end_ms > word.start_ms or turn is last]
        candidates = [*begun, *ahead][: len(begun) + 1]
        if candidates:
            yield word, max(candidates, key=lambda turn: _shared_ms(word, turn))


def _shared_ms(word: Word, turn: Turn) -> int:
    """How long both last together; below 0 how far they are apart."""
    return min(word.end_ms, turn.end_ms) - max(word.start_ms, turn.start_ms)


def _by_speaker(segment: Segment, words: tuple[Word, ...]) -> Iterator[Segment]:
    runs = [tuple(run) for _, run in groupby(words, lambda word: word.speaker)]
    if len(runs) < 2:
        yield replace(segment, words=words)
        return
    for run in runs:
        text = " ".join(word.text for word in run)
        yield replace(segment, start_ms=run[0].start_ms, end_ms=run[-1].end_ms, text=text, words=run)


def placed(changes: Iterable[SpeakerChange], segments: Sequence[Segment]) -> tuple[SpeakerChange, ...]:
    """Each change at the start of the first word that is for the most part after it; those that no word is between, or
    that come before the first word or after the last, say nothing and are left out."""
    found: set[SpeakerChange] = set()
    waiting: dict[int, list[int]] = {}
    for change in sorted(changes, key=lambda change: change.at_ms, reverse=True):
        waiting.setdefault(change.channel, []).append(change.at_ms)
    for channel, times in waiting.items():
        words = sorted((word for s in segments if s.channel == channel for word in s.words), key=_start)
        for number, word in enumerate(words):
            passed = False
            while times and 2 * times[-1] <= word.start_ms + word.end_ms:
                times.pop()
                passed = True
            if passed and number > 0:
                found.add(SpeakerChange(word.start_ms, channel))
    return tuple(sorted(found, key=lambda change: (change.at_ms, change.channel)))
