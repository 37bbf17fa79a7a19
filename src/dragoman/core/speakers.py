"""Who speaks when, and says which word: words and turns → words with speakers. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

from dragoman.core.spacing import joined
from dragoman.core.transcript import Segment, SpeakerChange, Turn, Word


@dataclass(frozen=True, slots=True)
class Change:
    """A turn begins here; ``score``, 0 to 1, says how surely another speaker's."""

    at_ms: int
    score: float


@dataclass(frozen=True, slots=True)
class Diarization:
    """Turns of one channel in the order in which they begin, and where the speaker may change.

    ``foreground`` has one speaker at a time: who is alone, and of several at once who is heard best. So it says whose
    the words are that a recogniser has written down.
    """

    turns: tuple[Turn, ...] = ()
    changes: tuple[Change, ...] = ()
    foreground: tuple[Turn, ...] = ()


def speaker_changes(changes: Iterable[Change], sensitivity: float) -> tuple[int, ...]:
    """The times, in milliseconds, that a sensitivity from 0 to 1 takes."""
    return tuple(change.at_ms for change in changes if change.score >= 1 - sensitivity)


def with_speakers(segments: Sequence[Segment], turns: Sequence[Turn]) -> tuple[Segment, ...]:
    """The segments, in the order of their start, with every word given to its speaker (``assign``). Where the speaker
    changes inside a segment it becomes several, and all are numbered anew.

    Speakers of different channels are different people; they are numbered in the order of their first words, whatever
    their numbers in the turns were. In a channel without turns nobody is told apart.
    """
    said = [(segment, word) for segment in segments for word in segment.words]
    owners: dict[int, tuple[int, int] | None] = {}
    """By the identity of the word: channel and number of the speaker."""
    for channel in {segment.channel for segment in segments}:
        words = sorted((word for segment, word in said if segment.channel == channel), key=_start)
        spoken = [turn for turn in turns if turn.channel == channel]
        for word, speaker in zip(words, assign(words, spoken), strict=True):
            owners[id(word)] = None if speaker is None else (channel, speaker)
    numbers: dict[tuple[int, int], int] = {}
    for _, word in sorted(said, key=lambda pair: (pair[1].start_ms, pair[0].channel)):
        if (owner := owners.get(id(word))) is not None:
            numbers.setdefault(owner, len(numbers))

    def told(word: Word) -> Word:
        owner = owners.get(id(word))
        return word if owner is None else replace(word, speaker=numbers[owner])

    parts = (part for s in segments for part in by_speaker(replace(s, words=tuple(map(told, s.words)))))
    ordered = sorted(parts, key=lambda part: (part.start_ms, part.channel, part.index))
    return tuple(replace(part, index=index) for index, part in enumerate(ordered))


def assign(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[int | None, ...]:
    """Who says each word: the speaker whose turns cover most of it; if several do, the one of the word before, else who
    began first. A word outside all turns goes to the nearest. ``None`` only where there are no turns.
    """
    ordered = sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms, turn.speaker))
    if not ordered:
        return (None,) * len(words)
    starts = [turn.start_ms for turn in ordered]
    latest = list(accumulate((turn.end_ms for turn in ordered), max))
    speakers: list[int] = []
    for word in words:
        # All turns that touch the word lie between: later ones begin after it, none before has lasted until it.
        first, after = bisect_left(latest, word.start_ms), bisect_right(starts, word.end_ms)
        covered: dict[int, int] = {}
        for turn in ordered[first:after]:
            common = min(turn.end_ms, word.end_ms) - max(turn.start_ms, word.start_ms)
            if common >= 0:
                covered[turn.speaker] = covered.get(turn.speaker, 0) + common
        if not covered:
            before = [_last(ordered, latest, first)] if first else []
            nearest = min(before + ordered[after : after + 1], key=lambda turn: _gap(word, turn))
            covered = {nearest.speaker: 0}
        most = max(covered.values())
        equal = [speaker for speaker, common in covered.items() if common == most]
        speakers.append(speakers[-1] if speakers and speakers[-1] in equal else equal[0])
    return tuple(speakers)


def _last(ordered: Sequence[Turn], latest: Sequence[int], first: int) -> Turn:
    """Of the turns before ``first``, the one that ends last."""
    return ordered[bisect_left(latest, latest[first - 1], 0, first)]


def _gap(word: Word, turn: Turn) -> int:
    return max(turn.start_ms - word.end_ms, word.start_ms - turn.end_ms)


def _start(word: Word) -> int:
    return word.start_ms


def by_speaker(segment: Segment) -> Iterator[Segment]:
    """The segment in parts, each of which one person says."""
    runs = [tuple(run) for _, run in groupby(segment.words, lambda word: word.speaker)]
    if len(runs) < 2:
        yield segment
        return
    for run in runs:
        text = joined(word.text for word in run)
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
