"""Phonexia's preferred phrases and dictionaries ↔ our vocabulary. Pure.

The command line reads the same JSON.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from dragoman.apis.phonexia_v1 import wire
from dragoman.core.errors import InvalidField
from dragoman.core.request import Phrase
from dragoman.language.dictionary import CheckedPronunciation, Entry
from dragoman.service.vocabulary import CheckedVocabulary, Draft

T = TypeVar("T")

_WRAPPERS: Final = ("data", "preferred_phrases")
"""The document wraps the same object in one of these over REST and in both over WebSocket."""


def read(raw: bytes | str, field: str = "preferred_phrases") -> wire.Preferred:
    """The object with ``phrases``, ``dictionary`` or both, wrapped or bare.

    Raises ``InvalidField`` that names ``field`` and the place in it.
    """
    body = _decoded(raw, field)
    for wrapper in _WRAPPERS:
        if isinstance(body, dict) and set(body) == {wrapper}:
            body = body[wrapper]
    if not isinstance(body, dict):
        raise InvalidField(f"{field} must be a JSON object with phrases, a dictionary or both.", field=field)
    preferred = _converted(body, wire.Preferred, field)
    if preferred.phrases is UNSET and preferred.dictionary is UNSET:
        raise InvalidField(f"{field} has neither phrases nor a dictionary.", field=field)
    return preferred


def _decoded(raw: bytes | str, field: str) -> Any:
    text = raw if isinstance(raw, str) else _text(raw, field)
    try:
        return msgspec.json.decode(text.removeprefix("\ufeff"))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidField(f"{field} is not JSON: {error}", field=field) from error
    except RecursionError:
        raise InvalidField(f"{field} is nested too deeply.", field=field) from None


def _text(raw: bytes, field: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidField(f"{field} is not UTF-8 text.", field=field) from None


def _converted(body: object, kind: type[T], field: str) -> T:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise InvalidField(f"{field}: {error}", field=field) from error


def dictionary_draft(raw: bytes) -> Draft:
    """The words of a body for ``checkdictionary``; phrases beside them are not looked at. Raises ``InvalidField``."""
    preferred = read(raw, "body")
    if not preferred.dictionary:
        raise InvalidField("The body has no dictionary with one or more words.", field="body")
    return Draft(words=draft(preferred).words)


def draft(preferred: wire.Preferred) -> Draft:
    return Draft(
        tuple(Phrase(entry.phrase) for entry in preferred.phrases or ()),
        tuple(
            Entry(entry.word, tuple(each.phonemes for each in entry.pronunciations or ()))
            for entry in preferred.dictionary or ()
        ),
    )


def refuse_bad_phrases(checked: CheckedVocabulary) -> None:
    """A phrase has no place for a warning in the document, so the first one that cannot be used raises."""
    for number, phrase in enumerate(checked.phrases):
        if phrase.warning:
            raise InvalidField(f"preferred_phrases.phrases[{number}]: {phrase.warning}.", field="preferred_phrases")


def phrases(checked: CheckedVocabulary) -> list[wire.Phrase]:
    """As they were sent."""
    return [wire.Phrase(phrase.text) for phrase in checked.phrases]


def dictionary(checked: CheckedVocabulary) -> list[wire.CheckedWord]:
    """Every word with all that is known of it, and what was left out with the reason."""
    return [wire.CheckedWord(word.spelling, list(map(_pronunciation, word.pronunciations))) for word in checked.words]


def _pronunciation(checked: CheckedPronunciation) -> wire.Pronunciation:
    return wire.Pronunciation(checked.written, checked.out_of_vocabulary, checked.word_class, checked.warning)
