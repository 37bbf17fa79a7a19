"""Words of a client's dictionary, found by their sound.

The recogniser knows no phonemes. What it wrote is turned back into phones, by the lexicon and by letter-to-sound rules,
and every stretch of one to four words that sounds like a pronunciation of the dictionary is a candidate. The acoustic
model then says which of the two readings the audio supports. A logistic function of what is known of a candidate is the
probability that it is right; ``docs/decisions/0015-words-by-sound.md`` has the fit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from dragoman.analysis.align import PocketSphinxAligner
from dragoman.analysis.features import FRAME_MS, Floats
from dragoman.analysis.phone_distance import Numbers, Pronunciations, Spoken, numbers
from dragoman.analysis.trellis import Arc, best_path
from dragoman.core.ports import HypothesisWord, Samples
from dragoman.core.request import DictionaryWord
from dragoman.language.ngram import LanguageModel
from dragoman.language.phonemes import Pronunciation
from dragoman.language.punctuation import bare

_MOST_WORDS: Final = 4
"""Recognised words that one word of the dictionary may stand for."""
_FARTHEST: Final = 0.4
"""Distance beyond which nothing is a candidate."""
_LONGEST: Final = 48
"""Phones; a longer pronunciation is not looked for."""
_MOST_HEARD: Final = 12
"""Candidates of one segment, the likeliest ones, that are compared on the audio."""
_CONTEXT: Final = 1
"""Words on either side of a candidate that are heard with it."""

_INTERCEPT: Final = 2.725
_DISTANCE: Final = -10.98
_CONFIDENCE: Final = -0.84
_CONFIDENCES: Final = (0.05, 0.9)
"""Beyond these it says no more: a word may be known for sure, and be spelt otherwise by the client."""
_UNKNOWN: Final = 1.52
_GAIN: Final = 0.0702
_GAINS: Final = (-40.0, 20.0)
_HOPED: Final = 10.0
"""Nats a phone: more than the audio usually gives to a right word."""
_EXPECTED_WORDS: Final = 50
_STRICTER: Final = 0.6
"""Of a dictionary of at most so many words, each is as likely to be said; of more, it is the less likely, as this power
of their number."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word of the dictionary in place of the recognised words ``start:end``."""

    start: int
    end: int
    entry: int
    phones: Pronunciation
    distance: float
    """Cost of the edit distance per phone, of those on either side the mean."""
    confidence: float
    """That all of the replaced words are right."""
    is_unknown: bool
    """Whether one of them is no word that the language model knows."""

    def log_odds(self, gain: float) -> float:
        """That it is right, in a small dictionary. ``gain``: how much likelier the audio is with it, nats a phone."""
        return (
            _log_odds_without_sound(self.confidence, self.is_unknown)
            + _DISTANCE * self.distance
            + _GAIN * min(max(gain, _GAINS[0]), _GAINS[1])
        )


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a request's dictionary is turned into, once."""

    words: tuple[DictionaryWord, ...]
    pronunciations: tuple[Pronunciation, ...]
    entries: Numbers
    """The word each pronunciation is of."""
    forwards: Pronunciations
    backwards: Pronunciations
    displays: tuple[str, ...]
    """What is shown where a word is put in."""
    spellings: dict[tuple[str, ...], str | None]
    """Words as they are compared → what is shown instead of them, ``None``: nothing else."""
    penalty: float
    """What the log-odds are less by, because the dictionary is large."""


@dataclass(frozen=True, slots=True)
class _Replacement:
    """What stands instead of the words ``start:end``; without ``confidence`` they were recognised and keep theirs."""

    start: int
    end: int
    shown: str | None
    confidence: float | None = None


