"""Speechmatics's custom dictionary → our vocabulary, and what is said of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dragoman.apis.speechmatics_v1.wire import CustomWord
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import InvalidField
from dragoman.core.request import Phrase
from dragoman.language.dictionary import Entry
from dragoman.service.vocabulary import CheckedVocabulary, Draft

_MOST_WARNINGS: Final = 20


def draft(words: Sequence[str | CustomWord]) -> Draft:
    """Every word or phrase is preferred, and those of which it is said how they sound are words of the dictionary as
    well. Raises ``InvalidField`` that names the place."""
    phrases, entries = [], []
    for number, word in enumerate(words):
        entry = word if isinstance(word, CustomWord) else CustomWord(word)
        content = " ".join(entry.content.split())
        if not content:
            raise InvalidField(f"additional_vocab[{number}] has no content.", field="config")
        for sounds_like in entry.sounds_like or ():
            if not sounds_like or any(map(str.isspace, sounds_like)):
                raise InvalidField(
                    f"additional_vocab[{number}]: sounds_like must be words without white space; write "
                    f"{''.join(sounds_like.split())[:60]!r} or several of them.",
                    field="config",
                )
        phrases.append(Phrase(content.replace("$", "")))  # what begins with a dollar would be a word class
        if entry.sounds_like:
            entries.append(Entry(content, sounds_like=tuple(entry.sounds_like)))
    return Draft(tuple(phrases), tuple(entries))


def draft_for(capabilities: Capabilities, wanted: Draft) -> Draft:
    """A recogniser that cannot prefer phrases gets all of them as words that sound as they are spelt."""
    if capabilities.phrases:
        return wanted
    known = {entry.spelling for entry in wanted.words}
    rest = (Entry(phrase.text) for phrase in wanted.phrases if phrase.text not in known)
    return Draft(words=(*wanted.words, *rest))


def warnings(checked: CheckedVocabulary) -> tuple[str, ...]:
    """What was left out, and why; of very many the first."""
    found = (
        *(f"additional_vocab {phrase.text!r}: {phrase.warning}" for phrase in checked.phrases if phrase.warning),
        *(
            f"additional_vocab {word.spelling!r}: {pronunciation.warning}"
            for word in checked.words
            for pronunciation in word.pronunciations
            if pronunciation.warning
        ),
    )
    more = len(found) - _MOST_WARNINGS
    return found if more <= 0 else (*found[:_MOST_WARNINGS], f"additional_vocab: {more} more were left out.")
