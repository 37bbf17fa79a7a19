"""Preferred phrases as sherpa-onnx takes them, spelt with what the model can say. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from dragoman.core.request import Phrase

_BONUS: Final = 1.5
"""In nats for each token of a phrase; the library's own measure."""
_INSIDE: Final = "'-"
"""Part of a word if the model knows them; if not, a hyphen is a space."""


def hot_words(
    phrases: Sequence[Phrase],
    letters: frozenset[str],
    class_members: Callable[[str], Sequence[str]] = lambda name: (),
) -> str:
    """The phrases that can be spelt with these letters, in the form of the library, each with its bonus. Those that
    cannot, with digits for example, are left out: the library would take half of them.
    """
    bonuses: dict[str, float] = {}
    for phrase in phrases:
        if phrase.weight <= 0:
            continue
        for text in _expanded(phrase.text, class_members):
            for spelling in _spellings(text, letters):
                bonuses[spelling] = max(bonuses.get(spelling, 0.0), _BONUS * phrase.weight)
    return "/".join(f"{spelling} :{bonus:.3f}" for spelling, bonus in bonuses.items())


def _expanded(text: str, class_members: Callable[[str], Sequence[str]]) -> Iterator[str]:
    """With each member of a class that is named in it; a phrase with two classes is one too many."""
    words = text.split()
    places = [at for at, word in enumerate(words) if word.startswith("$")]
    if not places:
        yield text
    elif len(places) == 1:
        (at,) = places
        for member in class_members(words[at][1:]):
            yield " ".join([*words[:at], member, *words[at + 1 :]])


def _spellings(text: str, letters: frozenset[str]) -> Iterable[str]:
    """As it is written, and with a capital first; a model that knows one case has no other."""
    cased = [text, text[:1].upper() + text[1:], text.lower(), text.upper()]
    able = dict.fromkeys(spelling for each in cased if (spelling := _spelt(each, letters)))
    knows_both = any(letter.isupper() for letter in letters) and any(letter.islower() for letter in letters)
    return list(able)[:2] if knows_both else able


def _spelt(text: str, letters: frozenset[str]) -> str | None:
    """In the letters of the model, without accents that it does not know."""
    found = []
    for letter in unicodedata.normalize("NFC", text.replace("’", "'")):
        plain = "".join(c for c in unicodedata.normalize("NFD", letter) if not unicodedata.combining(c))
        known = next((each for each in (letter, plain) if each and set(each) <= letters), None)
        if known is not None and (letter.isalpha() or letter in _INSIDE):
            found.append(known)
        elif letter.isalnum():
            return None
        elif letter != "'":
            found.append(" ")
    return " ".join("".join(found).split()) or None
