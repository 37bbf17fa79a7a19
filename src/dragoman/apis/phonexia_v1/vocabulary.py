"""Phonexia's preferred phrases and dictionaries ↔ our vocabulary. Pure.

The command line reads the same JSON.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from dragoman.apis.phonexia_v1 import wire
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import InvalidField, UnsupportedOption
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
    return preferred(decoded(raw, field), field)


def preferred(body: Any, field: str = "preferred_phrases") -> wire.Preferred:
    """The same of JSON that is decoded already."""
    for wrapper in _WRAPPERS:
        if isinstance(body, dict) and set(body) == {wrapper}:
            body = body[wrapper]
    if not isinstance(body, dict):
        raise InvalidField(f"{field} must be a JSON object with phrases, a dictionary or both.", field=field)
    sent = _converted(body, wire.Preferred, field)
    if sent.phrases is UNSET and sent.dictionary is UNSET:
        raise InvalidField(f"{field} has neither phrases nor a dictionary.", field=field)
    return sent


def decoded(raw: bytes | str, field: str) -> Any:
    """Any JSON. Raises ``InvalidField``."""
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
    sent = read(raw, "body")
    if not sent.dictionary:
        raise InvalidField("The body has no dictionary with one or more words.", field="body")
    return Draft(words=draft(sent).words)


def draft(sent: wire.Preferred) -> Draft:
    return Draft(
        tuple(Phrase(entry.phrase) for entry in sent.phrases or ()),
        tuple(
            Entry(entry.word, tuple(each.phonemes for each in entry.pronunciations or ()))
            for entry in sent.dictionary or ()
        ),
    )


def draft_for(capabilities: Capabilities, sent: wire.Preferred) -> Draft:
    """Raises ``UnsupportedOption`` for phrases that the recogniser would not prefer."""
    drafted = draft(sent)
    if drafted.phrases and not capabilities.phrases:
        raise UnsupportedOption(
            "The recogniser of this server cannot prefer phrases; send the dictionary alone.",
            field="preferred_phrases",
        )
    return drafted


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
