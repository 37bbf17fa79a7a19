"""What a client says of the words to come → a checked vocabulary, and what was made of each part of it."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import Final, Literal, TypeVar

from dragoman.core.errors import InvalidField, Unavailable
from dragoman.core.request import Phrase, Vocabulary
from dragoman.language.classes import ClassToken, WordClasses, split_phrase
from dragoman.language.dictionary import CheckedWord, Entry, Problem, Pronouncer
from dragoman.language.graphemes import GRAPHEMES, fold, words_of
from dragoman.language.notation import SYMBOLS
from dragoman.language.punctuation import bare

T = TypeVar("T")

_WORDS_A_TURN: Final = 8
_PHRASES_A_TURN: Final = 200
"""What is checked before another request gets its turn: some tens of milliseconds."""
_SIGNS: Final = frozenset({"So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn"})
"""Categories of characters that are not written speech."""


Part = Literal["phrases", "dictionary"]


@dataclass(frozen=True, slots=True)
class Excess:
    """What is too much: a whole part of a draft, or its entry of this number. Of an entry ``message`` tells, as the
    rest of a sentence, what it has."""

    part: Part
    number: int | None
    message: str


@dataclass(frozen=True, slots=True)
class VocabularyLimits:
    """``max_characters`` bounds a phrase, a word and a pronunciation, each by itself."""

    max_phrases: int = 2_000
    max_words: int = 1_000
    max_pronunciations: int = 20
    max_characters: int = 200

    def enforce(self, draft: Draft) -> None:
        """Raises ``InvalidField`` that names the place and the limit."""
        for excess in self.excesses(draft):
            place = "" if excess.number is None else f"{excess.part}[{excess.number}] "
            raise InvalidField(place + excess.message)

    def excesses(self, draft: Draft) -> Iterator[Excess]:
        """Everything that is beyond a limit."""
        if len(draft.phrases) > self.max_phrases:
            said = f"{len(draft.phrases):,} phrases are more than the {self.max_phrases:,} allowed."
            yield Excess("phrases", None, said)
        if len(draft.words) > self.max_words:
            said = f"{len(draft.words):,} dictionary words are more than the {self.max_words:,} allowed."
            yield Excess("dictionary", None, said)
        for number, phrase in enumerate(draft.phrases):
            yield from self._long("phrases", number, phrase.text)
        for number, entry in enumerate(draft.words):
            if len(entry.pronunciations) + len(entry.sounds_like) > self.max_pronunciations:
                said = f"has more pronunciations than the {self.max_pronunciations} allowed."
                yield Excess("dictionary", number, said)
            for text in (entry.spelling, *entry.pronunciations, *entry.sounds_like, entry.display or ""):
                yield from self._long("dictionary", number, text)

    def _long(self, part: Part, number: int, text: str) -> Iterator[Excess]:
        if len(text) > self.max_characters:
            yield Excess(part, number, f"has {len(text):,} characters; {self.max_characters} are allowed.")


@dataclass(frozen=True, slots=True)
class Draft:
    """A vocabulary as a client wrote it, before any check."""

    phrases: tuple[Phrase, ...] = ()
    words: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedPhrase:
    """``accepted`` takes part in recognition. It is ``None`` where ``problem`` and ``warning`` say why the phrase was
    left out."""

    text: str
    accepted: Phrase | None
    problem: Problem | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class CheckedVocabulary:
    """One ``CheckedPhrase`` a phrase of the draft; ``words`` are distinct, each where it first stood."""

    phrases: tuple[CheckedPhrase, ...] = ()
    words: tuple[CheckedWord, ...] = ()

    @property
    def accepted(self) -> Vocabulary:
        phrases = (phrase.accepted for phrase in self.phrases if phrase.accepted is not None)
        return Vocabulary(
            tuple({phrase.text: phrase for phrase in phrases}.values()),
            tuple(word.accepted for word in self.words if word.accepted is not None),
        )


class Vocabularies:
    """Checks vocabularies in another thread, one batch at a time, so that neither the event loop nor the vocabulary of
    another request waits for a large one. Cancelling a check ends it after its batch."""

    def __init__(
        self, pronouncer: Pronouncer, classes: WordClasses, limits: VocabularyLimits, *, max_waiting: int = 64
    ) -> None:
        self._pronouncer = pronouncer
        self._classes = classes
        self._limits = limits
        self._max_waiting = max_waiting
        self._waiting = 0
        self._turn = asyncio.Semaphore(1)
        self._loaded = False

    @property
    def limits(self) -> VocabularyLimits:
        return self._limits

    def graphemes(self) -> tuple[str, ...]:
        """What words are written with."""
        return GRAPHEMES

    def phonemes(self) -> tuple[str, ...]:
        """The symbols of pronunciations."""
        return SYMBOLS

    async def classes(self) -> tuple[str, ...]:
        """The names of the word classes."""
        return await self._in_turn(self._classes.names)

    async def check(self, draft: Draft) -> CheckedVocabulary:
        """Raises ``InvalidField`` beyond a limit, ``EngineNotReady`` without the lexicon, ``Unavailable`` when too many
        checks wait already."""
        self._limits.enforce(draft)
        if self._waiting >= self._max_waiting:
            raise Unavailable(f"{self._waiting} vocabularies are being checked. Try again later.")
        self._waiting += 1
        try:
            words = [
                word
                for same in _batches(_same_words_together(draft.words), _WORDS_A_TURN)
                for word in await self._in_turn(partial(self._pronouncer.check, list(chain.from_iterable(same))))
            ]
            spellings = {part.casefold() for word in words if word.accepted for part in word.accepted.spelling.split()}
            phrases = [
                phrase
                for some in _batches(draft.phrases, _PHRASES_A_TURN)
                for phrase in await self._in_turn(partial(self._check_phrases, some, spellings))
            ]
        finally:
            self._waiting -= 1
        return CheckedVocabulary(tuple(phrases), tuple(words))

    async def _in_turn(self, work: Callable[[], T]) -> T:
        async with self._turn:
            return await asyncio.to_thread(self._work, work)

    def _work(self, work: Callable[[], T]) -> T:
        if not self._loaded:
            self._pronouncer.load()
            self._loaded = True
        return work()

    def _check_phrases(self, phrases: Sequence[Phrase], spellings: Collection[str]) -> list[CheckedPhrase]:
        return [self._check_phrase(phrase, spellings) for phrase in phrases]

    def _check_phrase(self, phrase: Phrase, spellings: Collection[str]) -> CheckedPhrase:
        try:
            text = self._usable(phrase.text, spellings)
        except _Unusable as reason:
            return CheckedPhrase(phrase.text, None, reason.problem, str(reason))
        return CheckedPhrase(phrase.text, replace(phrase, text=text))

    def _usable(self, phrase: str, spellings: Collection[str]) -> str:
        """The phrase as words and class tokens that stand apart. Raises ``_Unusable``."""
        words: list[str] = []
        for part in split_phrase(unicodedata.normalize("NFC", phrase)):
            if isinstance(part, ClassToken):
                if part.name not in self._classes:
                    raise _Unusable(Problem.UNSUPPORTED_GRAPHEME, f"there is no word class {str(part)!r}")
                words.append(str(part))
            else:
                words += (word for word in map(_without_signs, part.split()) if any(map(str.isalnum, word)))
        if not words:
            raise _Unusable(Problem.EMPTY_FIELD, "it has no words")
        for word in words:
            if not fold(word)[0].isascii() and bare(word).casefold() not in spellings:
                raise _Unusable(
                    Problem.UNSUPPORTED_GRAPHEME,
                    "it has letters of another alphabet, and no word of the dictionary says how they sound",
                )
        return " ".join(words)


class _Unusable(Exception):
    """Why a phrase cannot be used."""

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem


def _without_signs(word: str) -> str:
    """Without what nobody says: emoji, invisible characters, and the sign of classes."""
    return "".join(c for c in word if unicodedata.category(c) not in _SIGNS and c not in "$\ufe0f")


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def _same_words_together(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries of each distinct spelling, so that no batch tears them apart."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        key = " ".join(words_of(unicodedata.normalize("NFC", entry.spelling)))
        groups.setdefault(key, []).append(entry)
    yield from groups.values()
