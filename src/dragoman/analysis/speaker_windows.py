"""Audio → who is heard where, by local numbers, and what these voices are like. Streaming, in bounded memory.

Every 4.8 s the segmentation hears ten seconds, of which the middle counts: up to three voices by local numbers
("slots"), at most two at once. The embedding network runs once over the audio; from its frames each slot's voice is
pooled in stretches of 1.92 s every 0.48 s, where nobody else is heard. A slot may hold two voices that take turns, so
what a slot says is only that two slots at once are two voices, and where a voice begins and ends. Where several are
heard all that is heard is pooled as well, in stretches of 0.48 s every 0.24 s: it sounds like the voice in front.

Whoever asks about the last seconds pays for the segmentation once more, and for what of the embedding is new: frames
that have heard all that is around them are kept.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dragoman.analysis.fbank import STEP, Floats, fbank
from dragoman.analysis.speaker_models import (
    DIMENSIONS,
    FRAME,
    FRAME_SIZE,
    SEGMENT_SAMPLES,
    SpeakerModels,
    segment_frame,
)
from dragoman.core.ports import SAMPLE_RATE

CELL_MS: Final = 20
_CELL: Final = SAMPLE_RATE * CELL_MS // 1000
_PER_FRAME: Final = FRAME // _CELL
_CELLS: Final = SEGMENT_SAMPLES // _CELL
_HOP: Final = 60
"""Frames of the embedding network from one window of the segmentation to the next: 4.8 s."""
_HOP_CELLS: Final = _HOP * _PER_FRAME
_EDGE: Final = 130
"""Cells of a window before its middle."""
_MARGIN: Final = 6
"""Frames on either side of those that are kept: what the network hears around them."""
_FRAMES: Final = 2 * _HOP - 1
"""Frames of a window whose margin lies inside it."""
_HEARD_AT_ONCE: Final = _HOP + 2 * _MARGIN
"""Frames, at most; over as many the mean of the features is taken."""
_BEFORE: Final = (_MARGIN + 1) * FRAME
_TAIL: Final = 240
"""Samples of the last features of a frame that lie behind it."""
_NEEDED: Final = _BEFORE + SEGMENT_SAMPLES + _TAIL
"""Samples, from the first margin to the end of the last frame of the filter bank."""
_STRETCH: Final = 24
_EVERY: Final = 6
_FRAME_S: Final = FRAME / SAMPLE_RATE
_LEAST_S: Final = 0.4
"""Of a voice in a stretch; less only where a slot has no more."""
_FAINT_S: Final = 0.1
"""What a stretch counts that is too short, or has others in it."""
_CROWD: Final = 6
_CROWD_EVERY: Final = 3
_LOUD: Final = 0.1
_HIGHEST_GAIN: Final = 30.0
_SEGMENT_FRAME = segment_frame(np.arange(_CELLS) * _CELL + _CELL // 2)

Flags = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Some seconds of audio from the cell ``first`` on, a cell being 20 ms.

    ``active [cells, 3]``: which slots are heard. Of each stretch of a slot: ``voices [n, 256]`` of length 1, ``slots
    [n]``, ``centres [n]`` in cells from ``first``, ``reach [n]`` to either side, ``seconds [n]`` of that voice alone.
    ``crowds [m, 256]``: what is heard where several slots are, all together, in the order of ``crowd_centres [m]``.
    """

    first: int
    active: Flags
    voices: Floats
    slots: Numbers
    centres: Floats
    reach: Floats
    seconds: Floats
    crowds: Floats
    crowd_centres: Floats


