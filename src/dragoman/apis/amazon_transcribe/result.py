"""What a stream has recognised → the results of ``TranscriptEvent``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import uuid4

from msgspec import UNSET

from dragoman.analysis import redact
from dragoman.analysis.redact import Entity
from dragoman.analysis.vocabulary_filter import VocabularyFilter
from dragoman.apis.amazon_transcribe import wire
from dragoman.apis.amazon_transcribe.parameters import Parameters
from dragoman.apis.amazon_transcribe.stability import StableWords, split
from dragoman.core import events
from dragoman.core.events import Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.spacing import joined
from dragoman.core.speakers import assign
from dragoman.core.transcript import Segment, Turn, Word

_CATEGORY: Final = "PII"


@dataclass(slots=True)
class _Open:
    """A segment that has started, under the id that its results have."""

    result_id: str
    words: StableWords
    last: Segment | None = None
    """As the last partial had it of which anything was shown."""


@dataclass(slots=True)
class _News:
    """What the client has not been told: of partials only the newest of each channel."""

    finals: list[wire.Result] = field(default_factory=list)
    partials: dict[int, wire.Result] = field(default_factory=dict)


class TranscriptResults:
    """Takes events, gives results. A result keeps its id from its first partial to its final."""

    def __init__(
        self,
        parameters: Parameters,
        unwanted: Mapping[str, Sequence[str]] | None = None,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """``unwanted`` are the words of the vocabulary filters, by language."""
        self._parameters = parameters
        self._filters = {language: VocabularyFilter(words) for language, words in (unwanted or {}).items() if words}
        self._new_id = new_id
        self._open: dict[int, _Open] = {}
        self._news = _News()

    def deliver(self, event: SpeechEvent) -> None:
        match event:
            case SpeechStarted() | Finished():
                pass
            case Partial(segment, stable_words):
                opened = self._opened(segment.index)
                words = opened.words.partial(segment.words, stable_words)
                if words:
                    opened.last = segment
                    self._news.partials[segment.channel] = self._partial(opened, segment, words)
            case events.Final(segment):
                self._close(segment)
            case SpeechEnded(index=index, end_ms=end_ms):
                opened_before = self._open.get(index)
                if opened_before is not None and opened_before.last is not None:
                    last = opened_before.last
                    self._close(replace(last, end_ms=max(last.start_ms, end_ms), text="", words=()))
                self._open.pop(index, None)

    def take(self) -> list[wire.Result]:
        """What is new, in the order in which it is to be told."""
        news, self._news = self._news, _News()
        return [*news.finals, *news.partials.values()]

    def _opened(self, index: int) -> _Open:
        if index not in self._open:
            self._open[index] = _Open(self._new_id(), StableWords(self._parameters.stability))
        return self._open[index]

    def _close(self, segment: Segment) -> None:
        """The final of a segment; of one that was nothing after all it says that."""
        opened = self._opened(segment.index)
        del self._open[segment.index]
        self._news.partials.pop(segment.channel, None)
        words = _with_speakers(opened.words.final(segment.words), segment.words)
        self._news.finals.append(self._final(opened, segment, words))

    def _partial(self, opened: _Open, segment: Segment, words: tuple[Word, ...]) -> wire.Result:
        stable = opened.words.kept if self._parameters.stability is not None else None
        said = self._said(words, self._filter(segment), stable=stable)
        return self._result(opened, segment, words, said, is_partial=True)

    def _final(self, opened: _Open, segment: Segment, words: tuple[Word, ...]) -> wire.Result:
        entities: list[wire.Entity] | None = None
        shown = words
        if self._parameters.pii_types:
            found = redact.find([word.text for word in words], self._parameters.pii_types)
            entities = [self._entity(words, entity) for entity in found]
            if self._parameters.redacts:
                shown = redact.redacted(words, found)
        stable = len(shown) if self._parameters.stability is not None else None
        said = self._said(shown, self._filter(segment), stable=stable, is_final=True)
        if entities is not None:
            said.Entities = entities
        return self._result(opened, segment, words, said, is_partial=False)

    def _result(
        self, opened: _Open, segment: Segment, words: tuple[Word, ...], said: wire.Alternative, *, is_partial: bool
    ) -> wire.Result:
        start_ms = min(segment.start_ms, words[0].start_ms) if words else segment.start_ms
        end_ms = max(segment.end_ms, words[-1].end_ms) if words else segment.end_ms
        return wire.Result(
            ResultId=opened.result_id,
            StartTime=_seconds(start_ms),
            EndTime=_seconds(end_ms),
            IsPartial=is_partial,
            Alternatives=[said],
            ChannelId=f"ch_{segment.channel}" if self._parameters.by_channel else UNSET,
            LanguageCode=self._language(segment),
            LanguageIdentification=self._languages(segment) or UNSET,
        )

    def _language(self, segment: Segment) -> str:
        likely = segment.languages[0].language if segment.languages else ""
        return self._parameters.language_of(likely)

    def _languages(self, segment: Segment) -> list[wire.LanguageWithScore]:
        return [
            wire.LanguageWithScore(self._parameters.language_of(each.language), round(each.score, 4))
            for each in segment.languages
        ]

    def _filter(self, segment: Segment) -> VocabularyFilter | None:
        return self._filters.get(self._language(segment))

    def _said(
        self, words: Sequence[Word], unwanted: VocabularyFilter | None, *, stable: int | None, is_final: bool = False
    ) -> wire.Alternative:
        """``stable``: how many of the words stay; ``None``: it is not told."""
        items: list[wire.Item] = []
        text: list[str] = []
        for place, word in enumerate(words):
            matches = unwanted is not None and unwanted.matches(word.text)
            if unwanted is not None and matches and self._parameters.filter_method != "tag":
                shown = unwanted.mask((word,)) if self._parameters.filter_method == "mask" else ()
            else:
                shown = (word,)
            for each in shown:
                text.append(each.text)
                items += _items(each, place < stable if stable is not None else None, is_final=is_final)
            if shown and matches and self._parameters.filter_method == "tag":
                _tag(items)
        return wire.Alternative(Transcript=joined(text), Items=items)

    def _entity(self, words: Sequence[Word], entity: Entity) -> wire.Entity:
        covered = words[entity.start_word : entity.stop_word]
        content = joined((*(word.text for word in covered[:-1]), split(covered[-1].text)[0]))
        return wire.Entity(
            StartTime=_seconds(covered[0].start_ms),
            EndTime=_seconds(covered[-1].end_ms),
            Category=_CATEGORY,
            Type=entity.type,
            Content=f"[{entity.type}]" if self._parameters.redacts else content,
            Confidence=round(entity.confidence, 4),
        )


def _with_speakers(words: Sequence[Word], said: Sequence[Word]) -> tuple[Word, ...]:
    """Words that stay as a partial had them have the speakers of those that the final ``said`` at their place."""
    turns = [Turn(word.start_ms, word.end_ms, word.speaker) for word in said if word.speaker is not None]
    return tuple(
        word if word.speaker is not None else replace(word, speaker=speaker)
        for word, speaker in zip(words, assign(words, turns), strict=True)
    )


def _items(word: Word, stable: bool | None, *, is_final: bool) -> list[wire.Item]:
    """A displayed word is a pronunciation and, behind it, punctuation that takes no time."""
    spoken, behind = split(word.text)
    known = UNSET if stable is None else stable
    items = []
    if spoken:
        items.append(
            wire.Item(
                StartTime=_seconds(word.start_ms),
                EndTime=_seconds(word.end_ms),
                Type="pronunciation",
                Content=spoken,
                Confidence=round(word.confidence, 4) if is_final else UNSET,
                Speaker=str(word.speaker) if is_final and word.speaker is not None else UNSET,
                Stable=known,
            )
        )
    end = _seconds(word.end_ms)
    items += [wire.Item(StartTime=end, EndTime=end, Type="punctuation", Content=sign, Stable=known) for sign in behind]
    return items


def _tag(items: list[wire.Item]) -> None:
    """The last word among the items is one of the filter's."""
    for item in reversed(items):
        if item.Type == "pronunciation":
            item.VocabularyFilterMatch = True
            return


def _seconds(ms: int) -> float:
    return ms / 1000
