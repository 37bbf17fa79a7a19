from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.speakers import assign
from dragoman.core.transcript import Turn, Word

pytestmark = pytest.mark.unit


def spans(longest: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(0, 300), st.integers(0, longest)).map(lambda span: (span[0], span[0] + span[1]))


words = st.lists(spans(40).map(lambda span: Word("word", *span, 1.0)), max_size=8)
turns = st.lists(st.builds(lambda span, speaker: Turn(*span, speaker), spans(200), st.integers(0, 3)), max_size=8)


def common(word: Word, turn: Turn) -> int:
    """How much of the word a turn covers; how far away it is, if negative."""
    return min(word.end_ms, turn.end_ms) - max(word.start_ms, turn.start_ms)


@given(words, turns)
def test_every_word_is_somebodys_where_anybody_speaks(words: list[Word], turns: list[Turn]) -> None:
    found = assign(words, turns)
    assert len(found) == len(words)
    assert set(found) <= ({turn.speaker for turn in turns} or {None})


@given(words, turns)
def test_nobody_covers_more_of_a_word_than_who_gets_it(words: list[Word], turns: list[Turn]) -> None:
    for word, speaker in zip(words, assign(words, turns), strict=True):
        covered = {turn.speaker: 0 for turn in turns}
        for turn in turns:
            covered[turn.speaker] += max(common(word, turn), 0)
        assert speaker is None or covered[speaker] == max(covered.values())


@given(words, turns)
def test_a_word_outside_all_turns_goes_to_the_nearest(words: list[Word], turns: list[Turn]) -> None:
    for word, speaker in zip(words, assign(words, turns), strict=True):
        if turns and all(common(word, turn) < 0 for turn in turns):
            nearest = max(common(word, turn) for turn in turns)
            assert speaker in {turn.speaker for turn in turns if common(word, turn) == nearest}


@given(words, turns, st.randoms())
def test_the_order_of_the_turns_does_not_matter(words: list[Word], turns: list[Turn], random: Random) -> None:
    shuffled = random.sample(turns, len(turns))
    assert assign(words, shuffled) == assign(words, turns)


@given(spans(100), st.integers(2, 6))
def test_where_two_speak_at_once_who_was_speaking_goes_on(span: tuple[int, int], count: int) -> None:
    start, end = span[0], span[1] + 10
    both = [Turn(start, end, 0), Turn(start, end, 1), Turn(start - 10, start, 1)]
    said = [Word("word", start - 10, start - 5, 1.0), *[Word("word", start, end, 1.0)] * count]
    assert assign(said, both) == (1,) * (count + 1)
