"""Counts what was found of what is marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.pii.sentences import Marked, Sentence
from dragoman.analysis.redact import Entity, find


@dataclass(slots=True)
class Score:
    """Of one half. A found span counts as right when a marked one has the same type and the words of both are at least
    half of the words of either; each marked one counts once."""

    right: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        return self.right.total() / max(1, self.right.total() + self.missed.total())

    @property
    def precision(self) -> float:
        return self.right.total() / max(1, self.right.total() + self.false.total())


def score(sentences: Iterable[Sentence]) -> Score:
    total = Score()
    for sentence in sentences:
        right, missed, false = compare(sentence, find(sentence.words))
        total.right.update(marked.type for marked in right)
        total.missed.update(marked.type for marked in missed)
        total.false.update(str(entity.type) for entity in false)
    return total


def compare(sentence: Sentence, found: Sequence[Entity]) -> tuple[list[Marked], list[Marked], list[Entity]]:
    """What was found rightly, what was missed, what was found and is not there."""
    right: list[Marked] = []
    left = list(sentence.marked)
    false = []
    for entity in found:
        match = next((marked for marked in left if _is_same(marked, entity)), None)
        if match is None:
            false.append(entity)
        else:
            left.remove(match)
            right.append(match)
    return right, left, false


def _is_same(marked: Marked, entity: Entity) -> bool:
    shared = min(marked.stop, entity.stop_word) - max(marked.start, entity.start_word)
    longer = max(marked.stop - marked.start, entity.stop_word - entity.start_word)
    return marked.type == entity.type and 2 * shared >= longer