class SoundMatcher:
    """The ``DictionaryMatcher`` for English. A pure function of the audio, the words and the dictionary."""

    def __init__(self, aligner: PocketSphinxAligner, language_model: LanguageModel | None = None) -> None:
        """The aligner's acoustic model and pronunciations are used; ``load`` it first."""
        self._aligner = aligner
        self._language_model = language_model or LanguageModel()
        self.compiled = lru_cache(maxsize=4)(self._compile)

    def load(self) -> None:
        """Read the vocabulary of English. Raises ``EngineNotReady`` when its package is not installed."""
        self._language_model.load()

    def match(
        self, samples: Samples, words: Sequence[HypothesisWord], dictionary: Sequence[DictionaryWord]
    ) -> tuple[HypothesisWord, ...]:
        """Costs little where no word sounds like any of the dictionary: then the audio is not looked at."""
        known = self.compiled(tuple(dictionary))
        chosen = list(_spelt(words, known))
        taken = {at for replacement in chosen for at in range(replacement.start, replacement.end)}
        candidates = sorted(self.candidates(words, known, taken), key=_rank)[:_MOST_HEARD]
        gains = self.gains(samples, words, known, candidates)
        heard = zip(candidates, gains, strict=True)
        for cost, candidate in sorted(((-c.log_odds(gain), c) for c, gain in heard), key=lambda pair: pair[0]):
            span = range(candidate.start, candidate.end)
            # Put in where that is likelier right than wrong.
            if -cost >= known.penalty and taken.isdisjoint(span):
                taken.update(span)
                confidence = 1 / (1 + math.exp(cost + known.penalty))
                shown = known.displays[candidate.entry]
                chosen.append(_Replacement(candidate.start, candidate.end, shown, confidence))
        return tuple(_rewritten(words, chosen))

    def candidates(self, words: Sequence[HypothesisWord], known: Compiled, taken: Collection[int]) -> list[Candidate]:
        """Where words sound so much like a pronunciation that the audio may prefer it. ``taken`` words stay."""
        if not known.pronunciations:
            return []
        ways = [tuple(map(numbers, self._aligner.speech.ways(word.text))) for word in words]
        unknown = [not self._language_model.knows(word.text) for word in words]
        found: dict[tuple[int, int, int], Candidate] = {}
        nothing = known.forwards.skipped
        costs = nothing
        for last, sounds in enumerate(ways):
            if last in taken or (last and _ends_sentence(words[last - 1])):
                costs = nothing
            if last in taken or not sounds:
                continue
            # A word may begin with any of the recognised ones, or go on.
            costs = known.forwards.after(np.minimum(costs, nothing), sounds)
            spans = list(_spans(last, words, ways, unknown, known, taken))
            if not spans:
                continue
            farthest, longest = max(span.farthest for span in spans), spans[-1].phones
            near = np.flatnonzero(known.forwards.total(costs) <= farthest * (known.forwards.lengths + longest) / 2)
            for candidate in self._ending(last, near, spans, ways, known):
                key = candidate.start, candidate.end, candidate.entry
                if key not in found or candidate.distance < found[key].distance:
                    found[key] = candidate
        return list(found.values())

    def _ending(
        self, last: int, near: Numbers, spans: Sequence[_Span], ways: Sequence[Spoken], known: Compiled
    ) -> Iterator[Candidate]:
        """The candidates among ``near`` whose last recognised word is this, read backwards to their first."""
        if not len(near):
            return
        backwards = known.backwards.some(near)
        costs = backwards.skipped
        heard = last + 1
        for span in spans:
            for at in range(heard - 1, span.start - 1, -1):
                costs = backwards.after(costs, [way[::-1] for way in ways[at]])
            heard = span.start
            distances = 2 * backwards.total(costs) / (backwards.lengths + span.phones)
            for row in np.flatnonzero(distances <= span.farthest).tolist():
                number = int(near[row])
                entry, phones, distance = int(known.entries[number]), known.pronunciations[number], distances[row]
                yield Candidate(span.start, last + 1, entry, phones, float(distance), span.confidence, span.is_unknown)

    def gains(
        self, samples: Samples, words: Sequence[HypothesisWord], known: Compiled, candidates: Sequence[Candidate]
    ) -> list[float]:
        """How much likelier the audio is with each candidate than with the recognised words, in nats a phone."""
        if not candidates:
            return []
        streams = self._aligner.features(bytes(samples))
        said = [self._aligner.speech.ways(word.text) for word in words]
        times = self._aligner.align(samples, [word.text for word in words], known=known.words)
        edges = [(times[at - 1].end_ms + times[at].start_ms) // 2 for at in range(1, len(words))]
        bounds = [0, *(edge // FRAME_MS for edge in edges), streams.shape[1]]
        return [self._gain(streams, said, bounds, candidate) for candidate in candidates]

    def _gain(
        self, streams: Floats, said: Sequence[Sequence[Pronunciation]], bounds: Sequence[int], candidate: Candidate
    ) -> float:
        first, last = max(0, candidate.start - _CONTEXT), min(len(said), candidate.end + _CONTEXT)
        stretch = streams[:, bounds[first] : bounds[last]]
        before, after = said[first : candidate.start], said[candidate.end : last]
        old = best_path(self._aligner.acoustics, stretch, _chain(said[first:last]))
        new = best_path(self._aligner.acoustics, stretch, _chain([*before, (candidate.phones,), *after]))
        if old is None or new is None:
            return 0.0
        return (new.log_likelihood - old.log_likelihood) / len(candidate.phones)

    def _compile(self, dictionary: tuple[DictionaryWord, ...]) -> Compiled:
        rows = [
            (phones, entry)
            for entry, word in enumerate(dictionary)
            for phones in self._aligner.speech.pronunciations_of(word)
            if 0 < len(phones) <= _LONGEST
        ]
        forwards = Pronunciations.of(phones for phones, _ in rows)
        return Compiled(
            words=dictionary,
            pronunciations=tuple(phones for phones, _ in rows),
            entries=np.array([entry for _, entry in rows], np.intp),
            forwards=forwards,
            backwards=forwards.reversed(),
            displays=tuple(word.display or word.spelling for word in dictionary),
            spellings={key: word.display for word in dictionary if all(key := _compared(word.spelling.split()))},
            penalty=_STRICTER * math.log(max(1.0, len(dictionary) / _EXPECTED_WORDS)),
        )


@dataclass(frozen=True, slots=True)
class _Span:
    """Some recognised words, from ``start`` on, and how far away a pronunciation may be that takes their place."""

    start: int
    phones: int
    confidence: float
    is_unknown: bool
    farthest: float


def _spans(
    last: int,
    words: Sequence[HypothesisWord],
    ways: Sequence[Spoken],
    unknown: Sequence[bool],
    known: Compiled,
    taken: Collection[int],
) -> Iterator[_Span]:
    """One to four words of one sentence that end with this one, the shortest first."""
    phones, confidence, is_unknown = 0, 1.0, False
    for start in range(last, max(-1, last - _MOST_WORDS), -1):
        if start in taken or (start < last and _ends_sentence(words[start])):
            return
        if not ways[start]:
            continue
        phones += min(map(len, ways[start]))
        confidence, is_unknown = min(confidence, words[start].confidence), is_unknown or unknown[start]
        spare = _log_odds_without_sound(confidence, is_unknown) + _GAIN * _HOPED - known.penalty
        if spare >= 0:
            yield _Span(start, phones, confidence, is_unknown, min(_FARTHEST, -spare / _DISTANCE))


def _log_odds_without_sound(confidence: float, is_unknown: bool) -> float:
    sure = min(max(confidence, _CONFIDENCES[0]), _CONFIDENCES[1])
    return _INTERCEPT + _CONFIDENCE * math.log(sure / (1 - sure)) + (_UNKNOWN if is_unknown else 0.0)


def _rank(candidate: Candidate) -> tuple[float, int, int, int]:
    return -candidate.log_odds(0.0), candidate.start, candidate.end, candidate.entry


def _chain(said: Iterable[Sequence[Pronunciation]]) -> list[Arc]:
    """Words one after the other, each in all ways to say it."""
    sounded = [ways for ways in said if ways]
    return [Arc(at, at + 1, phones) for at, ways in enumerate(sounded) for phones in ways]


def _spelt(words: Sequence[HypothesisWord], known: Compiled) -> Iterator[_Replacement]:
    """The words that were recognised as the dictionary spells them, the longest first where they overlap."""
    compared = [_compared((word.text,))[0] for word in words]
    longest = max(map(len, known.spellings), default=0)
    start = 0
    while start < len(words):
        for end in range(min(len(words), start + longest), start, -1):
            spelling = tuple(compared[start:end])
            if spelling in known.spellings:
                yield _Replacement(start, end, known.spellings[spelling])
                start = end - 1
                break
        start += 1


def _rewritten(words: Sequence[HypothesisWord], chosen: Sequence[_Replacement]) -> Iterator[HypothesisWord]:
    """The words, those that are replaced with what is shown instead, in their punctuation and at a sentence's start
    with its capital."""
    instead = {replacement.start: replacement for replacement in chosen if replacement.shown is not None}
    at = 0
    while at < len(words):
        replacement = instead.get(at)
        if replacement is None or replacement.shown is None:
            yield words[at]
            at += 1
            continue
        replaced = words[at : replacement.end]
        shown = replacement.shown
        if shown[0].islower() and bare(replaced[0].text)[:1].isupper() and (at == 0 or _ends_sentence(words[at - 1])):
            shown = shown[0].upper() + shown[1:]
        confidence = replacement.confidence
        if confidence is None:
            confidence = min(word.confidence for word in replaced)
        yield HypothesisWord(_before(replaced[0].text) + shown + _after(replaced[-1].text), confidence)
        at = replacement.end


def _before(word: str) -> str:
    """The punctuation in front of a word."""
    return word[: word.index(bare(word))] if bare(word) else ""


def _after(word: str) -> str:
    """The punctuation behind a word."""
    inner = bare(word)
    return word[word.rindex(inner) + len(inner) :] if inner else word


def _compared(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(bare(word).casefold() for word in words)


def _ends_sentence(word: HypothesisWord) -> bool:
    return word.text.rstrip("\"'”’)").endswith((".", "?", "!"))
