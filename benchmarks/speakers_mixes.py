"""Conversations put together from recordings of single voices, with who said what and when.

A mix is drawn from a seed: turns of one or two clips, or of the beginning of one; pauses of 0.1 to 0.8 s between them
or, where voices are to overlap, beginnings inside the turn before; each voice at a level of its own, over faint noise.
Words are where forced alignment of the known text finds them; voices of which no English text is known have none. Clips
cut out of a long recording are speech where voice activity says so, the others in their words. Who pauses for less than
0.3 s speaks on.
"""

from __future__ import annotations

import importlib.util
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import soxr

from benchmarks.recordings import Recording, read_manifest
from dragoman.analysis.align import PocketSphinxAligner
from dragoman.audio.vad import FRAME, SileroVad
from dragoman.core.ports import SAMPLE_RATE

Floats = npt.NDArray[np.float32]
Span = tuple[int, int]
"""From, to: milliseconds."""

PER_MS = SAMPLE_RATE // 1000
BRIDGED_MS = 300
SHORTEST_MS = 100
"""What voice activity hears for less time is no word."""
NOISE = 10 ** (-65 / 20)
LEVEL = 10 ** (-23 / 20)
CITIES = """
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was
the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness, it
was the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were
all going direct to Heaven, we were all going direct the other way: in short, the period was so far like the present
period, that some of its noisiest authorities insisted on its being received, for good or for evil, in the superlative
degree of comparison only.
"""
"""What the recogniser's wheel has read: Charles Dickens, "A Tale of Two Cities"."""


@dataclass(frozen=True)
class Spoken:
    speaker: str
    start_ms: int
    end_ms: int
    text: str = ""

    def later(self, shift_ms: int) -> Spoken:
        return replace(self, start_ms=self.start_ms + shift_ms, end_ms=self.end_ms + shift_ms)


@dataclass(frozen=True)
class Clip:
    samples: Floats
    spoken: tuple[Span, ...]
    words: tuple[Spoken, ...]

    def until(self, piece: int) -> Clip:
        """Its beginning, with so many spans."""
        end = self.spoken[piece - 1][1]
        words = tuple(word for word in self.words if word.start_ms + word.end_ms <= 2 * end)
        return Clip(self.samples[: (end + 50) * PER_MS], self.spoken[:piece], words)


@dataclass(frozen=True)
class Mix:
    name: str
    samples: Floats
    words: tuple[Spoken, ...]
    turns: tuple[Spoken, ...]
    """Each speaker's own, not overlapping; those of different ones may."""

    @property
    def speakers(self) -> set[str]:
        return {turn.speaker for turn in self.turns}


