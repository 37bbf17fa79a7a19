"""Names of people: known first names, what is said to announce one, capitals, letters that spell one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from dragoman.analysis.pii.entity import Entity, PiiType
from dragoman.analysis.pii.heard import FILLERS, HeardWord, listed, stands_for_a_letter
from dragoman.analysis.pii.name_cues import NameCue, NameCueKind, name_cues
from dragoman.analysis.pii.name_lists import (
    is_a_name_by_its_capital,
    is_first_name,
    is_nothing_but_a_name,
    is_surname,
    may_be_another_word,
)
from dragoman.analysis.pii.places import STREETS, large_towns, place
from dragoman.language.common_words import is_common

_TOLD: Final = frozenset(("under", "tell", "told", "ask", "asked", "ask for", "remind", "hired"))
"""What is done with persons only, so that any rare word with a capital is one."""
_SAYS_WHO: Final = frozenset(("this is", "i'm", "i am"))
_PARTICLES: Final = listed("van von der den de del della di da la le bin ibn dos du ter ten")
_OF_A_NATION: Final = ("ish", "ese", "ian", "ean", "can", "ch", "i", "an")
"""Endings of words for where people are from."""
_SPELT: Final = re.compile(r"(?:[A-Za-z][-.]){2,}[A-Za-z]")
_ONLY_TITLES: Final = listed("mr mister mrs missus ms dr uncle aunt auntie")
_RELATIVES: Final = listed(
    "sister brother wife husband son daughter mother father mom mum dad friend partner neighbour neighbor boss manager "
    "colleague cousin nephew niece girlfriend boyfriend roommate teacher assistant supervisor agent"
)
_INTRODUCES: Final = _RELATIVES | frozenset(
    ("this is", "i'm", "i am", "it's", "hi", "hello", "hey", "under", "with", "tell", "ask for", "told", "met", "dear")
)
_LINKS: Final = listed("is it's its that's that as in uh um er and was would be")
"""What may stand between an announcement and the name."""
_MOST_LINKS: Final = 3
_MOST_PARTS: Final = 6
_FEWEST_LETTERS: Final = 3
_MOST_LETTERS: Final = 20
_NEVER: Final = listed(
    "i a the an and or but so if is are was were be been am not no yes okay on in at to for from with by of my your "
    "his her our their this that these those it he she we they you me him us them who what when where why how which "
    "there here please sorry thanks thank just can could would should will shall may might must do does did have "
    "has had spelled spelt spelling actually really mr mrs ms miss dr sir ma'am madam doctor nurse mister mom dad mum "
    "god monday tuesday wednesday thursday friday saturday sunday january february march july september october "
    "november december english spanish french german american british apple google amazon customer team everyone "
    "everybody all sir madam calling speaking your going gonna christmas first last middle name names address "
    "number double internet tv uk usa us"
)
_ORGANISATIONS: Final = listed(
    "bank support company corporation corp inc ltd llc motors hotel hospital university college school store shop "
    "airport vaccine county city station park stadium museum building bridge island islands river lake insurance group "
    "services service foundation institute church center centre avenue court square house league cup"
)
_PLACED_BY: Final = listed("in from near to at of around through via leave for")


def find_names(words: Sequence[HeardWord], taken: Iterable[Entity]) -> list[Entity]:
    """Names outside what is taken already."""
    return _Names(words, taken).find()


class _Names:
    def __init__(self, words: Sequence[HeardWord], taken: Iterable[Entity]) -> None:
        self._words = words
        self._taken = {place for entity in taken for place in range(entity.start_word, entity.stop_word)}
        self._has_case = _has_case(words)
        self._cues = name_cues(words)

    def find(self) -> list[Entity]:
        found: list[Entity] = []
        at = 0
        while at < len(self._words):
            entity = None if at in self._taken else self._spelt(at, found) or self._name(at)
            if entity is None:
                at += 1
                continue
            if found and found[-1].stop_word == entity.start_word and self._is_spelling(entity):
                entity = Entity(found.pop().start_word, entity.stop_word, PiiType.NAME, entity.confidence)
            found.append(entity)
            at = entity.stop_word
        return found

    def _name(self, at: int) -> Entity | None:
        word = self._words[at]
        is_short_for = self._has_case and len(word.text) > 1 and word.text.isupper()
        if is_short_for or not _is_word(word) or (word.lower in _NEVER and not self._is_capital_inside(at)):
            return None
        if stands_for_a_letter(self._words, at):
            return None
        cue = self._announcement(at)
        confidence = self._first_part(at, cue)
        if confidence is None:
            return None
        stop = self._further_parts(at, cue)
        if self._is_something_else(at, stop, cue):
            return None
        return Entity(at, stop, PiiType.NAME, confidence)

    def _first_part(self, at: int, cue: NameCue | None) -> float | None:
        """How sure a name begins here; ``None`` when none does."""
        word = self._words[at]
        if self._has_case and not word.is_capital:
            return None
        if cue is not None and cue.kind is NameCueKind.STRONGLY:
            return self._named(at, cue)
        if cue is not None and cue.kind is NameCueKind.TITLE:
            return self._titled(at, cue)
        if is_nothing_but_a_name(word.lower):
            return 0.9 if cue is not None or self._is_capital_inside(at) else 0.8
        return self._by_its_looks(at, cue) or (self._introduced(at, cue) if cue is not None else None)

    def _named(self, at: int, cue: NameCue) -> float | None:
        """Behind "my name is"."""
        word = self._words[at].lower
        is_known = is_first_name(word) or is_surname(word)
        if self._is_capital_inside(at):
            return 0.95 if is_known else 0.85 if word not in _NEVER else None
        if is_nothing_but_a_name(word):
            return 0.95
        if is_common(word):
            return 0.9 if is_known and self._stands_alone(at) else None
        if is_known:
            return 0.9
        return 0.8 if "name" in cue.phrase and word not in _NEVER and len(word) > 2 else None

    def _titled(self, at: int, cue: NameCue) -> float | None:
        """Behind "Dr."; "miss" and "doctor" are words as well."""
        word = self._words[at].lower
        if word in _NEVER:
            return None
        if self._is_capital_inside(at):
            return 0.95
        is_first, is_rare = is_first_name(word), not is_common(word)
        if is_nothing_but_a_name(word) or (is_rare and (is_first or is_surname(word))):
            return 0.9
        return 0.75 if cue.phrase in _ONLY_TITLES and (is_first or is_rare) else None

    def _by_its_looks(self, at: int, cue: NameCue | None) -> float | None:
        """A first name by its capital, or by the surname behind it."""
        word = self._words[at]
        if word.lower in _NEVER or not is_first_name(word.lower):
            return None
        is_odd = may_be_another_word(word.lower)
        if self._is_capital_inside(at) and not is_odd:
            return 0.85
        if self._is_capital_inside(at) and self._is_person_by_capital(at, cue):
            return 0.7
        if word.is_capital and self._has_surname(at):
            return 0.85
        return 0.75 if not self._has_case and not is_odd and self._has_rare_surname(at) else None

    def _introduced(self, at: int, cue: NameCue) -> float | None:
        """Behind "my sister", "this is", "ask"."""
        word = self._words[at].lower
        if word in _NEVER:
            return None
        if not self._has_case:
            is_known = cue.phrase in _INTRODUCES and is_first_name(word) and not may_be_another_word(word)
            is_speaking = cue.phrase == "this is" and not is_common(word) and self._is_speaking(at)
            return 0.75 if is_known or is_speaking else None
        if not self._is_capital_inside(at):
            return None
        if cue.phrase in _RELATIVES and (is_first_name(word) or is_surname(word)):
            return 0.85
        if is_common(word) or _sounds_of_place(word):
            return None
        is_told = cue.phrase in _TOLD or (cue.phrase in _INTRODUCES and self._has_surname(at))
        return 0.65 if is_told or (cue.phrase in _SAYS_WHO and self._introduces(at)) else None

    def _is_person_by_capital(self, at: int, cue: NameCue | None) -> bool:
        """Whether a word that is a name and something else has its capital because a person is meant."""
        word = self._words[at].lower
        if not is_a_name_by_its_capital(word):
            return False
        before = self._words[at - 1].lower
        if word in large_towns():
            return cue is not None and before not in _PLACED_BY and before not in ("and", "is", "see", "was", "by")
        return before not in ("the", "a", "an", "this", "that", "our", "new")

    def _introduces(self, at: int) -> bool:
        """Whether "I'm Sahana, …" says who somebody is, not what."""
        word = self._words[at]
        after = self._words[at + 1].lower if at + 1 < len(self._words) else ""
        is_all = word.has_pause or after in ("", "and", "from", "calling", "speaking", "here", "with")
        return is_all and not word.lower.endswith(_OF_A_NATION)

    def _is_speaking(self, at: int) -> bool:
        return at + 1 < len(self._words) and self._words[at + 1].lower in ("speaking", "calling")

    def _has_surname(self, at: int) -> bool:
        """A surname with a capital follows at once."""
        word = self._words[at]
        if word.has_pause or word.is_possessive or at + 1 >= len(self._words) or at + 1 in self._taken:
            return False
        after = self._words[at + 1]
        if after.lower.startswith(("al-", "el-")) or self._has_particle(at + 1):
            return True
        if not after.is_capital or not _is_word(after) or after.lower in _NEVER:
            return False
        if is_surname(after.lower):
            return True
        if may_be_another_word(word.lower) and not is_a_name_by_its_capital(word.lower):
            return False
        is_first = is_first_name(after.lower) and not may_be_another_word(word.lower)
        return is_first or (not is_common(after.lower) and not _sounds_of_place(after.lower))

    def _has_particle(self, at: int) -> bool:
        """ "van", "de la" with a capital behind it."""
        stop = at
        while stop < len(self._words) and stop - at < 2 and self._words[stop].lower in _PARTICLES:
            stop += 1
        return at < stop < len(self._words) and self._words[stop].is_capital

    def _has_rare_surname(self, at: int) -> bool:
        """A surname that is no other word follows at once, in a text without capitals."""
        if self._words[at].has_pause or self._words[at].is_possessive or at + 1 >= len(self._words):
            return False
        after = self._words[at + 1].lower
        return is_surname(after) and not is_common(after) and not _sounds_of_place(after)

    def _further_parts(self, at: int, cue: NameCue | None) -> int:
        stop = at + 1
        while stop < len(self._words) and stop - at < _MOST_PARTS and stop not in self._taken:
            before, word = self._words[stop - 1], self._words[stop]
            if before.has_pause or before.is_possessive or not _is_word(word):
                break
            if word.is_letter and word.is_capital and stop + 1 < len(self._words) and self._words[stop + 1].is_capital:
                stop += 1
                continue
            if self._has_particle(stop):
                stop += 1
                continue
            if word.is_letter or word.lower in _NEVER:
                break
            is_name = is_surname(word.lower) or is_first_name(word.lower)
            if self._has_case:
                has_capital = word.is_capital or word.lower.startswith(("al-", "el-"))
                continues = has_capital and (is_name or not is_common(word.lower))
            elif is_common(word.lower) and not is_nothing_but_a_name(word.lower):
                continues = cue is not None and is_surname(word.lower) and self._stands_alone(stop)
            else:
                has_title = cue is not None and cue.kind is not NameCueKind.WEAKLY
                is_called = cue is not None and "name" in cue.phrase and self._stands_alone(stop)
                is_second = stop == at + 1 and (is_called or is_nothing_but_a_name(before.lower))
                continues = is_name or (has_title and is_second and not is_common(word.lower))
            if not continues:
                break
            stop += 1
        return stop

    def _is_something_else(self, at: int, stop: int, cue: NameCue | None) -> bool:
        """A company, a street or a town called like a person."""
        last = self._words[stop - 1]
        after = self._words[stop].lower if stop < len(self._words) and not last.has_pause else ""
        if last.is_possessive:
            return at > 0 and self._words[at - 1].lower in ("st", "saint") and after in _ORGANISATIONS
        if after in _ORGANISATIONS or after in STREETS or last.lower in _ORGANISATIONS or last.lower in STREETS:
            return True
        word = self._words[at].lower
        is_town = stop == at + 1 and not is_nothing_but_a_name(word) and place(self._words, at) is not None
        is_strong = cue is not None and cue.kind is not NameCueKind.WEAKLY
        return is_town and not is_strong and at > 0 and self._words[at - 1].lower in _PLACED_BY

    def _stands_alone(self, at: int) -> bool:
        """Nothing follows that the word could belong to."""
        word = self._words[at]
        if word.has_pause or at + 1 >= len(self._words):
            return True
        after = self._words[at + 1].lower
        starts_clause = after in ("and", "from", "i", "i'm", "but", "or", "is", "the", "calling", "here", "speaking")
        return starts_clause or (is_surname(after) and not is_common(after)) or at + 1 in self._taken

    def _announcement(self, at: int) -> NameCue | None:
        """What announces a name at this word, over a few words that link them."""
        nearest = self._cues.get(at)
        for back in range(at, max(-1, at - _MOST_LINKS - 1), -1):
            cue = self._cues.get(back)
            if cue is not None and cue.kind is not NameCueKind.WEAKLY:
                return cue
            before = self._words[back - 1]
            if (before.is_possessive and before.lower + "'s" in _LINKS) or before.lower in _LINKS | FILLERS:
                continue
            break
        return nearest

    def _spelt(self, at: int, found: list[Entity]) -> Entity | None:
        """Letters one by one that spell a name, or that stand where a name is announced."""
        if at and self._words[at - 1].is_letter and not self._words[at - 1].has_pause:
            return None
        stop = at
        if _SPELT.fullmatch(self._words[at].text):
            return self._spelling(at, at + 1, self._words[at].lower.replace("-", "").replace(".", ""), found)
        while stop < min(at + _MOST_LETTERS, len(self._words)) and self._words[stop].is_letter:
            stop += 1
            if self._words[stop - 1].ends_sentence or stop in self._taken:
                break
        if stop - at < _FEWEST_LETTERS:
            return None
        return self._spelling(at, stop, "".join(word.lower for word in self._words[at:stop]), found)

    def _spelling(self, at: int, stop: int, letters: str, found: list[Entity]) -> Entity | None:
        follows = bool(found) and at - found[-1].stop_word <= _MOST_LINKS
        before = self._words[found[-1].start_word : found[-1].stop_word] if follows else []
        is_repeated = any(word.lower == letters for word in before)
        is_named = is_surname(letters) or is_first_name(letters)
        cue = self._announcement(at)
        is_announced = cue is not None and cue.kind is NameCueKind.STRONGLY
        if is_repeated or is_announced or (is_named and (follows or len(letters) > 3)):
            return Entity(at, stop, PiiType.NAME, 0.95 if is_repeated else 0.85)
        return None

    def _is_spelling(self, entity: Entity) -> bool:
        word = self._words[entity.start_word]
        return word.is_letter or _SPELT.fullmatch(word.text) is not None

    def _is_capital_inside(self, at: int) -> bool:
        """Whether its capital says something: it begins no sentence and not every word has one."""
        is_first = at == 0 or self._words[at - 1].ends_sentence
        return self._has_case and not is_first and self._words[at].is_capital


def _has_case(words: Sequence[HeardWord]) -> bool:
    """Whether capitals are used, and not for everything."""
    said = [word for word in words if word.text and word.lower != "i" and not word.lower.startswith("i'")]
    capitals = sum(word.is_capital for word in said)
    return capitals > 0 and any(word.text.islower() for word in said)


def _is_word(word: HeardWord) -> bool:
    return word.lower.replace("'", "").replace("-", "").isalpha()


def _sounds_of_place(word: str) -> bool:
    return word in _ORGANISATIONS or word in STREETS or word in large_towns()
