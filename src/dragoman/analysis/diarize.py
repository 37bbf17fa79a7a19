"""Who speaks when, by voice alone: for files and live streams.

The voices of all stretches that are long and clean are clustered (``speaker_clusters``); then every stretch votes for
the speakers it sounds like, in each slot of its region, and where two slots are heard they are two speakers
(``speaker_windows``). What was measured, and what else was tried: ``docs/decisions/0032-diarization.md``; of live
streams ``docs/decisions/0038-live-speakers.md``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from dragoman.analysis.fbank import Floats
from dragoman.analysis.speaker_change import change_score
from dragoman.analysis.speaker_clusters import Voices, no_voices, unit
from dragoman.analysis.speaker_models import DIMENSIONS, SLOTS, SpeakerModels, speaker_models_installed
from dragoman.analysis.speaker_windows import CELL_MS, Flags, Region, SpeakerWindows
from dragoman.core.ports import SAMPLE_RATE, Samples
from dragoman.core.speakers import Change, Diarization
from dragoman.core.transcript import Turn

_PER_MS: Final = SAMPLE_RATE // 1000
_CLEAN_S: Final = 1.0
"""Of one voice in a stretch, for the stretch to help to tell voices apart."""
_BRIDGED_MS: Final = 300
_SHORTEST_MS: Final = 100
_COMPARED_MS: Final = 4_000
_SPEAKING: Final = 0.1
"""Likeness by which those are ahead of others who were found speaking."""
_HEAVIEST: Final = np.float32(60_000)
"""Numbers of 16 bits end soon after; nobody is told better for having been heard longer."""
_RECOGNISED: Final = 0.5
"""Likeness from which on a speaker keeps the number that an earlier answer gave."""


class Diarizer:
    """The models: shared by any number of streams."""

    def __init__(self) -> None:
        self._models = SpeakerModels()
        self._loaded = False

    @property
    def is_installed(self) -> bool:
        """Whether the models are there; nothing is read to know it."""
        return speaker_models_installed()

    def load(self) -> None:
        """Raises ``EngineNotReady`` where the models are not installed. Loads once."""
        if not self._loaded:
            self._models.load()
            self._loaded = True

    def open(self, remembered: bytes = b"") -> SpeakerStream:
        """``remembered`` is what another stream remembered of the same people."""
        return SpeakerStream(self._models, remembered)


class SpeakerStream:
    """One channel of audio. Keeps ten seconds of it, what is not heard yet, and about three kilobytes for each second
    of speech that is not forgotten."""

    def __init__(self, models: SpeakerModels, remembered: bytes = b"") -> None:
        self._windows = SpeakerWindows(models)
        self._regions: list[Region] = []
        self._rest: Region | None = None
        """What is behind the regions, as it was heard last."""
        self._samples = 0
        self._heard = 0
        """Samples up to which there are regions, or a rest."""
        self._hearing: Generator[None, None, None] | None = None
        each = np.frombuffer(remembered, np.float16).astype(np.float32).reshape(-1, DIMENSIONS + 3)
        self._numbered: Floats = unit(each[:, :DIMENSIONS])
        """By number: the voice."""
        self._weight: Floats = each[:, DIMENSIONS:].copy()
        """By number: how long the mean of its stretches was when it was heard last, and their seconds; how many they
        are, 0 where it is not told from others any more."""
        standing = self._weight[:, 2] > 0
        length, seconds, stretches = self._weight[standing].T
        self._voices = no_voices(DIMENSIONS)
        if standing.any():
            self._voices = Voices(self._numbered[standing] * length[:, None], seconds, stretches.astype(np.intp))

    def feed(self, samples: Samples) -> None:
        """More audio, 16 kHz; a piece of any size."""
        audio = np.frombuffer(samples, np.float32)
        self._samples += len(audio)
        self._windows.feed(audio)

    def hear(self, to_ms: int = 0) -> bool:
        """Do up to 50 ms of what there is to do: decide what is ten seconds old, and hear what is before ``to_ms`` as
        if the audio ended here. Whether there was anything."""
        if self._hearing is None:
            if self._windows.is_full:
                self._hearing = self._decide()
            elif self._heard < min(to_ms * _PER_MS, self._samples):
                self._hearing = self._hear_rest(self._samples)
            else:
                return False
        try:
            next(self._hearing)
        except StopIteration:
            self._hearing = None
        return True

    def so_far(self, speakers: int = 0, *, since_ms: int = 0) -> Diarization:
        """Who speaks in what was heard; what ends after ``since_ms``.

        ``speakers``: how many there are, if that is known, else 0. As many are found if they can be told apart.
        Speakers are numbered from 0 as they begin to speak; a later answer keeps the numbers of an earlier one, but may
        think differently about who said what, above all about the last ten seconds.
        """
        regions = [*self._regions, self._rest] if self._rest is not None else self._regions
        voices = self._voices_in(regions).speakers(speakers)
        regions = [region for region in regions if (region.first + len(region.active)) * CELL_MS > since_ms]
        if not len(voices.means) or not regions:
            return Diarization()
        known = unit(voices.means)
        each = [_speaking(region, known) for region in regions]
        begin_ms, end_ms = regions[0].first * CELL_MS, self._samples // _PER_MS
        turns = _turns(np.concatenate(each), begin_ms, end_ms)
        in_front = [_in_foreground(region, flags, known) for region, flags in zip(regions, each, strict=True)]
        foreground = _turns(np.concatenate(in_front), begin_ms, end_ms, bridged_ms=0, shortest_ms=0)
        evidence = _Evidence(regions, known)
        changes = tuple(Change(later.start_ms, evidence.score(before, later)) for before, later in pairwise(turns))
        numbers = self._number(voices, known, dict.fromkeys(turn.speaker for turn in [*turns, *foreground]))

        def numbered(each: Sequence[Turn]) -> tuple[Turn, ...]:
            return tuple(replace(turn, speaker=numbers[turn.speaker]) for turn in each)

        return Diarization(numbered(turns), changes, numbered(foreground))

    def forget(self, before_ms: int) -> None:
        """Nobody will ask about what ends before; the voices stay."""
        self._regions = [each for each in self._regions if (each.first + len(each.active)) * CELL_MS > before_ms]

    def remembered(self) -> bytes:
        """The voices of those who have a number, half a kilobyte each."""
        weight = np.minimum(self._weight, _HEAVIEST)
        return np.concatenate([self._numbered, weight], axis=1).astype(np.float16).tobytes()

    @property
    def held_samples(self) -> int:
        """Audio that is kept."""
        return self._windows.held_samples

    def _decide(self) -> Generator[None, None, None]:
        region = yield from self._windows.decide()
        self._regions.append(region)
        self._voices = _with_clean(self._voices, region)
        self._rest = None
        self._heard = (region.first + len(region.active)) * CELL_MS * _PER_MS

    def _hear_rest(self, samples: int) -> Generator[None, None, None]:
        self._rest = yield from self._windows.rest()
        self._heard = samples

    def _voices_in(self, regions: Sequence[Region]) -> Voices:
        """With those of the rest, which is not decided; where nothing is clean, whatever there is."""
        voices = self._voices if self._rest is None else _with_clean(self._voices, self._rest)
        if not len(voices.means):
            for region in regions:
                voices = voices.plus(region.voices, region.seconds)
        return voices

    def _number(self, voices: Voices, known: Floats, speaking: Iterable[int]) -> dict[int, int]:
        """The numbers of those who are ``speaking``, in the order in which they begin: by likeness to who had one, and
        by how much of both was heard, since a cluster may lose a part that is more like what it was than the rest."""
        lengths = np.linalg.norm(voices.means, axis=1)
        weight = np.stack([lengths, voices.seconds, voices.stretches], axis=1).astype(np.float32)
        likeness = known @ self._numbered.T
        common = np.where(likeness < _RECOGNISED, 0, likeness * np.minimum.outer(voices.seconds, self._weight[:, 1]))
        numbers: dict[int, int] = {}
        self._weight[:, 2] = 0
        while common.size and common.max() > 0:
            row, column = divmod(int(common.argmax()), common.shape[1])
            numbers[row] = column
            self._numbered[column], self._weight[column] = known[row], weight[row]
            common[row], common[:, column] = 0, 0
        new = [row for row in speaking if row not in numbers]
        numbers |= {row: len(self._numbered) + at for at, row in enumerate(new)}
        self._numbered = np.concatenate([self._numbered, known[new]])
        self._weight = np.concatenate([self._weight, weight[new]])
        return numbers


def _with_clean(voices: Voices, region: Region) -> Voices:
    clean = region.seconds >= _CLEAN_S
    return voices.plus(region.voices[clean], region.seconds[clean])


def _speaking(region: Region, known: Floats) -> Flags:
    """[cells, speakers] of a region."""
    speaking = np.zeros((len(region.active), len(known)), bool)
    likeness = _likeness(region, known)
    heard = region.active & np.isfinite(likeness[:, :, 0])
    for slot in np.flatnonzero(heard.any(0)):
        cells = np.flatnonzero(heard[:, slot] & (heard.sum(1) == 1))
        speaking[cells, likeness[cells, slot].argmax(1)] = True
    both = np.flatnonzero(heard.sum(1) > 1)
    if len(both):
        slots = heard[both].argsort(1)[:, -2:]
        one, other = (likeness[both, slots[:, at]] for at in (0, 1))
        # Two slots are two speakers: of all pairs of different ones, that which is most like them.
        pairs = one[:, :, None] + other[:, None, :]
        if len(known) > 1:
            pairs[:, np.arange(len(known)), np.arange(len(known))] = -np.inf
        first, second = np.divmod(pairs.reshape(len(both), -1).argmax(1), len(known))
        speaking[both, first] = True
        speaking[both, second] = True
    return speaking


def _likeness(region: Region, known: Floats) -> Floats:
    """[cells, slots, speakers]: the mean of the slot's stretches around each cell, the nearer the more it counts; where
    there are none, that of the nearest cell with some. Minus infinity for a slot without any stretch."""
    cells = np.arange(len(region.active), dtype=np.float32) + np.float32(0.5)
    each = region.voices @ known.T
    likeness = np.full((len(cells), SLOTS, len(known)), -np.inf, np.float32)
    for slot in np.unique(region.slots):
        of_slot = region.slots == slot
        distance = np.abs(cells[:, None] - region.centres[of_slot]) / (region.reach[of_slot] + 2)
        counts = np.maximum(1 - distance, 0) * region.seconds[of_slot]
        total = counts.sum(1)
        covered = np.flatnonzero(total > 0)
        if not len(covered):
            likeness[:, slot] = each[of_slot][np.abs(region.centres[of_slot] - len(cells) / 2).argmin()]
            continue
        mean = counts[covered] @ each[of_slot] / total[covered, None]
        nearest = np.clip(np.searchsorted(covered, np.arange(len(cells))), 0, len(covered) - 1)
        likeness[:, slot] = mean[nearest]
    return likeness


def _in_foreground(region: Region, speaking: Flags, known: Floats) -> Flags:
    """[cells, speakers] of a region: who is alone, and where several speak, the one whom it sounds most like."""
    foreground = speaking.copy()
    crowded = np.flatnonzero(speaking.sum(1) > 1)
    if len(crowded):
        middle = crowded[:, None].astype(np.float32) + np.float32(0.5)
        nearest = np.abs(middle - region.crowd_centres).argmin(1)
        likeness = (region.crowds @ known.T)[nearest] + _SPEAKING * speaking[crowded]
        foreground[crowded] = False
        foreground[crowded, likeness.argmax(1)] = True
    return foreground


def _turns(
    speaking: Flags, start_ms: int, end_ms: int, bridged_ms: int = _BRIDGED_MS, shortest_ms: int = _SHORTEST_MS
) -> list[Turn]:
    """Runs of each speaker's cells, short pauses bridged; in the order of time. Times lie before ``end_ms``."""
    turns = []
    for speaker in range(speaking.shape[1]):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], speaking[:, speaker], [False]])))
        spans: list[tuple[int, int]] = []
        for start, end in (edges.reshape(-1, 2) * CELL_MS + start_ms).tolist():
            if spans and start - spans[-1][1] < bridged_ms:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        turns += [Turn(a, min(b, end_ms), speaker) for a, b in spans if b - a >= shortest_ms and a < end_ms]
    return sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms))


