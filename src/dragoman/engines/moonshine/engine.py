"""Moonshine's models: one segment of speech in, its words with their confidences out. The embedded one is tiny English.

The recipe, step by step, with what each step is worth, is in ``docs/decisions/0012-moonshine.md``.
"""

from __future__ import annotations

import copy
import importlib.metadata
import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from dragoman.audio.resample import Resampler
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import SAMPLE_RATE, Hypothesis, HypothesisWord, Samples, Utterance
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.guards import is_guess, is_loop, spoken, spoken_words
from dragoman.engines.moonshine.beam import TOKENS_PER_SECOND, Beam, search
from dragoman.engines.moonshine.biasing import Biasing
from dragoman.engines.moonshine.confidence import agreements, confidences, word_log_probability
from dragoman.engines.moonshine.draft import DraftedUtterance
from dragoman.engines.moonshine.folder import network_in
from dragoman.engines.moonshine.model import MoonshineModel
from dragoman.engines.moonshine.network import Floats, Network
from dragoman.engines.moonshine.selection import Scored, least_expected_error
from dragoman.engines.moonshine.tokenizer import Tokenizer
from dragoman.language.ngram import LanguageModel

_PACKAGE: Final = "moonshine_voice"
_OTHER_TOKENS_PER_SECOND: Final = 13.0
"""The same limit for other languages, which have more letters or bytes a token."""
_SLOWER: Final = int(0.95 * SAMPLE_RATE)
_LANGUAGE_WEIGHT: Final = 0.1
_SURE: Final = -0.4
"""Mean log-probability of a token above which the model is sure of itself."""
_SURE_OF_EVERY_STRETCH: Final = -0.8
"""The same of the five tokens in a row that it is least sure of: a sentence may be right but for its invented end."""
_TRUST: Final = 5.0
"""How much more the surer of two decodings counts."""
_CLOSE: Final = 3.0
"""Nats below the model's best that a hypothesis may be and still be chosen."""
_SMALLEST_HALF: Final = SAMPLE_RATE
_VOCABULARIES: Final = 8
"""How many clients' phrases are kept ready."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try. ``always_twice``: decode a second time, slowed down, also where the model is sure of itself."""

    beams: int
    always_twice: bool = False


EFFORTS: Final = {
    "speed": Effort(beams=4),
    "balanced": Effort(beams=8),
    "accuracy": Effort(beams=8, always_twice=True),
}
_SINGLE_EFFORTS: Final = {
    "speed": Effort(beams=1),
    "balanced": Effort(beams=4),
    "accuracy": Effort(beams=8),
}
"""Where each hypothesis costs a pass of the decoder of its own."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to hear a segment."""

    beam: Beam
    text: str
    score: float
    """Log-probability, the language model's part included."""

    @property
    def acoustic(self) -> Scored:
        return Scored(spoken_words(self.text), self.beam.score)

    @property
    def combined(self) -> Scored:
        return Scored(spoken_words(self.text), self.score)


@dataclass(frozen=True, slots=True)
class _Readings:
    """The n-best list of one decoding, and those of it that may be chosen, best first."""

    every: list[_Reading]
    choice: list[_Reading]


@dataclass(frozen=True, slots=True)
class _Preferences:
    """The phrases of a request, as the decoder and the language model need them."""

    biasing: Biasing | None = None
    words: frozenset[str] = frozenset()


