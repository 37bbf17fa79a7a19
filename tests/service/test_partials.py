"""Laws of what is shown of drafts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.ports import Hypothesis, HypothesisWord, WordTimes
from dragoman.service.partials import Agreement, Shown

pytestmark = pytest.mark.unit

WORD = st.builds(HypothesisWord, st.sampled_from(["a", "b", "A,", "b.", "c", "--"]), st.floats(0, 1))
DRAFTS = st.lists(st.tuples(st.lists(WORD, max_size=8), st.integers(1, 1_500)), max_size=20)


def played(drafts: list[tuple[list[HypothesisWord], int]]) -> list[tuple[list[HypothesisWord], Shown]]:
    """Each draft after so many more milliseconds of audio, with what was made of it."""
    agreement = Agreement()
    audio_ms = 0
    made = []
    for words, more_ms in drafts:
        audio_ms += more_ms
        edges = [audio_ms * at // max(1, len(words)) for at in range(len(words) + 1)]
        times = [WordTimes(start, end) for start, end in zip(edges, edges[1:], strict=False)]
        made.append((words, agreement.update(Hypothesis(tuple(words)), times, audio_ms)))
    return made


@given(DRAFTS)
def test_stable_words_are_shown_and_never_become_fewer(drafts: list[tuple[list[HypothesisWord], int]]) -> None:
    before = 0
    for _, shown in played(drafts):
        assert before <= shown.stable <= shown.words
        before = shown.stable
