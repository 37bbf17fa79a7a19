"""The embedded engine: one segment of speech in, its words with their confidences out.

The recipe, step by step, with what each step is worth, is in ``docs/decisions/0012-moonshine.md``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import SAMPLE_RATE, Hypothesis, HypothesisWord, Samples
from dragoman.core.request import RecognitionRequest
from dragoman.engines.moonshine.beam import WINDOW, Beam, search
from dragoman.engines.moonshine.language_model import LanguageModel
from dragoman.engines.moonshine.model import Floats, MoonshineModel
from dragoman.engines.moonshine.selection import Scored, is_believable, least_expected_error
from dragoman.engines.moonshine.tokenizer import Tokenizer

_PACKAGE: Final = "moonshine_voice"
_LEVEL: Final = 10 ** (-14 / 20)
_PEAK: Final = 0.97
_SHORTEST: Final = int(1.5 * SAMPLE_RATE)
_SLOWER: Final = 0.95
_SMALLEST_HALF: Final = SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try. ``greedy_above``: accept a greedy hypothesis whose mean log-probability is higher than this.

    ``again_below``: decode a second time, slowed down, when the mean log-probability is lower than this.
    """

    beams: int
    language_weight: float
    again_below: float
    greedy_above: float = math.inf


EFFORTS: Final = {
    "speed": Effort(beams=4, language_weight=0.1, again_below=-0.4, greedy_above=-0.2),
    "balanced": Effort(beams=4, language_weight=0.1, again_below=-0.4),
    "accuracy": Effort(beams=8, language_weight=0.2, again_below=-0.4),
}


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to hear a segment."""

    beam: Beam
    text: str
    score: float

    @property
    def scored(self) -> Scored:
        return Scored(self.text, self.score)


class MoonshineEngine:
    def __init__(self, mode: str = "balanced", folder: Path | None = None) -> None:
        """``folder`` holds the model files; ``None``: those of the installed wheel."""
        self._effort = EFFORTS[mode]
        self._folder = folder

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            model="moonshine-tiny-en", version=importlib.metadata.version("moonshine-voice"), languages=("en",)
        )

    def load(self) -> None:
        folder = self._folder or _wheel_folder()
        try:
            self._tokenizer = Tokenizer.read(folder / "tokenizer.bin")
            self._model = MoonshineModel(folder)
            self._model.load()
        except Exception as error:
            raise EngineNotReady(f"the recogniser's model in {folder} cannot be read: {error}") from error
        self._language_model = LanguageModel()
        self._language_model.load()

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        audio = np.frombuffer(samples, np.float32)
        words = self._words(audio, cancelled)
        if not words:
            return Hypothesis()
        confidence = math.exp(sum(math.log(max(word.confidence, 1e-6)) for word in words) / len(words))
        return Hypothesis(tuple(words), confidence)

    def _words(self, audio: Floats, cancelled: Callable[[], bool]) -> list[HypothesisWord]:
        if not audio.any():
            return []
        reading = self._read(prepare(audio), cancelled)
        if is_believable(reading.text, reading.beam.mean) and reading.beam.complete:
            return self._confident_words(reading.beam)
        if len(audio) < 2 * _SMALLEST_HALF:
            return []
        # The model has lost its way in this audio; in shorter pieces it often finds it again.
        cut = quietest(audio)
        return self._words(audio[:cut], cancelled) + self._words(audio[cut:], cancelled)

    def _read(self, audio: Floats, cancelled: Callable[[], bool]) -> _Reading:
        effort = self._effort
        states = self._model.encode(audio)
        if effort.greedy_above < math.inf:
            greedy = search(self._model, states, len(audio), 1, cancelled)[0]
            if greedy.complete and greedy.mean > effort.greedy_above:
                return self._reading(greedy)
        readings = self._readings(search(self._model, states, len(audio), effort.beams, cancelled))
        if readings[0].beam.mean >= effort.again_below:
            return readings[0]
        slow = soxr.resample(audio, SAMPLE_RATE * _SLOWER, SAMPLE_RATE, quality="HQ").astype(np.float32)
        states = self._model.encode(slow)
        again = self._readings(search(self._model, states, len(slow), effort.beams, cancelled))
        both = [readings, again]
        number, place = least_expected_error([[reading.scored for reading in each] for each in both])
        return both[number][place]

    def _readings(self, beams: list[Beam]) -> list[_Reading]:
        """The hypotheses near the best, rescored as English, best first."""
        readings = [self._reading(beam) for beam in beams if beam.score >= beams[0].score - WINDOW]
        return sorted(readings, key=lambda reading: -reading.score)

    def _reading(self, beam: Beam) -> _Reading:
        text = self._tokenizer.decode(beam.tokens)
        return _Reading(
            beam, text, beam.score + self._effort.language_weight * self._language_model.score(text.split())
        )

    def _confident_words(self, beam: Beam) -> list[HypothesisWord]:
        words = []
        for text, tokens in self._tokenizer.words(beam.tokens):
            spoken = [at for at in tokens if any(c.isalnum() for c in self._tokenizer.decode([beam.tokens[at]]))]
            log_probability = sum(beam.log_probabilities[at] for at in spoken or tokens)
            words.append(HypothesisWord(text, calibrated(log_probability)))
        return words


def calibrated(log_probability: float) -> float:
    """The model's own probability of a word → how often such words are right, 0 to 1."""
    p = min(max(math.exp(log_probability), 1e-6), 1 - 1e-6)
    return 1 / (1 + math.exp(-(0.35 + 0.82 * math.log(p / (1 - p)))))


def prepare(audio: Floats) -> Floats:
    """To a common level; silence behind what is too short, which the model would complete to a stock phrase."""
    level = float(np.sqrt(np.mean(audio * audio)))
    gain = min(_LEVEL / max(level, 1e-6), _PEAK / max(float(np.abs(audio).max()), 1e-6))
    louder: Floats = audio * np.float32(gain)
    return np.pad(louder, (0, max(0, _SHORTEST - len(louder))))


def quietest(audio: Floats) -> int:
    """Where to cut audio in two: the middle of the quietest 50 ms of its middle half."""
    frame = SAMPLE_RATE // 20
    start, stop = len(audio) // 4, len(audio) * 3 // 4
    count = max(1, (stop - start) // frame)
    levels = [float(np.mean(audio[start + i * frame : start + (i + 1) * frame] ** 2)) for i in range(count)]
    return start + levels.index(min(levels)) * frame + frame // 2


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EngineNotReady("the package moonshine-voice, which carries the model, is not installed; run make setup")
    return Path(spec.origin).parent / "assets" / "tiny-en"
