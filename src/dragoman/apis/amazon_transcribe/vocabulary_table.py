"""How Amazon's clients write vocabularies and filters: lists, tables of four columns, files of words.

Source: "Creating a custom vocabulary using a table" and "Creating a vocabulary filter" in the developer guide.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from dragoman.core.errors import InvalidField
from dragoman.core.request import Phrase
from dragoman.core.word_lists import VocabularyEntry
from dragoman.language.dictionary import Entry
from dragoman.language.ipa import UnsupportedSign, from_ipa
from dragoman.language.notation import to_phonexia
from dragoman.service.vocabulary import Draft

_COLUMNS: Final = {"Phrase": "phrase", "SoundsLike": "sounds_like", "IPA": "ipa", "DisplayAs": "display"}
_LONGEST: Final = 256
_SIGNS: Final = frozenset("-.'’")
"""What a phrase is written with besides letters."""


def from_phrases(phrases: Sequence[str]) -> tuple[VocabularyEntry, ...]:
    """Raises ``InvalidField`` that tells the person what to change."""
    if not phrases:
        raise InvalidField("The vocabulary has no phrases.")
    for number, phrase in enumerate(phrases, start=1):
        _check_phrase(phrase, f"Phrase {number}")
    return tuple(VocabularyEntry(phrase) for phrase in phrases)


def from_table(data: bytes) -> tuple[VocabularyEntry, ...]:
    """Columns in any order; of a row only the phrase is needed. Raises ``InvalidField`` that names the line."""
    lines = _lines(data)
    heading = next(lines, (1, ""))[1].split("\t")
    fields = [_field(name.strip()) for name in heading]
    if "phrase" not in fields or len(set(fields)) != len(fields):
        raise InvalidField(
            f"Line 1 of the table has to name its columns, with tabs between them: {', '.join(_COLUMNS)}, each once."
        )
    entries = []
    for number, line in lines:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) > len(fields):
            raise InvalidField(f"Line {number} of the table has {len(cells)} columns, and line 1 names {len(fields)}.")
        entry = VocabularyEntry(**{"phrase": "", **dict(zip(fields, cells, strict=False))})
        _check_phrase(entry.phrase, f"Line {number}")
        for text in (entry.sounds_like, entry.ipa, entry.display):
            _check_length(text, f"Line {number}")
        entries.append(entry)
    if not entries:
        raise InvalidField("The table has no rows below the names of its columns.")
    return tuple(entries)


def to_table(entries: Sequence[VocabularyEntry]) -> str:
    """What ``from_table`` reads."""
    rows = ["\t".join(getattr(entry, field) for field in _COLUMNS.values()) for entry in entries]
    return "".join(f"{line}\n" for line in ("\t".join(_COLUMNS), *rows))


def draft(entries: Sequence[VocabularyEntry], *, pronounced: bool) -> tuple[Draft, list[str]]:
    """Entries that sound otherwise than they are spelt, or are shown otherwise, are words of the dictionary; the others
    phrases. Remarks are on pronunciations that cannot be used."""
    phrases: list[Phrase] = []
    words: list[Entry] = []
    remarks: list[str] = []
    for entry in entries:
        spelling = _words(entry.phrase)
        shown = entry.display or spelling
        if not pronounced and (entry.ipa or entry.sounds_like):
            remarks.append(f"{entry.phrase!r}: SoundsLike and IPA are used for English only.")
        is_word = entry.ipa or entry.sounds_like or "." in spelling or shown.casefold() != spelling.casefold()
        if not pronounced or not is_word:
            phrases.append(Phrase(shown))
            continue
        pronunciations: tuple[str, ...] = ()
        try:
            pronunciations = (to_phonexia(from_ipa(entry.ipa)),) if entry.ipa else ()
        except UnsupportedSign as error:
            remarks.append(f"{entry.phrase!r}: the IPA is not used, {error}")
        respellings = (entry.sounds_like.replace("-", " "),) if entry.sounds_like else ()
        words.append(Entry(spelling, pronunciations, respellings, entry.display or None))
    return Draft(tuple(phrases), tuple(words)), remarks


def from_words(words: Sequence[str]) -> tuple[str, ...]:
    """Of a filter, each once. Raises ``InvalidField``."""
    kept: dict[str, None] = {}
    for number, word in enumerate(words, start=1):
        text = unicodedata.normalize("NFC", word.strip())
        if len(text.split()) != 1 or not text.isprintable():
            raise InvalidField(f"Entry {number} of the vocabulary filter is not one word.")
        _check_length(text, f"Entry {number}")
        kept[text] = None
    if not kept:
        raise InvalidField("The vocabulary filter has no words.")
    return tuple(kept)


def from_word_file(data: bytes) -> tuple[str, ...]:
    """A word a line. Raises ``InvalidField``."""
    return from_words([line for _, line in _lines(data)])


def to_word_file(words: Sequence[str]) -> str:
    """What ``from_word_file`` reads."""
    return "".join(f"{word}\n" for word in words)


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """Those with something in them, and their numbers."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = data[: error.start].count(b"\n") + 1
        raise InvalidField(f"Line {place} of the file is not UTF-8 text.") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def _field(column: str) -> str:
    if column not in _COLUMNS:
        raise InvalidField(
            f"Line 1 of the table names the column {column[:40]!r}; columns are {', '.join(_COLUMNS)}, "
            "with a single tab between them."
        )
    return _COLUMNS[column]


def _check_phrase(phrase: str, place: str) -> None:
    if not phrase:
        raise InvalidField(f"{place} has no phrase.")
    _check_length(phrase, place)
    if any(character.isspace() for character in phrase):
        raise InvalidField(f"{place}, {phrase!r}: a phrase has no spaces; write hyphens between its words.")
    if any(character.isnumeric() for character in phrase):
        raise InvalidField(f"{place}, {phrase!r}: a phrase has no digits; write numbers as words.")
    for character in phrase:
        if character not in _SIGNS and unicodedata.category(character)[0] not in "LM":
            raise InvalidField(f"{place}, {phrase!r}: {character!r} cannot be part of a phrase.")
    if not any(map(str.isalpha, phrase)):
        raise InvalidField(f"{place}, {phrase!r}: it has no letters.")


def _check_length(text: str, place: str) -> None:
    if len(text) > _LONGEST:
        raise InvalidField(f"{place} has {len(text)} characters; {_LONGEST} are allowed.")


def _words(phrase: str) -> str:
    """As it stands in a sentence: ``Los-Angeles`` has two words, the plural in ``A.B.C.-s`` is not one of its own."""
    return " ".join(phrase.replace(".-s", ".'s").split("-")).strip()