class _Evidence:
    """What is heard in turns, to compare them."""

    def __init__(self, regions: Sequence[Region], known: Floats) -> None:
        self._known = known
        self._voices = np.concatenate([region.voices for region in regions])
        self._seconds = np.concatenate([region.seconds for region in regions])
        centres = [(region.first + region.centres.astype(np.float64)) * CELL_MS for region in regions]
        self._centres_ms = np.concatenate(centres)
        self._speakers = (self._voices @ known.T).argmax(1)

    def score(self, before: Turn, later: Turn) -> float:
        distance = 1 - float(self._voice(before, from_end=True) @ self._voice(later, from_end=False))
        shorter = min(before.end_ms - before.start_ms, later.end_ms - later.start_ms)
        return change_score(is_other=before.speaker != later.speaker, distance=distance, shorter_ms=shorter)

    def _voice(self, turn: Turn, *, from_end: bool) -> Floats:
        """The mean of the stretches in a turn's end or beginning that sound like its speaker; the speaker's own where
        there are none."""
        start = max(turn.start_ms, turn.end_ms - _COMPARED_MS) if from_end else turn.start_ms
        end = turn.end_ms if from_end else min(turn.end_ms, turn.start_ms + _COMPARED_MS)
        inside = (self._centres_ms >= start) & (self._centres_ms <= end) & (self._speakers == turn.speaker)
        voice: Floats = self._seconds[inside] @ self._voices[inside] if inside.any() else self._known[turn.speaker]
        return voice / np.linalg.norm(voice)
