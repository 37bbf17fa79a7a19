"""Files of phrases and of dictionary words, as plain lines or as the JSON that Phonexia's clients send."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dragoman.core.errors import InvalidField
from dragoman.core.request import Phrase

if TYPE_CHECKING:
    from dragoman.language.dictionary import Entry
    from dragoman.server.settings import Settings
    from dragoman.service.vocabulary import CheckedVocabulary, Draft


def read_phrases(path: Path) -> Draft:
    """A phrase a line, or the phrases of the JSON. Raises a usage error that names the file."""
    from dragoman.service.vocabulary import Draft

    text = _text(path)
    phrases = _json(path, text).phrases if _is_json(text) else tuple(map(Phrase, _lines(text)))
    if not phrases:
        raise click.UsageError(f"{path} has no phrases.")
    return Draft(phrases=phrases)


def read_dictionary(path: Path) -> Draft:
    """A word a line, after a tab its pronunciation, or the dictionary of the JSON. Raises a usage error."""
    from dragoman.service.vocabulary import Draft

    text = _text(path)
    words = _json(path, text).words if _is_json(text) else tuple(map(_entry, _lines(text)))
    if not words:
        raise click.UsageError(f"{path} has no dictionary.")
    return Draft(words=words)


def read_either(path: Path) -> Draft:
    """All of the JSON; or of lines a dictionary, if any of them has a tab, or else phrases. Raises a usage error."""
    text = _text(path)
    if _is_json(text):
        return _json(path, text)
    return read_dictionary(path) if "\t" in text else read_phrases(path)


def check(draft: Draft, settings: Settings) -> CheckedVocabulary:
    """Raises ``DragomanError``, and a usage error for a folder of word classes that cannot be used."""
    from dragoman.language.classes import InvalidWordClass
    from dragoman.server.vocabularies import build_vocabularies

    try:
        vocabularies = build_vocabularies(settings)
    except InvalidWordClass as error:
        raise click.UsageError(f"classes_dir: {error}") from error
    return asyncio.run(vocabularies.check(draft))


def left_out(checked: CheckedVocabulary) -> Iterator[str]:
    """What was left out and why, a line each."""
    for phrase in checked.phrases:
        if phrase.warning:
            yield f"phrase '{printable(phrase.text)}': Left out: {phrase.warning}."
    for word in checked.words:
        for said in word.pronunciations:
            if said.warning:
                yield f"word '{printable(word.spelling)}': {printable(said.warning)}"


def printable(text: str) -> str:
    """The text with an escape for every character that would do something to a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path} is not UTF-8 text.") from error


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _json(path: Path, text: str) -> Draft:
    from dragoman.apis.phonexia_v1 import vocabulary

    try:
        return vocabulary.draft(vocabulary.read(text, str(path)))
    except InvalidField as error:
        raise click.UsageError(error.message) from error


def _lines(text: str) -> Iterator[str]:
    """Blank lines and those that begin with ``#`` say nothing."""
    return (line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#"))


def _entry(line: str) -> Entry:
    from dragoman.language.dictionary import Entry

    spelling, *pronunciations = (part.strip() for part in line.split("\t"))
    return Entry(spelling, tuple(filter(None, pronunciations)))
