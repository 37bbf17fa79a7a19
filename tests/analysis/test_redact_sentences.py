"""The figures that are promised of sentences with and without personal data."""

from __future__ import annotations

import pytest

from benchmarks.pii.score import compare, score
from benchmarks.pii.sentences import read_halves
from dragoman.analysis.redact import Entity, PiiType, find

pytestmark = pytest.mark.unit

HALF_A, HALF_B = read_halves()


def test_what_the_rules_were_made_on_is_found() -> None:
    found = score(HALF_A)
    assert (found.recall, found.precision) == (1, 1)


def test_what_they_were_not_made_on_is_found_as_promised() -> None:
    found = score(HALF_B)
    assert found.recall >= 0.85
    assert found.precision >= 0.92


def test_every_type_is_found_in_both_halves() -> None:
    for half in (HALF_A, HALF_B):
        assert set(score(half).right) == set(PiiType)


def test_a_third_of_the_sentences_holds_nothing_personal() -> None:
    for half in (HALF_A, HALF_B):
        assert 3 * sum(not sentence.marked for sentence in half) >= len(half)


def test_less_than_half_of_the_words_in_common_is_a_miss_and_a_false_hit() -> None:
    sentence = next(s for s in HALF_A if s.marked and s.marked[0].stop - s.marked[0].start == 7)
    marked = sentence.marked[0]
    kind = PiiType(marked.type)
    enough, too_few = (Entity(marked.start, marked.start + words, kind, 1.0) for words in (4, 3))
    assert compare(sentence, [enough])[0] == [marked]
    right, missed, false = compare(sentence, [too_few])
    assert (right, false) == ([], [too_few])
    assert marked in missed
    assert compare(sentence, [Entity(marked.start, marked.stop, _other(kind), 1.0)])[0] == []


def test_what_is_redacted_once_is_done() -> None:
    for sentence in HALF_A:
        words = list(sentence.words)
        for entity in reversed(find(words)):
            words[entity.start_word : entity.stop_word] = [f"[{entity.type}]"]
        assert find(words) == [], sentence


def _other(kind: PiiType) -> PiiType:
    return next(other for other in PiiType if other is not kind)
