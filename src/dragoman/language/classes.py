"""Classes of words: ``$first_name`` in a phrase stands for any first name.

The lists of English come with the package (``tools/extract_classes.py`` makes them); operators add their own as files.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from dragoman.language.graphemes import fold, words_of

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TOKEN: Final = re.compile(r"(?<![\w$])\$([a-zA-Z_]\w*)", re.ASCII)
_LARGEST_FILE: Final = 8 * 2**20
_MOST_MEMBERS: Final = 100_000
_LONGEST_MEMBER: Final = 200


@dataclass(frozen=True, slots=True)
class ClassToken:
    """``$name`` in a phrase."""

    name: str

    def __str__(self) -> str:
        return "$" + self.name


class InvalidWordClass(ValueError):
    """A file of the operator's folder is no word class. The message names it and says what to do."""


class WordClasses:
    """The built-in classes and those of an operator's folder, where ``<name>.txt`` lists the members of ``$name``."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._own: dict[str, tuple[str, ...]] = {}
        self._keys = lru_cache(maxsize=None)(self._read_keys)

    def load(self) -> None:
        """Read the operator's folder; the built-in lists are read when first asked for.

        A class of the operator replaces a built-in one of that name. Raises ``InvalidWordClass``.
        """
        self._own = {} if self._folder is None else _read_folder(self._folder)
        self._keys.cache_clear()

    def names(self) -> tuple[str, ...]:
        """Every class, in the order of the alphabet."""
        return tuple(sorted({*_built_in_names(), *self._own}))

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in _built_in_names()

    def members(self, name: str) -> tuple[str, ...]:
        """The members of a class as they are usually written. Raises ``KeyError`` for a class that does not exist."""
        if name not in self:
            raise KeyError(name)
        return self._own[name] if name in self._own else _built_in(name)

    def classes_of(self, word: str) -> tuple[str, ...]:
        """The classes a word or several words belong to, those with the fewest members first; case does not matter."""
        key = _key(word)
        found = [name for name in self.names() if key in self._keys(name)]
        return tuple(sorted(found, key=lambda name: len(self._keys(name))))

    def _read_keys(self, name: str) -> frozenset[str]:
        return frozenset(map(_key, self.members(name)))


def split_phrase(text: str) -> list[str | ClassToken]:
    """A phrase as text and class tokens, in order; put together again they are the phrase.

    ``"call $first_name now"`` is ``["call ", ClassToken("first_name"), " now"]``. ``$5`` and ``US$`` are text. Whether
    a class exists is for the caller to ask.
    """
    parts: list[str | ClassToken] = []
    at = 0
    for token in _TOKEN.finditer(text):
        if token.start() > at:
            parts.append(text[at : token.start()])
        parts.append(ClassToken(token[1]))
        at = token.end()
    if at < len(text):
        parts.append(text[at:])
    return parts


def _key(text: str) -> str:
    plain = text if text.isascii() else fold(text)[0]
    return " ".join(words_of(plain)).casefold()


@lru_cache(maxsize=1)
def _built_in_names() -> frozenset[str]:
    folder = files("dragoman.language").joinpath("data/classes")
    return frozenset(file.name.removesuffix(".txt") for file in folder.iterdir() if file.name.endswith(".txt"))


@cache
def _built_in(name: str) -> tuple[str, ...]:
    text = files("dragoman.language").joinpath(f"data/classes/{name}.txt").read_text(encoding="utf-8")
    return _entries(text)


def _entries(text: str) -> tuple[str, ...]:
    """One a line; blank lines and those that begin with ``#`` say nothing, and what is listed twice counts once."""
    lines = (" ".join(words_of(unicodedata.normalize("NFC", line))) for line in text.split("\n"))
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def _read_folder(folder: Path) -> dict[str, tuple[str, ...]]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".txt" and not path.name.startswith("."))
    except OSError as error:
        raise InvalidWordClass(f"the folder of word classes {folder} cannot be read: {error.strerror}") from error
    return {path.stem: _read_file(path) for path in paths}


def _read_file(path: Path) -> tuple[str, ...]:
    def invalid(problem: str) -> InvalidWordClass:
        return InvalidWordClass(f"the word class {path}: {problem}")

    if not _NAME.fullmatch(path.stem):
        raise invalid("name the file after the class: a small letter, then small letters, digits and _, at most 64")
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise invalid(f"cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST_FILE:
        raise invalid(f"larger than {_LARGEST_FILE // 2**20} MB; keep the entries that matter")
    try:
        entries = _entries(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise invalid(f"line {line} is not UTF-8; save the file in that encoding") from error
    if not entries:
        raise invalid("has no entries; write one a line, or remove the file")
    if len(entries) > _MOST_MEMBERS:
        raise invalid(f"has more than {_MOST_MEMBERS} entries; keep those that matter")
    for entry in entries:
        if len(entry) > _LONGEST_MEMBER:
            raise invalid(f"an entry is longer than {_LONGEST_MEMBER} characters; write one a line")
        if any(unicodedata.category(character) == "Cc" for character in entry):
            raise invalid("contains control characters; is it a text file?")
    return entries
