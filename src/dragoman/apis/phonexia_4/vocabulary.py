"""The ``config`` of a task ↔ our vocabulary. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from dragoman.apis.phonexia_4.errors import Invalid
from dragoman.apis.phonexia_4.wire import AdditionalWord, Detail, Pronunciation
from dragoman.core.errors import InvalidField
from dragoman.core.request import Phrase
from dragoman.language.dictionary import CheckedWord, Entry, Problem, clean
from dragoman.language.punctuation import bare
from dragoman.service.vocabulary import CheckedVocabulary, Draft, Excess, VocabularyLimits

T = TypeVar("T")

_PHRASES: Final = ("body", "config", "preferred_phrases")
_WORDS: Final = ("body", "config", "additional_words")
_MOST_DETAILS: Final = 100
"""What is wrong beyond these is told once these are right."""

Location = tuple[str | int, ...]


def read(config: str | None) -> Draft:
    """The vocabulary of a config; other keys mean nothing. Raises ``InvalidField`` for what is no JSON, ``Invalid``."""
    if config is None:
        return Draft()
    reader = _Reader()
    draft = reader.draft(_decoded(config))
    refuse(reader.details)
    return draft


def refuse(details: Iterable[Detail]) -> None:
    """Raises ``Invalid`` if there are any."""
    if first := tuple(islice(details, _MOST_DETAILS)):
        raise Invalid(*first)


def _decoded(config: str) -> Any:
    try:
        return msgspec.json.decode(config.removeprefix("\ufeff"))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidField(f"config is not JSON: {error}", field="config") from error
    except RecursionError:
        raise InvalidField("config is nested too deeply.", field="config") from None


class _Reader:
    """Walks the JSON and notes everything that is wrong."""

    def __init__(self) -> None:
        self.details: list[Detail] = []

    def draft(self, config: Any) -> Draft:
        if not isinstance(config, dict):
            self._wrong_type(_PHRASES[:2], "an object")
            return Draft()
        return Draft(
            tuple(Phrase(text) for text in self._list(config, _PHRASES, self._text)),
            tuple(self._list(config, _WORDS, self._word)),
        )

    def _word(self, value: Any, place: Location) -> Entry:
        if not isinstance(value, dict):
            self._wrong_type(place, "an object")
            return Entry("")
        pronunciations = tuple(self._list(value, (*place, "pronunciations"), self._text))
        place = (*place, "spelling")
        if "spelling" not in value:
            self._note(place, "A word needs a spelling.", "value.missing")
            return Entry("")
        spelling = self._text(value["spelling"], place)
        if len(spelling.split()) > 1:
            message = "A word has no spaces; write + between the words of one, or a preferred phrase."
            self._note(place, message, Problem.UNSUPPORTED_GRAPHEME.name)
        return Entry(spelling, pronunciations)

    def _list(self, holder: dict[str, Any], place: Location, item: Callable[[Any, Location], T]) -> list[T]:
        values = holder.get(str(place[-1]), [])
        if not isinstance(values, list):
            self._wrong_type(place, "an array")
            return []
        return [item(value, (*place, number)) for number, value in enumerate(values)]

    def _text(self, value: Any, place: Location) -> str:
        if not isinstance(value, str):
            self._wrong_type(place, "a string")
            return ""
        if not value.strip():
            self._note(place, "It is empty: write it, or leave it out.", Problem.EMPTY_FIELD.name)
        return value

    def _wrong_type(self, place: Location, wanted: str) -> None:
        self._note(place, f"It must be {wanted}.", "value.type")

    def _note(self, place: Location, message: str, kind: str) -> None:
        self.details.append(Detail(place, message, kind))


def excesses(limits: VocabularyLimits, draft: Draft) -> Iterator[Detail]:
    """What is beyond a limit of this server."""
    return map(_excess, limits.excesses(draft))


def _excess(excess: Excess) -> Detail:
    place: Location = {"phrases": _PHRASES, "dictionary": _WORDS}[excess.part]
    if excess.number is None:
        return Detail(place, excess.message, "value.too-large")
    return Detail((*place, excess.number), f"It {excess.message}", "value.too-large")


def problems(draft: Draft, checked: CheckedVocabulary) -> Iterator[Detail]:
    """What cannot be used of a draft, each in its place."""
    for number, phrase in enumerate(checked.phrases):
        if phrase.problem is not None:
            yield Detail((*_PHRASES, number), f"The phrase cannot be used: {phrase.warning}.", phrase.problem.name)
    left_out = {
        clean(word.spelling): {said.written: said for said in word.pronunciations if said.problem is not None}
        for word in checked.words
    }
    for number, entry in enumerate(draft.words):
        found = left_out[clean(entry.spelling)]
        fields: list[tuple[str, Location]] = [("", (*_WORDS, number, "spelling"))]
        fields += [
            (written, (*_WORDS, number, "pronunciations", place)) for place, written in enumerate(entry.pronunciations)
        ]
        for written, place in fields:
            if (said := found.get(written)) is not None and said.problem is not None:
                yield Detail(place, f"It cannot be used: {said.reason}", said.problem.name)


def words_of_phrases(checked: CheckedVocabulary, most: int) -> Draft:
    """The distinct words of the phrases that are no additional words; of more than ``most`` the first."""
    known = {"", *(clean(word.spelling).casefold() for word in checked.words)}
    spoken: dict[str, str] = {}
    for phrase in checked.accepted.phrases:
        for word in map(bare, phrase.text.split()):
            if not word.startswith("$"):
                spoken.setdefault(clean(word).casefold(), word)
    words = (Entry(word) for key, word in spoken.items() if key not in known)
    return Draft(words=tuple(islice(words, most)))


def additional_words(words: Iterable[CheckedWord]) -> list[AdditionalWord]:
    """Every word with all its usable pronunciations. One that cannot be pronounced is not there."""
    return [
        AdditionalWord(
            word.spelling,
            [
                Pronunciation(said.written, said.out_of_vocabulary)
                for said in word.pronunciations
                if said.problem is None
            ],
        )
        for word in words
        if word.accepted is not None
    ]
