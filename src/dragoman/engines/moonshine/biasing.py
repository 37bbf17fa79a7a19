"""Phrases that are preferred while decoding: a trie of tokens, and each hypothesis' place in it.

A hypothesis that is inside a phrase is lent a bonus for every token of it; the bonus is its to keep once the phrase is
complete and the word has ended, and is taken back when it leaves the phrase before. So a phrase costs nothing where it
was not said, and its first tokens are tried where the model alone would not. ``docs/decisions/0016-biasing.md`` has
the sizes of the bonus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dragoman.core.request import Phrase
from dragoman.engines.moonshine.network import Floats
from dragoman.engines.moonshine.tokenizer import Tokenizer

_FEW: Final = (2.0, 4.0)
"""Bonus in nats for the first token of a phrase, and for each further one, of up to ``_FEW_UP_TO`` phrases."""
_SOME: Final = (1.5, 3.0)
"""The same up to ``_SOME_UP_TO`` phrases."""
_MANY: Final = (1.0, 2.5)
"""The same of more, and for members of classes: the more there are, the more are wrong."""
_FEW_UP_TO: Final = 50
_SOME_UP_TO: Final = 500
_SAID_AGAIN: Final = 0.5


@dataclass(slots=True, eq=False)
class Node:
    """A place in the trie, reached by one token from the one before."""

    bonus: float = 0.0
    children: dict[int, Node] = field(default_factory=dict)
    is_end: bool = False
    """Whether a phrase, or a member of a class, ends here."""
    classes: list[tuple[Node, Node]] = field(default_factory=list)
    """Classes any member of which may follow: the root of the members, and where the phrase goes on after them."""
    followers: dict[int, tuple[Node, Node | None]] | None = None
    """The nodes that a token leads to from here, and where a phrase goes on after the class that it enters."""
    fallback: Node | None = None
    """The place of the longest shorter string that ends the same way, if it is not the root."""
    depth_bonus: float = 0.0
    """All that is lent on the way here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hypothesis stands. ``lent`` may be taken back, ``safe`` of it may not; ``kept`` is from earlier phrases.

    ``after`` is where a phrase goes on when the member of a class that the hypothesis is inside of is complete.
    ``said`` are the ends of the phrases said so far, ``last`` that of the one just said while no other word has
    followed. Said again at once a phrase earns nothing, and said again later half: or the bonus would make the model
    say it for ever.
    """

    node: Node
    after: Node | None = None
    lent: float = 0.0
    safe: float = 0.0
    kept: float = 0.0
    last: Node | None = None
    said: frozenset[Node] = frozenset()

    @property
    def bonus(self) -> float:
        return self.kept + self.lent


class Biasing:
    """The phrases of one request. Built once, shared by all its segments."""

    def __init__(
        self, phrases: Sequence[Phrase], tokenizer: Tokenizer, members: Callable[[str], Sequence[str]]
    ) -> None:
        """``members`` gives those of a word class."""
        self._tokenizer = tokenizer
        self._members = members
        self._classes: dict[str, Node] = {}
        self._closes_word = tokenizer.closes_word
        self._begins_word = tokenizer.begins_word
        self._root = Node()
        self._sizes = _FEW if len(phrases) <= _FEW_UP_TO else _SOME if len(phrases) <= _SOME_UP_TO else _MANY
        for phrase in phrases:
            if phrase.weight > 0:
                for casing in casings(phrase.text):
                    self._add(casing, phrase.weight)
        self._link()
        openings = self._followers(self._root)
        self._opening_tokens = np.fromiter(openings, np.intp, len(openings))
        self._opening_bonus = np.array([node.bonus for node, _ in openings.values()], np.float32)
        self._openings = openings
        self.start = Place(self._root)

    def adjust(self, row: Floats, place: Place) -> Floats:
        """Log-probabilities of the next token → the same with what each token would gain or lose."""
        adjusted: Floats = row.copy()
        if place.node is not self._root:  # at the root nothing is lent
            ended, broken = self._worth_on_leaving(place) - place.lent, place.safe - place.lent
            adjusted += np.where(self._closes_word, np.float32(ended), np.float32(broken))
        adjusted[self._opening_tokens] += self._opening_bonus
        for token, reached in self._continuations(place):
            adjusted[token] = row[token] + reached.bonus - place.bonus
        return adjusted

    def advance(self, place: Place, token: int) -> Place:
        """The place after one more token."""
        for continuing, reached in self._continuations(place):
            if continuing == token:
                return reached
        closes = self._closes_word[token]
        kept = place.kept + (self._worth_on_leaving(place) if closes else place.safe)
        last, said = place.last, place.said
        if closes and self._is_complete(place):
            last, said = place.node, said | {place.node}
        opening = self._openings.get(token)
        if opening is None:
            return Place(self._root, kept=kept, last=None if self._begins_word[token] else last, said=said)
        node, after = opening
        return Place(node, after, lent=node.bonus, kept=kept, last=last, said=said)

    def _worth_on_leaving(self, place: Place) -> float:
        """What stays of the bonus when the word ends here."""
        if not self._is_complete(place) or place.node is place.last:
            return place.safe
        return place.safe + (place.lent - place.safe) * (_SAID_AGAIN if place.node in place.said else 1)

    @staticmethod
    def _is_complete(place: Place) -> bool:
        return place.node.is_end and (place.after is None or place.after.is_end)

    def _continuations(self, place: Place) -> Iterable[tuple[int, Place]]:
        """The tokens that stay inside a phrase, longest match first."""
        if place.node is self._root:
            return
        seen: set[int] = set()
        for token, (child, after) in self._followers(place.node).items():
            # A token that starts a new word makes what is complete before it safe.
            safe = self._worth_on_leaving(place) if self._closes_word[token] else place.safe
            seen.add(token)
            lent = place.lent + child.bonus
            yield token, Place(child, after or place.after, lent, safe, place.kept, place.last, place.said)
        if place.after is not None and place.node.is_end:
            for token, (child, after) in self._followers(place.after).items():
                if token not in seen and self._closes_word[token]:
                    seen.add(token)
                    safe = place.lent if place.after.is_end else place.safe
                    lent = place.lent + child.bonus
                    yield token, Place(child, after, lent, safe, place.kept, place.last, place.said)
        fallback = place.node.fallback
        while fallback is not None:
            for token, (child, after) in self._followers(fallback).items():
                if token not in seen:
                    seen.add(token)
                    kept = place.kept + (self._worth_on_leaving(place) if self._closes_word[token] else place.safe)
                    yield token, Place(child, after, child.depth_bonus, 0.0, kept, place.last, place.said)
            fallback = fallback.fallback

    @staticmethod
    def _followers(node: Node) -> dict[int, tuple[Node, Node | None]]:
        if node.followers is None:
            node.followers = {
                token: (child, after) for members, after in node.classes for token, child in members.children.items()
            }
            node.followers |= {token: (child, None) for token, child in node.children.items()}
        return node.followers

    def _add(self, text: str, weight: float) -> None:
        first, further = (size * weight for size in self._sizes)
        node = self._root
        at_start = True
        for word in text.split():
            if word.startswith("$"):
                after = Node()
                node.classes.append((self._class(word[1:]), after))
                node = after
            else:
                node = self._grow(node, self._tokenizer.encode_word(word), first if at_start else further, further)
            at_start = False
        node.is_end = True

    def _class(self, name: str) -> Node:
        if name not in self._classes:
            self._classes[name] = root = Node()
            for member in self._members(name):
                tokens = [token for word in member.split() for token in self._tokenizer.encode_word(word)]
                self._grow(root, tokens, *_MANY).is_end = True
        return self._classes[name]

    @staticmethod
    def _grow(node: Node, tokens: Iterable[int], first: float, further: float) -> Node:
        bonus = first
        for token in tokens:
            child = node.children.setdefault(token, Node())
            child.bonus = max(child.bonus, bonus)
            node, bonus = child, further
        return node

    def _link(self) -> None:
        """Fallbacks, level by level (Aho and Corasick 1975). Members of classes have none."""
        level = [(self._root, token, child) for token, child in self._root.children.items()]
        while level:
            following = []
            for parent, token, node in level:
                node.depth_bonus = parent.depth_bonus + node.bonus
                if parent is not self._root:
                    node.fallback = self._fallback(parent, token)
                following += [(node, each, child) for each, child in node.children.items()]
            level = following

    def _fallback(self, parent: Node, token: int) -> Node | None:
        shorter = parent.fallback
        while shorter is not None:
            if token in shorter.children:
                return shorter.children[token]
            shorter = shorter.fallback
        return self._root.children.get(token)


def casings(text: str) -> list[str]:
    """A phrase as the model may write it: as given, in lower case, and with capitals. Class names stay as they are."""
    words = text.split()
    ways = [words, [_lower(word) for word in words], [_capital(word) for word in words]]
    return list(dict.fromkeys(" ".join(way) for way in ways))


def _lower(word: str) -> str:
    return word if word.startswith("$") else word.lower()


def _capital(word: str) -> str:
    return word if word.startswith("$") else word[:1].upper() + word[1:]