class MoonshineEngine:
    def __init__(
        self,
        mode: str = "balanced",
        folder: Path | None = None,
        class_members: Callable[[str], Sequence[str]] = lambda name: (),
        languages: tuple[str, ...] = ("en",),
    ) -> None:
        """``folder`` holds the files of a model that knows ``languages``; ``None``: the English one of the installed
        wheel. ``class_members`` gives the members of a word class."""
        self._mode = mode
        self._folder = folder
        self._languages = languages
        self._is_english = languages[0] == "en"
        self._per_second = TOKENS_PER_SECOND if self._is_english else _OTHER_TOKENS_PER_SECOND
        self._class_members = class_members
        self._preferences = lru_cache(maxsize=_VOCABULARIES)(self._prepare_vocabulary)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            model="moonshine-tiny-en" if self._folder is None else self._folder.name,
            version=importlib.metadata.version("moonshine-voice" if self._folder is None else "onnxruntime"),
            languages=self._languages,
            phrases=True,
        )

    @property
    def network(self) -> Network:
        """Loaded."""
        return self._model

    def tokens(self, word: str) -> tuple[int, ...]:
        """Of a word as it stands in a text."""
        return self._tokenizer.encode_word(word)

    def load(self) -> None:
        folder = self._folder or _wheel_folder()
        self._model = MoonshineModel(folder) if self._folder is None else network_in(folder)
        try:
            self._model.load()
            self._tokenizer = Tokenizer.read(folder / "tokenizer.bin", self._languages[0], self._model.vocabulary)
        except Exception as error:
            raise EngineNotReady(f"the recogniser's model in {folder} cannot be read: {error}") from error
        self._language_model = LanguageModel() if self._is_english else None
        if self._language_model is not None:
            self._language_model.load()

    def in_mode(self, mode: str) -> MoonshineEngine:
        """The same loaded model, used with another effort."""
        other = copy.copy(self)
        other._mode = mode
        return other

    @property
    def _effort(self) -> Effort:
        return (EFFORTS if self._model.batches else _SINGLE_EFFORTS)[self._mode]

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        audio = np.frombuffer(samples, np.float32)
        return _hypothesis(self._words(audio, self._preferences(request.vocabulary), cancelled))

    def open_utterance(self, request: RecognitionRequest) -> DraftedUtterance:
        biasing = self._preferences(request.vocabulary).biasing
        return DraftedUtterance(self._model, self._tokenizer, biasing, self._per_second)

    def draft(self, batch: Sequence[tuple[Utterance, Samples]]) -> list[Hypothesis]:
        return [self._draft(utterance, np.frombuffer(samples, np.float32)) for utterance, samples in batch]

    def _draft(self, utterance: Utterance, audio: Floats) -> Hypothesis:
        assert isinstance(utterance, DraftedUtterance)
        if audio.any():
            utterance.redraft(audio)
        return _hypothesis(utterance.words())

    def _prepare_vocabulary(self, vocabulary: Vocabulary) -> _Preferences:
        """Words of the dictionary are preferred like phrases, where they are shown as they are spelt."""
        spelt = (Phrase(word.spelling) for word in vocabulary.words if word.display in (None, word.spelling))
        phrases = (*vocabulary.phrases, *spelt)
        if not phrases:
            return _Preferences()
        words = frozenset(word for phrase in phrases for word in spoken_words(phrase.text))
        return _Preferences(Biasing(phrases, self._tokenizer, self._class_members), words)

    def _words(self, audio: Floats, preferences: _Preferences, cancelled: Callable[[], bool]) -> list[HypothesisWord]:
        if not audio.any():
            return []
        decodings = self._decode(self._model.prepare(audio), preferences, cancelled)
        best = _best(decodings)
        if is_guess(best.beam.mean):
            return []
        if best.beam.complete and not is_loop(best.text):
            return self._confident_words(best, decodings)
        if len(audio) < 2 * _SMALLEST_HALF:
            return []
        # In shorter pieces the model often finds its place again.
        cut = quietest(audio)
        return self._words(audio[:cut], preferences, cancelled) + self._words(audio[cut:], preferences, cancelled)

    def _decode(self, audio: Floats, preferences: _Preferences, cancelled: Callable[[], bool]) -> list[_Readings]:
        """Once, and where the model is not sure of itself once more, slowed down."""
        first = self._readings(audio, preferences, cancelled)
        best = first.choice[0].beam
        if best.mean > _SURE and best.weakest > _SURE_OF_EVERY_STRETCH and not self._effort.always_twice:
            return [first]
        return [first, self._readings(slowed(audio), preferences, cancelled)]

    def _readings(self, audio: Floats, preferences: _Preferences, cancelled: Callable[[], bool]) -> _Readings:
        # The embedded model encodes a segment within the time in which it has to ask anyway.
        states = self._model.encode(audio, None if self._folder is None else cancelled)
        width, biasing = self._effort.beams, preferences.biasing
        beams = search(self._model, states, len(audio), width, cancelled, biasing, self._per_second)
        every = [self._reading(beam, preferences) for beam in beams]
        # Without this limit the language model would choose short nonsense over a long sentence.
        close = [reading for reading in every if reading.beam.score >= beams[0].score - _CLOSE]
        return _Readings(every, sorted(close, key=lambda reading: -reading.score))

    def _reading(self, beam: Beam, preferences: _Preferences) -> _Reading:
        text = self._tokenizer.spaced(beam.tokens)
        if self._language_model is None:
            return _Reading(beam, text, beam.score)
        return _Reading(
            beam, text, beam.score + _LANGUAGE_WEIGHT * self._language_model.score(text.split(), preferences.words)
        )

    def _confident_words(self, best: _Reading, decodings: list[_Readings]) -> list[HypothesisWord]:
        words = self._tokenizer.words(best.beam.tokens)
        lists = [[reading.acoustic for reading in readings.every] for readings in decodings]
        agreed = agreements([spoken(text) for text, _ in words], lists)
        beam = best.beam
        own = [word_log_probability(self._tokenizer, beam.tokens, beam.log_probabilities, word) for _, word in words]
        return [
            HypothesisWord(text, confidence)
            for (text, _), confidence in zip(words, confidences(own, agreed), strict=True)
        ]


def _hypothesis(words: Sequence[HypothesisWord]) -> Hypothesis:
    if not words:
        return Hypothesis()
    confidence = math.exp(sum(math.log(max(word.confidence, 1e-6)) for word in words) / len(words))
    return Hypothesis(tuple(words), confidence)


def _best(decodings: list[_Readings]) -> _Reading:
    if len(decodings) == 1:
        return decodings[0].choice[0]
    lists = [[reading.combined for reading in readings.choice] for readings in decodings]
    trusts = [math.exp(_TRUST * readings.choice[0].beam.mean) for readings in decodings]
    number, place = least_expected_error(lists, trusts)
    return decodings[number].choice[place]


def slowed(audio: Floats) -> Floats:
    """As if spoken a twentieth slower, and lower by as much."""
    resampler = Resampler(1)
    return np.concatenate([*resampler.feed(audio[:, None], _SLOWER), *resampler.finish()])[:, 0]


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
