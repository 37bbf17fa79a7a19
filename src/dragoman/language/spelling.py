"""English words as they are spelt in Britain, America or Australia.

The table (``tools/extract_spelling.py`` makes it) holds pairs that are safe wherever the word may stand: what is right
in the wanted spelling already, in any sense of the word, is never changed. A transcript is respelled word by word, so
nothing is known of what stands around.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

LOCALES: Final = ("en-GB", "en-US", "en-AU")

_PART: Final = re.compile(r"(?<![\w@.])[^\W\d_]+(?![\w@]|\.\w)")
"""Letters that stand together; not in addresses, names of files, or next to digits."""

_NAMES: Final = frozenset(
    {"arbor", "center", "centre", "chili", "endeavour", "gray", "grays", "grey", "greys", "harbor", "harbour", "labor"}
    | {"labour", "luster", "mold", "storey", "sulphur", "theater", "theatre"}
)
"""With a capital these are likely to be part of a name, which is nobody's to respell: Ann Arbor, the Labour Party."""

_AUSTRALIAN: Final = {"programme": "program", "programmes": "programs"}
_ALSO_AUSTRALIAN: Final = frozenset({"fetal", "fetus", "fetuses"})
"""Not changed, as both spellings are right there."""


def respell(text: str, locale: str) -> str:
    """A word as it is displayed, or several, in the spelling of one of ``LOCALES``; capitals and all else stay.

    ``respell("Color-coded,", "en-GB")`` is ``"Colour-coded,"``. Raises ``KeyError`` for another locale.
    """
    table = _tables()[locale]
    return _PART.sub(lambda part: _in_case_of(part[0], table), text)


def _in_case_of(part: str, table: Mapping[str, str]) -> str:
    lower = part.lower()
    other = table.get(lower)
    if other is None or part == lower:
        return other or part
    if part == lower.capitalize():
        return part if lower in _NAMES else other.capitalize()
    return other.upper() if part == lower.upper() else part


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Mapping[str, str]]:
    to_american, to_british = {}, {}
    for line in files("dragoman.language").joinpath("data/spelling-en.txt").read_text(encoding="utf-8").splitlines():
        american, direction, british = line.split()
        if direction in "<=":
            to_american[british] = american
        if direction in "=>":
            to_british[american] = british
    to_australian = {word: other for word, other in to_british.items() if word not in _ALSO_AUSTRALIAN} | _AUSTRALIAN
    return {"en-GB": to_british, "en-US": to_american, "en-AU": to_australian}
