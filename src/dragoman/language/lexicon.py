"""Pronunciations of 126,000 English words: the CMUdict beside the acoustic model of the pocketsphinx package."""

from __future__ import annotations

import importlib.util
import mmap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from dragoman.core.errors import EngineNotReady
from dragoman.language.phonemes import Pronunciation


def english_model_folder() -> Path:
    """The folder of the English models in the pocketsphinx package, which is found but not imported.

    Raises ``EngineNotReady`` when it is not installed.
    """
    spec = importlib.util.find_spec("pocketsphinx")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "model" / "en-us"
        if folder.is_dir():
            return folder
    raise EngineNotReady("word times need the package pocketsphinx with its model: pip install 'pocketsphinx>=5.1.1'")


class Lexicon:
    """A dictionary file in the format of CMUdict, searched where it lies: nothing is copied into memory.

    A line is a word and its phones; further pronunciations follow as ``word(2)``, ``word(3)``. Lines are in the order
    of their words.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._text: mmap.mmap | bytes = b""
        self._find = lru_cache(maxsize=16_384)(self._search)

    def load(self) -> None:
        """Open the file; by default the one of the pocketsphinx package. Raises ``EngineNotReady`` without it."""
        path = self._path or english_model_folder() / "cmudict-en-us.dict"
        try:
            with path.open("rb") as file:
                self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise EngineNotReady(f"the pronouncing dictionary {path.name} cannot be read: {error}") from error
        self._find.cache_clear()

    def pronunciations(self, word: str) -> tuple[Pronunciation, ...]:
        """All pronunciations, the usual one first; none for an unknown word. Upper and lower case are one."""
        return self._find(word.lower())

    def __contains__(self, word: str) -> bool:
        return bool(self.pronunciations(word))

    def words(self) -> Iterator[str]:
        """Every word once, in the order of the file."""
        previous = None
        position, size = 0, len(self._text)
        while position < size:
            word, _, position = self._line(position)
            if word != previous:
                yield word.decode()
                previous = word

    def _line(self, start: int) -> tuple[bytes, bytes, int]:
        """The word of the line that begins at ``start``, without its number; its phones; the start of the next line."""
        end = self._text.find(b"\n", start)
        if end < 0:
            end = len(self._text)
        name, _, phones = self._text[start:end].partition(b" ")
        if name.endswith(b")"):
            name = name[: name.rindex(b"(")]
        return name, phones, end + 1

    def _search(self, word: str) -> tuple[Pronunciation, ...]:
        wanted = word.encode(errors="replace")
        low, high = 0, len(self._text)  # starts of lines; the wanted ones, if any, begin in low..high
        while low < high:
            middle = self._text.rfind(b"\n", low, (low + high) // 2) + 1 or low
            name, _, following = self._line(middle)
            if name < wanted:
                low = following
            else:
                high = middle
        found = []
        while low < len(self._text):
            name, phones, low = self._line(low)
            if name != wanted:
                break
            found.append(tuple(phones.decode().split()))
        return tuple(dict.fromkeys(found))
