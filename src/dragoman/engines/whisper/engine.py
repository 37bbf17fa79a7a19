"""Whisper as an engine: one segment of speech in, its words with their confidences out."""

from __future__ import annotations

import copy
import importlib.metadata
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np

from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import SAMPLE_RATE, Hypothesis, HypothesisWord, Samples, Utterance
from dragoman.core.request import RecognitionRequest
from dragoman.engines.guards import is_audible, is_guess, is_loop
from dragoman.engines.whisper.network import LONGEST_MS, Floats, Heard, WhisperNetwork
from dragoman.engines.words import TokenWord, begins_word, hypothesis_of, word_probability, words_of

_SMALLEST_HALF: Final = 2 * SAMPLE_RATE
_SILENCE: Final = 0.6
"""Probability that nobody speaks, above which words of which the model is not sure are not believed."""
BEAMS: Final = {"speed": 1, "balanced": 5, "accuracy": 10}


class WhisperEngine:
    def __init__(
        self, network: WhisperNetwork, mode: str = "balanced", language: str | None = None, draft_batch: int = 1
    ) -> None:
        """``language`` is what is spoken where a request does not say, ``None``: English."""
        self.network = network
        self._beams = BEAMS[mode]
        self._language = language
        self._draft_batch = draft_batch

    @property
    def capabilities(self) -> Capabilities:
        """Raises ``EngineNotReady`` when there is no complete model in the folder."""
        others = [language for language in self.network.languages if language != self._language]
        return Capabilities(
            model=self.network.folder.name,
            version=_version(),
            languages=(*([self._language] if self._language else ()), *others),
            max_segment_ms=LONGEST_MS,
            draft_batch=self._draft_batch,
        )

    def load(self) -> None:
        if self._language and self._language not in self.network.languages:
            raise EngineNotReady(
                f"the Whisper model in {self.network.folder} does not know {self._language!r}; install one that does, "
                f"or choose among {', '.join(self.network.languages)}"
            )
        self.network.load()

    def in_mode(self, mode: str) -> WhisperEngine:
        """The same loaded model, used with another effort."""
        other = copy.copy(self)
        other._beams = BEAMS[mode]
        return other

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        audio = np.frombuffer(samples, np.float32)
        language = self._spoken(request)
        words = self.network.run(lambda go_on: self._words(audio, language, go_on, may_halve=True), cancelled)
        return hypothesis_of(words)

    def open_utterance(self, request: RecognitionRequest) -> DraftedUtterance:
        return DraftedUtterance(self._spoken(request))

    def draft(self, batch: Sequence[tuple[Utterance, Samples]]) -> list[Hypothesis]:
        heard: dict[tuple[str, int], list[tuple[DraftedUtterance, Floats]]] = {}
        drafted: list[DraftedUtterance] = []
        for utterance, samples in batch:
            assert isinstance(utterance, DraftedUtterance)
            drafted.append(utterance)
            audio = np.frombuffer(samples, np.float32)
            if is_audible(audio):
                heard.setdefault((utterance.language, len(utterance.settled)), []).append((utterance, audio))
        for (language, _), alike in heard.items():
            for first in range(0, len(alike), self._draft_batch):
                self._redraft(language, alike[first : first + self._draft_batch])
        return [hypothesis_of(utterance.words) for utterance in drafted]

    def _redraft(self, language: str, batch: Sequence[tuple[DraftedUtterance, Floats]]) -> None:
        """All in this language, and with equally many tokens settled."""
        seconds = max(len(audio) for _, audio in batch) / SAMPLE_RATE
        network = self.network

        def work(go_on: Callable[[], None]) -> list[Heard]:
            states = network.encode_batch([audio for _, audio in batch])
            return network.decode(states, language, [utterance.settled for utterance, _ in batch], seconds, 1)

        for (utterance, _), heard in zip(batch, network.run(work), strict=True):
            believed = not is_guess(heard.mean) and not is_loop(network.text(heard.tokens)) and heard.complete
            utterance.take(heard, words_of(heard.tokens, network.text, language) if believed else [], network)

    def _spoken(self, request: RecognitionRequest) -> str:
        return request.language or self._language or "en"

    def _words(
        self, audio: Floats, language: str, go_on: Callable[[], None], *, may_halve: bool
    ) -> list[HypothesisWord]:
        if not is_audible(audio):
            return []
        network = self.network
        states = network.encode(audio)
        go_on()
        (heard,) = network.decode(states, language, [()], len(audio) / SAMPLE_RATE, self._beams)
        go_on()
        if heard.no_speech > _SILENCE and is_guess(heard.mean):
            return []
        if heard.complete and not is_guess(heard.mean) and not is_loop(network.text(heard.tokens)):
            return self._confident(states, language, heard.tokens, len(audio))
        if not may_halve or len(audio) < 2 * _SMALLEST_HALF:
            return []
        # In shorter pieces the model often finds its place again.
        cut = _quietest(audio)
        before, after = (self._words(part, language, go_on, may_halve=False) for part in (audio[:cut], audio[cut:]))
        return before + after

    def _confident(self, states: Any, language: str, tokens: list[int], length: int) -> list[HypothesisWord]:
        if not tokens:
            return []
        network = self.network
        probabilities = network.place(states, language, tokens, length).probabilities
        return [
            HypothesisWord(word.text, word_probability(word, tokens, probabilities, network.text))
            for word in words_of(tokens, network.text, language)
        ]


class DraftedUtterance:
    """What was said of an utterance so far. What is settled is given to the decoder as it was said."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.words: list[HypothesisWord] = []
        self.settled: list[int] = []
        """The tokens of the first words, which stay."""
        self._tokens: list[int] = []
        self._ends: list[int] = []
        """For each word how many tokens end with it."""
        self._stay = 0

    def settle(self, words: int) -> None:
        if words > self._stay:
            self._stay = words
            self.settled = self._tokens[: self._ends[words - 1]]

    def take(self, heard: Heard, words: Sequence[TokenWord], network: WhisperNetwork) -> None:
        """What follows the settled tokens. A piece that would grow the last settled word is left out."""
        if words and self._stay:
            said = network.text(heard.tokens[: words[0].tokens.stop])
            words = words if begins_word(said, self.language) else words[1:]
        sure = math.exp(min(0.0, heard.mean))
        skipped = words[0].tokens.start if words else 0
        before = len(self.settled)
        self._tokens = self.settled + (heard.tokens[skipped:] if words else [])
        self.words = self.words[: self._stay] + [HypothesisWord(word.text, sure) for word in words]
        self._ends = self._ends[: self._stay] + [before + word.tokens.stop - skipped for word in words]


def _quietest(audio: Floats) -> int:
    """Where to cut audio in two: the middle of the quietest 50 ms of its middle half."""
    frame = SAMPLE_RATE // 20
    start = len(audio) // 4
    frames = audio[start : start + (len(audio) // 2 // frame) * frame].reshape(-1, frame)
    return start + int(np.square(frames).mean(1).argmin()) * frame + frame // 2


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("ctranslate2")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