class SpeakerWindows:
    """One channel of audio, fed in pieces of any size. ``decide`` and ``rest`` are steps of at most about 50 ms of a
    processor, and then a region; one of them at a time."""

    def __init__(self, models: SpeakerModels) -> None:
        self._models = models
        self._held: Floats = np.zeros(_BEFORE, np.float32)
        self._new: list[Floats] = []
        self._steps = 0
        self._decided = 0
        self._frames: Floats = np.zeros((2 * _HOP, FRAME_SIZE), np.float32)
        """Of the window, from the frame before it on."""
        self._is_settled: Flags = np.zeros(2 * _HOP, bool)
        """Which of them more audio would not change."""

    @property
    def held_samples(self) -> int:
        """Audio that is kept."""
        return len(self._held) + sum(map(len, self._new))

    @property
    def is_full(self) -> bool:
        """There is enough to ``decide``."""
        return self.held_samples >= _NEEDED

    def feed(self, samples: Floats) -> None:
        self._new.append(samples.copy())

    def decide(self) -> Generator[None, None, Region]:
        """The next region, for good; all are decided but those of the last ten seconds at most."""
        region = yield from self._hear(is_last=False)
        self._decided += len(region.active)
        self._held = self._held[_HOP * FRAME :].copy()
        for values in (self._frames, self._is_settled):
            values[:_HOP] = values[_HOP:]
            values[_HOP:] = 0
        self._steps += 1
        return region

    def rest(self) -> Generator[None, None, Region]:
        """What is not decided yet, as if the audio ended here; goes on as if not asked."""
        return self._hear(is_last=True)

    def _hear(self, *, is_last: bool) -> Generator[None, None, Region]:
        self._held = held = np.concatenate([self._held, *self._new])
        self._new.clear()
        audio = held[_BEFORE : _BEFORE + SEGMENT_SAMPLES]
        window = np.zeros(SEGMENT_SAMPLES, np.float32)
        window[: len(audio)] = audio * _gain(audio)
        heard: Flags = self._models.segment(window)[_SEGMENT_FRAME]
        yield
        from_cell = self._decided - self._steps * _HOP_CELLS
        to_cell = min(-(-len(audio) // _CELL), _CELLS) if is_last else _EDGE + _HOP_CELLS
        heard[to_cell if is_last else _CELLS :] = False
        active = heard[from_cell:to_cell]
        region_slots = np.flatnonzero(active.any(0))
        weights, slots, starts, ends, seconds = _stretches(heard, from_cell, to_cell, region_slots)
        crowd_starts, crowd_weights = _crowds(heard, from_cell, to_cell)
        weights = np.concatenate([weights, crowd_weights])
        if len(slots):
            needed: Flags = np.concatenate([[False], np.any(weights, axis=0)])
            for half in (0, _HOP):
                missing = np.flatnonzero(needed[half : half + _HOP] & ~self._is_settled[half : half + _HOP])
                if len(missing):
                    yield from self._embed(held, half, half + int(missing[0]), half + int(missing[-1]) + 1)
            voices = self._models.pool(self._frames[1:], weights)
        else:
            voices = np.zeros((0, DIMENSIONS), np.float32)
        half_frame = _PER_FRAME / 2
        return Region(
            first=self._decided,
            active=active,
            voices=voices[: len(slots)],
            slots=slots,
            centres=((starts + ends) * half_frame - from_cell).astype(np.float32),
            reach=((ends - starts) * half_frame).astype(np.float32),
            seconds=seconds,
            crowds=voices[len(slots) :],
            crowd_centres=((crowd_starts + _CROWD / 2) * _PER_FRAME - from_cell).astype(np.float32),
        )

    def _embed(self, held: Floats, half: int, first: int, stop: int) -> Generator[None, None, None]:
        """The frames from ``first`` to ``stop`` of a half of the window; what lies outside the audio is zero."""
        complete = (len(held) - _TAIL) // FRAME
        # Frame n has its margin before it from n frames of the audio that is held on.
        earliest = _MARGIN + 1 if self._steps == 0 else 0
        start = max(earliest, min(half, complete - _HEARD_AT_ONCE))
        features = fbank(held[start * FRAME : (half + _HEARD_AT_ONCE) * FRAME + _TAIL])
        begin = max(first, earliest)
        places = range(*((each - start) * FRAME // STEP for each in (begin, stop + 2 * _MARGIN)))
        self._frames[first:stop] = 0
        if len(features) <= places.start:
            return
        part = features[places.start : places.stop] - features.mean(0)
        values = yield from self._models.frames_in_steps(part)
        at = max(first, begin - _MARGIN)
        found = values[at + _MARGIN - begin : stop + _MARGIN - begin]
        self._frames[at : at + len(found)] = found
        self._is_settled[first : min(stop, complete - 2 * _MARGIN)] = True


def _stretches(
    heard: Flags, from_cell: int, to_cell: int, slots: Numbers
) -> tuple[Floats, Numbers, Numbers, Numbers, Floats]:
    """Weights [n, frames of the window] of the stretches around a region, their slots, first frames, ends, seconds."""
    alone = heard & (heard.sum(1) == 1)[:, None]
    weights: list[Floats] = []
    places: list[tuple[int, int, int]] = []
    lengths: list[float] = []
    first = from_cell // _PER_FRAME - _STRETCH // 2
    grid = [
        (max(at, 0), min(at + _STRETCH, _FRAMES))
        for at in range(first - first % _EVERY, to_cell // _PER_FRAME + 1, _EVERY)
    ]

    def take(source: Floats, slot: int, start: int, end: int, seconds: float) -> None:
        weights.append(np.zeros(_FRAMES, np.float32))
        weights[-1][start:end] = source[start:end]
        places.append((slot, start, end))
        lengths.append(seconds)

    for slot in slots.tolist():
        single, anyhow = (
            flags[:, slot].reshape(-1, _PER_FRAME).mean(1)[:_FRAMES].astype(np.float32) for flags in (alone, heard)
        )
        enough = [(a, b, s) for a, b in grid if (s := float(single[a:b].sum()) * _FRAME_S) >= _LEAST_S]
        for start, end, seconds in enough:
            take(single, slot, start, end, seconds)
        if not enough and anyhow.any():
            on = np.flatnonzero(anyhow)
            source = single if single.sum() * _FRAME_S >= _LEAST_S / 2 else anyhow
            take(source, slot, int(on[0]), int(on[-1]) + 1, _FAINT_S)
    columns = np.array(places, np.intp).reshape(-1, 3).T
    rows = np.array(weights, np.float32).reshape(-1, _FRAMES)
    return rows, columns[0], columns[1], columns[2], np.array(lengths, np.float32)


def _crowds(heard: Flags, from_cell: int, to_cell: int) -> tuple[Numbers, Floats]:
    """First frames, and weights [m, frames of the window], of the stretches in a region that touch several voices."""
    several = np.flatnonzero(heard[from_cell:to_cell].sum(1) > 1) + from_cell
    grid = np.arange(0, _FRAMES, _CROWD_EVERY)
    after = np.minimum(several // _PER_FRAME, _FRAMES - 1)[:, None] - grid
    starts = grid[((after >= 0) & (after < _CROWD)).any(0)]
    since = np.arange(_FRAMES) - starts[:, None]
    return starts, ((since >= 0) & (since < _CROWD)).astype(np.float32)


def _gain(samples: Floats) -> np.float32:
    """What brings the loud part of the audio to -20 dB below full scale; silence is not raised without end."""
    length = SAMPLE_RATE // 40
    blocks = samples[: len(samples) // length * length].reshape(-1, length)
    if not len(blocks):
        return np.float32(1)
    loud = float(np.percentile(np.sqrt((blocks**2).mean(1)), 95))
    return np.float32(min(_LOUD / max(loud, 1e-6), _HIGHEST_GAIN))
