"""A segment of speech → its words at their places in the submitted audio: the same for files and live streams."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dragoman.audio.segment import SpeechSegment
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import Cancelled, EngineNotReady
from dragoman.core.ports import (
    Aligner,
    AudioTagger,
    Diarizer,
    DictionaryMatcher,
    Engine,
    Hypothesis,
    LanguageIdentifier,
)
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.core.transcript import Character, Segment, Word

Floats = npt.NDArray[np.float32]


class VadStream(Protocol):
    def feed(self, samples: Floats) -> Floats:
        """The speech probability of each 32 ms frame that is now complete."""
        ...


class VoiceActivity(Protocol):
    def load(self) -> None: ...

    def open(self) -> VadStream: ...


@dataclass(frozen=True, slots=True)
class Recogniser:
    """What stands behind a profile. Without a ``matcher`` the pronunciations of a dictionary say nothing, without an
    ``identifier`` no language can be found out, without a ``diarizer`` no speaker, without a ``tagger`` no audio event.
    ``aligners`` are those of languages that ``aligner`` and ``matcher`` do not know. Diarizer and tagger are loaded
    when they are first needed, all others are loaded.

    ``languages`` are those of the engine that it is used for; none: all. ``others`` recognise further languages.
    """

    engine: Engine
    aligner: Aligner
    voice_activity: VoiceActivity
    matcher: DictionaryMatcher | None = None
    identifier: LanguageIdentifier | None = None
    aligners: Mapping[str, Aligner] = field(default_factory=dict)
    diarizer: Diarizer | None = None
    tagger: AudioTagger | None = None
    languages: tuple[str, ...] = ()
    others: tuple[Recogniser, ...] = ()

    @property
    def own_languages(self) -> tuple[str, ...]:
        """Those that its own engine recognises."""
        return self.languages or self.engine.capabilities.languages

    def in_language(self, language: str | None) -> Recogniser:
        """The one that recognises this language, with the language's aligner, and without a matcher that does not know
        it."""
        if not self.others and not self.aligners:
            return self  # most often; this is asked for again and again
        found = next((other for other in self.others if language in other.own_languages), self)
        aligner = found.aligners.get(language or found.own_languages[0])
        return found if aligner is None else replace(found, aligner=aligner, matcher=None)

    @property
    def capabilities(self) -> Capabilities:
        """The engine's, and what else there is."""
        others = tuple(other.capabilities for other in self.others)
        return replace(
            self.engine.capabilities,
            languages=(*self.own_languages, *(language for other in others for language in other.languages)),
            identifies=() if self.identifier is None else self.identifier.languages,
            diarizes=self.diarizer is not None,
            tags_audio=self.tagger is not None,
            others=others,
        )

    def limited_to(self, languages: Sequence[str]) -> Recogniser:
        """Used for these languages of its engine alone. Raises ``EngineNotReady`` for one that the engine does not
        know."""
        known = self.engine.capabilities.languages
        if unknown := [language for language in languages if language not in known]:
            raise EngineNotReady(
                f"its model does not know {', '.join(unknown)}, which its `languages` name; it knows {', '.join(known)}"
            )
        return replace(self, languages=tuple(language for language in known if language in languages))

    def beside(self, others: Mapping[str, Recogniser]) -> Recogniser:
        """With ``others``, by their profiles, for the languages that its own engine is not used for.

        Raises ``EngineNotReady`` when two of them claim a language.
        """
        claimed: dict[str, str] = {}
        added = []
        for profile, other in others.items():
            further = [language for language in other.own_languages if language not in self.own_languages]
            if both := [language for language in further if language in claimed]:
                raise EngineNotReady(
                    f"both {claimed[both[0]]} and {profile}, which its `others` name, recognise {', '.join(both)}; say"
                    f" in `languages` of one of them which ones it is to serve"
                )
            claimed |= dict.fromkeys(further, profile)
            added += [other.limited_to(further)] if further else []
        identifiers = (each.identifier for each in (self, *added))
        identifier = next((each for each in identifiers if each is not None), None)
        return replace(self, identifier=identifier, others=tuple(added))


def recognise_segment(
    recogniser: Recogniser,
    speech: SpeechSegment,
    index: int,
    channel: int,
    request: RecognitionRequest,
    cancelled: Callable[[], bool],
) -> Segment | None:
    """``None`` where nothing was said. Raises ``Cancelled``."""
    recogniser = recogniser.in_language(request.language)
    hypothesis = recogniser.engine.recognise(speech.samples.data, request, cancelled)
    if not hypothesis.words:
        return None
    if cancelled():
        raise Cancelled
    if recogniser.matcher is not None and request.vocabulary.words:
        hypothesis = _matched(recogniser.matcher, speech, hypothesis, request)
    words: tuple[Word, ...] = ()
    if request.time_detail is not TimeDetail.SEGMENT:
        words = _timed(recogniser.aligner, speech, hypothesis, request)
    return Segment(
        index=index,
        channel=channel,
        start_ms=words[0].start_ms if words else speech.start_ms,
        end_ms=words[-1].end_ms if words else speech.end_ms,
        text=hypothesis.text,
        confidence=hypothesis.confidence,
        words=words,
    )


def _matched(
    matcher: DictionaryMatcher, speech: SpeechSegment, hypothesis: Hypothesis, request: RecognitionRequest
) -> Hypothesis:
    """With the words of the client's dictionary in it that were said."""
    words = matcher.match(speech.samples.data, hypothesis.words, request.vocabulary.words)
    if words == hypothesis.words:
        return hypothesis
    mean = math.exp(sum(math.log(max(word.confidence, 1e-6)) for word in words) / len(words))
    return Hypothesis(words, mean)


def _timed(
    aligner: Aligner, speech: SpeechSegment, hypothesis: Hypothesis, request: RecognitionRequest
) -> tuple[Word, ...]:
    """The words at their places in the submitted audio."""

    def place(offset_ms: int) -> int:
        return min(speech.start_ms + offset_ms, speech.end_ms)

    times = aligner.align(
        speech.samples.data,
        [word.text for word in hypothesis.words],
        characters=request.time_detail is TimeDetail.CHARACTER,
        known=request.vocabulary.words,
    )
    return tuple(
        Word(
            text=word.text,
            start_ms=place(time.start_ms),
            end_ms=place(time.end_ms),
            confidence=word.confidence,
            characters=tuple(Character(c.text, place(c.start_ms), place(c.end_ms)) for c in time.characters),
        )
        for word, time in zip(hypothesis.words, times, strict=True)
    )
