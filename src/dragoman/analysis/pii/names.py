"""Names of people: known first names, what is said to announce one, capitals, letters that spell one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from dragoman.analysis.pii.entity import Entity, PiiType
from dragoman.analysis.pii.heard import FILLERS, HeardWord, listed, stands_for_a_letter
from dragoman.analysis.pii.name_lists import (
    is_a_name_by_its_capital,
    is_english_first_name,
    is_first_name,
    is_nothing_but_a_name,
    is_surname,
    may_be_another_word,
)
from dragoman.analysis.pii.places import STREETS, large_towns, place
from dragoman.language.common_words import is_common


class _Announced(Enum):
    """How much what stands before says that a name follows."""

    STRONGLY = auto()
    """ "my name is": whatever follows is one, unless it is a common word and no name."""
    TITLE = auto()
    """ "Dr.": the same, but many titles are words."""
    WEAKLY = auto()
    """ "this is", "with", "my sister": a first name, even one that is a word when it has a capital."""


_CUES: Final = {
    _Announced.STRONGLY: """
        name is / name's / names / named / first name / last name / surname / maiden name / family name / given name
        speaking with / speaking to / am i speaking with / speak with / speak to / talk to / talking to / goes by
        name on the card / name on the account / cardholder / cardholder name / call me / calls me / sincerely / dear
        name was
        middle name / full name / account holder is / policy holder is / patient is / insured is / caller is
        nickname is / spoke with / spoke to / attention / passenger name / last name's / name it's / name that's
        spelled / spelt / my name / your name / named him / named her / name him / name her / best regards
        kind regards""",
    _Announced.TITLE: """
        mr / mister / mrs / missus / ms / miss / dr / doctor / nurse / professor / prof / sir / madam / officer
        sergeant / judge / reverend / uncle / aunt / auntie / coach / detective / councillor / senator / mrs and mr""",
    _Announced.WEAKLY: """
        this is / i'm / i am / it's / hi / hello / hey / thanks / thank you / morning / afternoon / called / under
        ask for / with / tell / from / and / by / sister / brother / wife / husband / son / daughter / mother / father
        mom / mum / dad / friend / partner / neighbour / neighbor / boss / manager / colleague / cousin / nephew
        niece / girlfriend / boyfriend / roommate / teacher / assistant / supervisor / agent / nanny / tutor / doctor is
        to / for / contact / ask / told / met / meet / saw / seen / see / did / does / has / is / was / write to / text
        call / email / remind / invite / at / according to / that's / so / here's / where's / who's / says / say / sorry
        no / it is / yes / ship to / attn / bye / goodbye / welcome / hired / help / let""",
}
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
_MOST_PARTS: Final = 4
_FEWEST_LETTERS: Final = 3
_MOST_LETTERS: Final = 20
_NEVER: Final = listed(
    "i a the an and or but so if is are was were be been am not no yes okay on in at to for from with by of my your "
    "his her our their this that these those it he she we they you me him us them who what when where why how which "
    "there here please sorry thanks thank just can could would should will shall may might must do does did have "
    "has had spelled spelt spelling actually really mr mrs ms miss dr sir ma'am madam doctor nurse mister mom dad mum "
    "god monday tuesday wednesday thursday friday saturday sunday january february march july september october "
    "november december english spanish french german american british apple google amazon customer team everyone everybody "
    "all sir madam calling speaking your going gonna christmas first last middle name names address number double "
    "internet tv uk usa us"
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


@dataclass(frozen=True, slots=True)
class _Cue:
    kind: _Announced
    phrase: str


class _Names:
    def __init__(self, words: Sequence[HeardWord], taken: Iterable[Entity]) -> None:
        self._words = words
        self._taken = {place for entity in taken for place in range(entity.start_word, entity.stop_word)}
        self._has_case = _has_case(words)
        self._cues = _cues(words)

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

    def _first_part(self, at: int, cue: _Cue | None) -> float | None:
        """How sure a name begins here; ``None`` when none does."""
        word = self._words[at]
        is_first, is_last = is_first_name(word.lower), is_surname(word.lower)
        has_capital = self._is_capital_inside(at)
        is_lower = self._has_case and not word.is_capital
        is_odd = may_be_another_word(word.lower)
        if cue is not None and cue.kind is _Announced.STRONGLY:
            if has_capital:
                return 0.95 if is_first or is_last else None if word.lower in _NEVER else 0.85
            if is_lower:
                return None
            if (is_first or is_last) and not (is_common(word.lower) and not self._stands_alone(at)):
                return 0.9
            if is_nothing_but_a_name(word.lower):
                return 0.95
            is_unknown = not is_common(word.lower) and word.lower not in _NEVER and len(word.lower) > 2
            return 0.8 if is_unknown and "name" in cue.phrase else None
        if cue is not None and cue.kind is _Announced.TITLE:
            if has_capital and word.lower not in _NEVER:
                return 0.95
            if is_lower:
                return None
            if cue.phrase in _ONLY_TITLES and (is_first or not is_common(word.lower)) and word.lower not in _NEVER:
                return 0.9 if is_first or is_last else 0.75
            is_known = is_nothing_but_a_name(word.lower) or ((is_first or is_last) and not is_common(word.lower))
            return 0.9 if is_known else None
        if is_nothing_but_a_name(word.lower) and not is_lower:
            return 0.9 if cue is not None or has_capital else 0.8
        is_plain = is_first and not is_odd and word.lower not in _NEVER
        if has_capital and is_plain and (cue is not None or is_english_first_name(word.lower)):
            return 0.85
        if has_capital and is_odd and is_first and self._is_person_by_capital(at, cue):
            return 0.7
        if word.is_capital and is_first and self._has_surname(at):
            return 0.85
        if not self._has_case and is_first and not is_odd and self._has_rare_surname(at):
            return 0.75
        if cue is None or word.lower in _NEVER:
            return None
        if has_capital and cue.phrase in _RELATIVES and (is_first or is_last):
            return 0.85
        if not self._has_case and cue.phrase in _INTRODUCES:
            return 0.75 if is_first and not is_odd else None
        if not has_capital or is_common(word.lower) or _sounds_of_place(word.lower):
            return None
        return 0.65 if cue.phrase == "under" or (cue.phrase in _INTRODUCES and self._has_surname(at)) else None

    def _is_person_by_capital(self, at: int, cue: _Cue | None) -> bool:
        """Whether a word that is a name and something else has its capital because a person is meant."""
        word = self._words[at].lower
        if word in _NEVER or not is_a_name_by_its_capital(word):
            return False
        before = self._words[at - 1].lower
        if word in large_towns():
            return cue is not None and before not in _PLACED_BY and before not in ("and", "is", "see", "was", "by")
        return before not in ("the", "a", "an", "this", "that", "our", "new")

    def _has_surname(self, at: int) -> bool:
        """A surname with a capital follows at once."""
        word = self._words[at]
        if word.has_pause or word.is_possessive or at + 1 >= len(self._words) or at + 1 in self._taken:
            return False
        after = self._words[at + 1]
        if not after.is_capital or not _is_word(after) or after.lower in _NEVER:
            return False
        if is_surname(after.lower):
            return True
        if may_be_another_word(word.lower) and not is_a_name_by_its_capital(word.lower):
            return False
        is_first = is_first_name(after.lower) and not may_be_another_word(word.lower)
        return is_first or (not is_common(after.lower) and not _sounds_of_place(after.lower))

    def _has_rare_surname(self, at: int) -> bool:
        """A surname that is no other word follows at once, in a text without capitals."""
        if self._words[at].has_pause or self._words[at].is_possessive or at + 1 >= len(self._words):
            return False
        after = self._words[at + 1].lower
        return is_surname(after) and not is_common(after) and not _sounds_of_place(after)

    def _further_parts(self, at: int, cue: _Cue | None) -> int:
        stop = at + 1
        while stop < len(self._words) and stop - at < _MOST_PARTS and stop not in self._taken:
            before, word = self._words[stop - 1], self._words[stop]
            if before.has_pause or before.is_possessive or not _is_word(word):
                break
            if word.is_letter and word.is_capital and stop + 1 < len(self._words) and self._words[stop + 1].is_capital:
                stop += 1
                continue
            if word.is_letter or word.lower in _NEVER:
                break
            is_name = is_surname(word.lower) or is_first_name(word.lower)
            if self._has_case:
                continues = word.is_capital and (is_name or not is_common(word.lower))
            elif is_common(word.lower) and not is_nothing_but_a_name(word.lower):
                continues = cue is not None and is_surname(word.lower) and self._stands_alone(stop)
            else:
                has_title = cue is not None and cue.kind is not _Announced.WEAKLY
                is_second = stop == at + 1 and is_nothing_but_a_name(before.lower)
                continues = is_name or (has_title and is_second and not is_common(word.lower))
            if not continues:
                break
            stop += 1
        return stop

    def _is_something_else(self, at: int, stop: int, cue: _Cue | None) -> bool:
        """A company, a street or a town called like a person."""
        last = self._words[stop - 1]
        after = self._words[stop].lower if stop < len(self._words) and not last.has_pause else ""
        if last.is_possessive:
            return False
        if after in _ORGANISATIONS or after in STREETS or last.lower in _ORGANISATIONS or last.lower in STREETS:
            return True
        word = self._words[at].lower
        is_town = stop == at + 1 and not is_nothing_but_a_name(word) and place(self._words, at) is not None
        is_strong = cue is not None and cue.kind is not _Announced.WEAKLY
        return is_town and not is_strong and at > 0 and self._words[at - 1].lower in _PLACED_BY

    def _stands_alone(self, at: int) -> bool:
        """Nothing follows that the word could belong to."""
        word = self._words[at]
        if word.has_pause or at + 1 >= len(self._words):
            return True
        after = self._words[at + 1].lower
        starts_clause = after in ("and", "from", "i", "i'm", "but", "or", "is", "the", "calling", "here", "speaking")
        return starts_clause or (is_surname(after) and not is_common(after)) or at + 1 in self._taken

    def _announcement(self, at: int) -> _Cue | None:
        """What announces a name at this word, over a few words that link them."""
        nearest = self._cues.get(at)
        for back in range(at, max(-1, at - _MOST_LINKS - 1), -1):
            cue = self._cues.get(back)
            if cue is not None and cue.kind is not _Announced.WEAKLY:
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
        while stop < min(at + _MOST_LETTERS, len(self._words)) and self._words[stop].is_letter:
            stop += 1
            if self._words[stop - 1].ends_sentence or stop in self._taken:
                break
        if stop - at < _FEWEST_LETTERS:
            return None
        letters = "".join(word.lower for word in self._words[at:stop])
        follows = bool(found) and at - found[-1].stop_word <= _MOST_LINKS
        before = self._words[found[-1].start_word : found[-1].stop_word] if follows else []
        is_repeated = any(word.lower == letters for word in before)
        is_named = is_surname(letters) or is_first_name(letters)
        cue = self._announcement(at)
        is_announced = cue is not None and cue.kind is _Announced.STRONGLY
        if is_repeated or is_announced or (is_named and (follows or len(letters) > 3)):
            return Entity(at, stop, PiiType.NAME, 0.95 if is_repeated else 0.85)
        return None

    def _is_spelling(self, entity: Entity) -> bool:
        return self._words[entity.start_word].is_letter

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


def _cue_table() -> dict[str, list[tuple[tuple[str, ...], _Announced]]]:
    table: dict[str, list[tuple[tuple[str, ...], _Announced]]] = {}
    for kind, phrases in _CUES.items():
        for phrase in phrases.replace("\n", "/").split("/"):
            if said := tuple(phrase.split()):
                table.setdefault(said[0], []).append((said, kind))
    for entries in table.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return table


_TABLE: Final = _cue_table()


def _cues(words: Sequence[HeardWord]) -> dict[int, _Cue]:
    """What announces a name, by the word that follows it; of several the strongest."""
    found: dict[int, _Cue] = {}
    for at in range(len(words)):
        word = words[at]
        first = word.lower + "'s" if word.is_possessive and (word.lower + "'s") in _TABLE else word.lower
        if word.is_possessive and first == word.lower:
            continue
        for said, kind in _TABLE.get(first, ()):
            stop = at + len(said)
            if stop <= len(words) and all(words[at + i].lower == part for i, part in enumerate(said) if i):
                known = found.get(stop)
                if known is None or known.kind is _Announced.WEAKLY:
                    found[stop] = _Cue(kind, " ".join(said))
                break
    return found
