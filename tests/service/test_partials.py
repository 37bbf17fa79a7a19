"""Laws of what is shown of drafts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.ports import Hypothesis, HypothesisWord
from dragoman.service.partials import Agreement, Shown

pytestmark = pytest.mark.unit

WORD = st.builds(HypothesisWord, st.sampled_from(["a", "b", "A,", "b.", "c", "--"]), st.floats(0, 1))
WORDS = st.lists(WORD, max_size=8)
DRAFTS = st.lists(st.tuples(WORDS, st.integers(1, 1_500)), max_size=20)


def words_of(least: float) -> st.SearchStrategy[list[HypothesisWord]]:
    """Of at least this confidence."""
    return st.lists(st.builds(HypothesisWord, st.text("abc", min_size=1), st.floats(least, 1)), min_size=1, max_size=8)


class Utterance:
    """One that is drafted again and again."""

    def __init__(self) -> None:
        self._agreement = Agreement()
        self._audio_ms = 0

    def draft(self, words: list[HypothesisWord], after_ms: int) -> Shown:
        self._audio_ms += after_ms
        return self._agreement.update(Hypothesis(tuple(words)), self._audio_ms)


def said(words: list[HypothesisWord]) -> list[str]:
    return [word.text.strip(",.-").lower() for word in words]


@given(DRAFTS)
def test_stable_words_are_shown_and_never_become_fewer(drafts: list[tuple[list[HypothesisWord], int]]) -> None:
    utterance = Utterance()
    before = 0
    for words, after_ms in drafts:
        shown = utterance.draft(words, after_ms)
        assert before <= shown.stable <= shown.words <= max(before, len(words))
        before = shown.stable


@given(DRAFTS)
def test_words_become_stable_only_behind_those_that_are(drafts: list[tuple[list[HypothesisWord], int]]) -> None:
    """A draft that begins with other words adds none to them."""
    utterance = Utterance()
    stable: list[str] = []
    for words, after_ms in drafts:
        shown = utterance.draft(words, after_ms)
        if said(words)[: len(stable)] != stable:
            assert shown == Shown(len(stable), len(stable))
        else:
            assert said(words)[: len(stable)] == stable
            stable = said(words)[: shown.stable]


@given(words_of(0.995), st.integers(1, 1_000))
def test_words_that_stay_sure_are_shown_at_once_and_come_to_rest(words: list[HypothesisWord], every_ms: int) -> None:
    utterance = Utterance()
    shown = [utterance.draft(words, every_ms) for _ in range(0, 1_000 + every_ms, every_ms)]
    assert shown[0].words == len(words)
    assert shown[-1].stable == len(words)


@given(WORDS, st.floats(0, 0.5))
def test_a_doubted_word_at_the_end_is_held_back_unless_it_is_the_first(
    before: list[HypothesisWord], confidence: float
) -> None:
    shown = Utterance().draft([*before, HypothesisWord("doubted", confidence)], 1_000)
    assert shown.words <= max(1, len(before))
    assert shown.stable == 0


@given(WORD)
def test_a_doubted_word_does_not_hold_back_many_sure_ones(doubted: HypothesisWord) -> None:
    words = [HypothesisWord("sure", 0.999), doubted, *(HypothesisWord(text, 0.999) for text in "abcdefgh")]
    assert Utterance().draft(words, 3_000).words == len(words)


@given(words_of(0.995), words_of(0), st.data())
def test_a_word_that_was_shown_and_is_still_there_is_not_taken_back(
    words: list[HypothesisWord],
    inserted: list[HypothesisWord],
    data: st.DataObject,
) -> None:
    """However doubtful it and the words among it have become."""
    utterance = Utterance()
    assert utterance.draft(words, 500).words == len(words)
    place = data.draw(st.integers(0, len(words)))
    doubted = [HypothesisWord(word.text, 0.01) for word in words]
    strange = [HypothesisWord(f"new{word.text}", word.confidence) for word in inserted]
    assert utterance.draft([*doubted[:place], *strange, *doubted[place:]], 500).words >= len(words) + len(strange) * (
        place < len(words)
    )


@given(words_of(0.995), words_of(0.995))
def test_an_insertion_makes_no_word_behind_it_new(words: list[HypothesisWord], inserted: list[HypothesisWord]) -> None:
    """Words come to rest with the second draft that has them, at another place too."""
    strange = [HypothesisWord(f"new{word.text}", word.confidence) for word in inserted]
    utterance = Utterance()
    utterance.draft(words, 500)
    utterance.draft([*strange, *words], 500)
    assert utterance.draft([*strange, *words], 500).stable == len(strange) + len(words)
    ages = Utterance()
    ages.draft(words, 500)
    assert ages.draft([*words, *strange], 500).stable == len(words)


@given(st.lists(words_of(0.995), min_size=1, max_size=4))
def test_a_hyphen_makes_no_word_new(groups: list[list[HypothesisWord]]) -> None:
    apart, joined = Utterance(), Utterance()
    words = [word for group in groups for word in group]
    apart.draft(words, 500)
    joined.draft(words, 500)
    assert apart.draft(words, 500).stable == len(words)
    hyphened = [HypothesisWord("-".join(word.text for word in group), 0.995) for group in groups]
    assert joined.draft(hyphened, 500).stable == len(groups)


@given(DRAFTS, st.floats(0, 1))
def test_who_is_surer_shows_no_less(drafts: list[tuple[list[HypothesisWord], int]], more: float) -> None:
    utterance, surer = Utterance(), Utterance()
    for words, after_ms in drafts:
        raised = [HypothesisWord(word.text, word.confidence + (1 - word.confidence) * more) for word in words]
        less = utterance.draft(words, after_ms)
        better = surer.draft(raised, after_ms)
        assert better.stable >= less.stable
        if better.stable > less.stable:
            return  # what is stable decides which later drafts count
        assert better.words >= less.words


def test_a_change_of_case_or_punctuation_is_no_change() -> None:
    one, other = Utterance(), Utterance()
    texts = ["Well", "well,", "WELL", "well."]
    same = [one.draft([HypothesisWord("well", 0.99)], 400) for _ in texts]
    assert [other.draft([HypothesisWord(text, 0.99)], 400) for text in texts] == same
    assert same[-1].stable == 1
