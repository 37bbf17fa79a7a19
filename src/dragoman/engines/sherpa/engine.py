"""A model of sherpa-onnx as an engine: one segment of speech in, its words with their confidences out."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import Hypothesis, HypothesisWord, Samples, Utterance
from dragoman.core.request import RecognitionRequest
from dragoman.engines.guards import is_audible, is_loop
from dragoman.engines.sherpa.align import Places
from dragoman.engines.sherpa.heard import Heard, HeardWord, words_in
from dragoman.engines.sherpa.model import Kind
from dragoman.engines.sherpa.network import Floats, GoOn, SherpaNetwork
from dragoman.engines.sherpa.phrases import hot_words
from dragoman.engines.words import hypothesis_of


class SherpaEngine:
    def __init__(
        self,
        network: SherpaNetwork,
        *,
        language: str | None = None,
        languages: Sequence[str] = (),
        draft_batch: int = 1,
        class_members: Callable[[str], Sequence[str]] = lambda name: (),
    ) -> None:
        """``languages``, ISO 639-1, are those of the model where its files do not say it; ``language`` is what is
        spoken where a request does not say, ``None``: the first one. ``class_members``: the entries of a word class.
        """
        self.network = network
        self.places = Places()
        self._language = language
        self._languages = tuple(languages)
        self._draft_batch = draft_batch
        self._hot_words = lru_cache(maxsize=8)(
            lambda phrases: hot_words(phrases, network.model.letters, class_members) if network.prefers_phrases else ""
        )

    @property
    def capabilities(self) -> Capabilities:
        """Raises ``EngineNotReady`` when there is no complete model in the folder, or its languages are not known."""
        model = self.network.model
        known = model.languages or self._languages or ((self._language,) if self._language else ())
        if not known:
            raise EngineNotReady(
                f"the files in {self.network.folder} do not say which languages the model recognises: name them in the "
                "field languages of the table sherpa"
            )
        first = self._language or known[0]
        if first not in known:
            raise EngineNotReady(
                f"the model in {self.network.folder} does not know {first!r}; install one that does, or choose among "
                f"{', '.join(known)}"
            )
        return Capabilities(
            model=self.network.folder.name,
            version=_version(),
            languages=(first, *(language for language in known if language != first)),
            phrases=self.network.prefers_phrases,
            draft_batch=self._draft_batch if model.is_streaming else 1,
        )

    def load(self) -> None:
        assert self.capabilities.languages
        self.network.load()

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        audio = np.frombuffer(samples, np.float32)
        language, phrases = self._spoken(request), self._phrases(request)

        def work(go_on: GoOn) -> list[HeardWord]:
            return self._words(self.network.hear(audio, language, phrases, go_on), language)

        words = self.network.run(work if is_audible(audio) else lambda go_on: [], cancelled)
        self.places.remember(audio, words)
        return _hypothesis(words)

    def open_utterance(self, request: RecognitionRequest) -> SherpaUtterance:
        return SherpaUtterance(self._spoken(request), self._phrases(request))

    def draft(self, batch: Sequence[tuple[Utterance, Samples]]) -> list[Hypothesis]:
        drafted: list[tuple[SherpaUtterance, Floats]] = []
        for utterance, samples in batch:
            assert isinstance(utterance, SherpaUtterance)
            drafted.append((utterance, np.frombuffer(samples, np.float32)))
        audible = [(utterance, audio) for utterance, audio in drafted if is_audible(audio)]

        def work(go_on: GoOn) -> list[Heard]:
            if self.network.model.is_streaming:
                return self._advanced(audible, go_on)
            return [self.network.hear(audio, each.language, each.phrases, go_on) for each, audio in audible]

        for (utterance, audio), heard in zip(audible, self.network.run(work), strict=True):
            utterance.take(self._words(heard, utterance.language))
            self.places.remember(audio, utterance.words)
        return [_hypothesis(utterance.words) for utterance, _ in drafted]

    def _advanced(self, batch: Sequence[tuple[SherpaUtterance, Floats]], go_on: GoOn) -> list[Heard]:
        """Each stream is fed what is new."""
        network = self.network
        for utterance, audio in batch:
            if utterance.stream is None or utterance.generation != network.generation:
                utterance.stream, utterance.fed = network.open(utterance.phrases), 0
                utterance.generation = network.generation
            network.feed(utterance.stream, audio[utterance.fed :])
            utterance.fed = len(audio)
        return network.advance([utterance.stream for utterance, _ in batch], go_on)

    def _words(self, heard: Heard, language: str) -> list[HeardWord]:
        """A model that writes on and on instead of listening is not believed."""
        if self.network.model.kind is Kind.WHISPER and is_loop(heard.text):
            return []
        return words_in(heard, language)

    def _spoken(self, request: RecognitionRequest) -> str:
        languages = self.capabilities.languages
        return request.language if request.language in languages else languages[0]

    def _phrases(self, request: RecognitionRequest) -> str:
        return self._hot_words(request.vocabulary.phrases)


class SherpaUtterance:
    """What was said of an utterance so far; of a streaming model also the stream that heard it."""

    def __init__(self, language: str, phrases: str) -> None:
        self.language = language
        self.phrases = phrases
        self.words: list[HeardWord] = []
        self.stream: Any = None
        self.generation = 0
        self.fed = 0
        """Samples that the stream was given."""
        self._stay = 0

    def settle(self, words: int) -> None:
        self._stay = max(self._stay, words)

    def take(self, words: Sequence[HeardWord]) -> None:
        """What follows the settled words: what begins after them, or without times what comes after as many."""
        kept = self.words[: self._stay]
        last_ms = kept[-1].start_ms if kept else -1
        if last_ms is None:
            rest = list(words[self._stay :])
        else:
            rest = [word for word in words if word.start_ms is None or word.start_ms > last_ms]
        self.words = kept + rest


def _hypothesis(words: Sequence[HeardWord]) -> Hypothesis:
    return hypothesis_of([HypothesisWord(word.text, word.confidence) for word in words])


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("sherpa-onnx")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