def bridged(spans: Iterable[Span], longest_ms: int = BRIDGED_MS) -> list[Span]:
    """Spans in the order of time, those with less between them joined."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < longest_ms:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


class Voices:
    """Clips of one voice each, by the name of the voice."""

    _FOLDERS: ClassVar = {"lj": ("read/lj_", "read/lhotse_LJ", "read/speechbrain_LJ"), "dc": ("accented/",),
               "austen": ("read/pocketsphinx_sense",)}  # fmt: skip
    _LONG: ClassVar = {name: f"languages/{name}" for name in ("it_watson", "ru_vosk", "fr_watson", "de_watson")}

    def __init__(self, audio: Path) -> None:
        self._recordings = read_manifest(audio)
        self._clips: dict[str, list[Clip]] = {}

    def clips(self, voice: str) -> list[Clip]:
        if voice not in self._clips:
            self._clips[voice] = list(self._read(voice))
        return self._clips[voice]

    def _read(self, voice: str) -> Iterable[Clip]:
        if prefixes := self._FOLDERS.get(voice):
            for recording in self._recordings:
                if recording.name.startswith(prefixes):
                    yield self._whole(voice, recording)
        elif voice == "cities":
            samples = _sample("two_cities")
            yield from self._cut(samples, self._aligned(voice, samples, CITIES))
        else:
            (recording,) = (each for each in self._recordings if each.name.startswith(self._LONG[voice]))
            yield from self._cut(recording.samples(), ())

    def _whole(self, voice: str, recording: Recording) -> Clip:
        samples = recording.samples()
        words = self._aligned(voice, samples, recording.text or "")
        spoken = tuple((word.start_ms, word.end_ms) for word in words)
        return Clip(_levelled(samples, spoken), spoken, words)

    def _aligned(self, voice: str, samples: Floats, text: str) -> tuple[Spoken, ...]:
        words = text.split()
        times = self._aligner.align(np.ascontiguousarray(samples).data, words)
        return tuple(Spoken(voice, time.start_ms, time.end_ms, word) for word, time in zip(words, times, strict=True))

    def _cut(self, samples: Floats, words: Sequence[Spoken]) -> Iterable[Clip]:
        """At pauses, after two seconds or more."""
        active = self._voice_activity.open().feed(samples) > 0.5
        edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]))).reshape(-1, 2)
        islands = bridged(((int(a) * FRAME // PER_MS, int(b) * FRAME // PER_MS) for a, b in edges), 200)
        islands = [(start, end) for start, end in islands if end - start >= SHORTEST_MS]
        pieces: list[Span] = []
        for at, island in enumerate(islands):
            pieces.append(island)
            last = at == len(islands) - 1
            if last or pieces[-1][1] - pieces[0][0] >= 2_000:
                start = max(0, pieces[0][0] - 50)
                spoken = tuple((a - start, b - start) for a, b in pieces)
                end = pieces[-1][1] + 50
                inside = tuple(w.later(-start) for w in words if 2 * start <= w.start_ms + w.end_ms < 2 * end)
                yield Clip(_levelled(samples[start * PER_MS : end * PER_MS], spoken), spoken, inside)
                pieces = []

    @cached_property
    def _aligner(self) -> PocketSphinxAligner:
        aligner = PocketSphinxAligner()
        aligner.load()
        return aligner

    @cached_property
    def _voice_activity(self) -> SileroVad:
        network = SileroVad()
        network.load()
        return network


def mix(voices: Voices, names: Sequence[str], seconds: float, overlap: float, seed: int, half: int) -> Mix:
    """Of every second clip of each voice, the even or the odd ones; ``overlap`` is the share of the time spoken."""
    draw = np.random.default_rng([seed, half, *(ord(letter) for name in names for letter in name)])
    stock = {name: voices.clips(name)[half::2] for name in names}
    left: dict[str, list[Clip]] = {name: [] for name in names}
    level = {name: 10 ** (draw.uniform(-4, 4) / 20) for name in names}
    mixed = np.zeros(round((seconds + 30) * SAMPLE_RATE), np.float32)
    words: list[Spoken] = []
    spoken: dict[str, list[Span]] = {name: [] for name in names}
    end = begin = double = 0
    speaker = ""
    while end < seconds * 1000:
        speaker = str(draw.choice([name for name in names if name != speaker]))
        length = 0
        for piece in range(int(draw.integers(1, 3))):
            if not left[speaker]:
                left[speaker] = [stock[speaker][at] for at in draw.permutation(len(stock[speaker]))]
            clip = left[speaker].pop()
            if draw.random() < 0.25 and len(clip.spoken) > 1:
                clip = clip.until(int(draw.integers(1, len(clip.spoken))))
            duration = len(clip.samples) // PER_MS
            start = end + int(draw.integers(100, 800))
            if piece == 0 and end and double < overlap * end:
                free = max([spans[-1][1] for name, spans in spoken.items() if name == speaker and spans], default=0)
                start = max(end - int(draw.uniform(0.3, 0.8) * min(duration, end - begin)), free + 100)
            double += max(0, end - start)
            if piece == 0:
                begin = start
            mixed[start * PER_MS : start * PER_MS + len(clip.samples)] += clip.samples * level[speaker]
            spoken[speaker] += [(start + a, start + b) for a, b in clip.spoken]
            words += [word.later(start) for word in clip.words]
            length = start + duration
            end = max(end, length)
    mixed = mixed[: (end + 500) * PER_MS]
    mixed += draw.normal(0, NOISE, len(mixed)).astype(np.float32)
    turns = [Spoken(name, a, b) for name, spans in spoken.items() for a, b in bridged(spans)]
    return Mix(
        f"{'+'.join(names)} {seed}",
        np.clip(mixed, -1, 1),
        tuple(sorted(words, key=lambda word: word.start_ms)),
        tuple(sorted(turns, key=lambda turn: turn.start_ms)),
    )


def _levelled(samples: Floats, spoken: Sequence[Span]) -> Floats:
    voice = np.concatenate([samples[a * PER_MS : b * PER_MS] for a, b in spoken])
    levelled: Floats = samples * np.float32(LEVEL / np.sqrt(np.mean(voice**2)))
    return levelled


def _sample(name: str) -> Floats:
    """A recording that the recogniser's wheel carries."""
    spec = importlib.util.find_spec("moonshine_voice")
    assert spec is not None
    assert spec.origin is not None
    with wave.open(str(Path(spec.origin).parent / "assets" / f"{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        resampled: Floats = soxr.resample(samples, file.getframerate(), SAMPLE_RATE)
    return resampled
