"""Which of several languages is spoken in a file or a channel of a live stream, as far as it has been heard."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from dragoman.core.ports import SAMPLE_RATE, LanguageIdentifier, Samples
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import LanguageScore

_ENOUGH_MS: Final = 3_000
"""Of speech: then the language of a stream that has one is known."""
_TOO_SHORT_MS: Final = 1_000
"""An utterance shorter than this is taken to be in the language of the one before."""
_LEAST: Final = 1e-6
"""No language is ever ruled out by one utterance."""


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    """A value: ``after`` gives the next one, so that an utterance that goes on after all has changed nothing."""

    asked: RecognitionRequest
    evidence: tuple[float, ...] = ()
    """Logarithms of probabilities times milliseconds, for each option."""
    heard_ms: int = 0

    def after(self, identifier: LanguageIdentifier | None, samples: Samples) -> SpokenLanguage:
        """An utterance more was heard."""
        choice, length_ms = self.asked.choice, len(samples) * 1000 // SAMPLE_RATE
        if choice is None or identifier is None:
            return self
        if choice.changing:
            if self.evidence and length_ms < _TOO_SHORT_MS:
                return self
            before, heard_ms = (0.0,) * len(choice.options), 0
        elif self.heard_ms >= _ENOUGH_MS:
            return self
        else:
            before, heard_ms = self.evidence or (0.0,) * len(choice.options), self.heard_ms
        likely = identifier.identify(samples, [option.language for option in choice.options])
        evidence = (old + length_ms * math.log(max(new, _LEAST)) for old, new in zip(before, likely, strict=True))
        return replace(self, evidence=tuple(evidence), heard_ms=heard_ms + length_ms)

    @property
    def request(self) -> RecognitionRequest:
        """What was asked for, in the most likely language; the first option is, before anything was heard."""
        if self.asked.choice is None:
            return self.asked
        options = self.asked.choice.options
        likely = options[max(range(len(options)), key=self.evidence.__getitem__)] if self.evidence else options[0]
        return replace(self.asked, language=likely.language, vocabulary=likely.vocabulary or self.asked.vocabulary)

    @property
    def scores(self) -> tuple[LanguageScore, ...]:
        """The most likely first; none before anything was heard."""
        if self.asked.choice is None or not self.evidence:
            return ()
        logs = [each / max(1, self.heard_ms) for each in self.evidence]
        weights = [math.exp(each - max(logs)) for each in logs]
        scored = (
            LanguageScore(option.language, weight / sum(weights))
            for option, weight in zip(self.asked.choice.options, weights, strict=True)
        )
        return tuple(sorted(scored, key=lambda each: -each.score))
