"""A word of the list is hidden wherever it stands by itself; nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.analysis.vocabulary_filter import VocabularyFilter
from dragoman.core.transcript import Character, Word
from strategies import confidences, word_texts

pytestmark = pytest.mark.unit

entries = st.lists(st.one_of(st.sampled_from(["a", "ab", "B.", "don't", "s", "***", "two words", ""]), word_texts))
texts = st.one_of(st.sampled_from(["a", "A,", "a's", '"ab"', "B.", "DON’T", "***", "***,"]), word_texts)
words = st.lists(st.builds(Word, texts, st.integers(0, 10), st.integers(10, 20), confidences), max_size=8)


def said(text: str) -> list[Word]:
    return [Word(word, 100 * at, 100 * at + 50, 0.9) for at, word in enumerate(text.split())]


def shown(shown_words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in shown_words)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("The rat ran.", "The *** ran."),
        ("RAT, Rat; rat?", "***, ***; ***?"),
        ('She said "rat!" twice', 'She said "***!" twice'),
        ("the rat's tail and the rat’s nose", "the *** tail and the *** nose"),
        ("rats pirate rat-like ratty", "rats pirate rat-like ratty"),
    ],
)
def test_a_whole_word_is_masked_whatever_its_case_and_punctuation(text: str, masked: str) -> None:
    assert shown(VocabularyFilter(["Rat"]).mask(said(text))) == masked


def test_an_entry_is_one_word() -> None:
    listed = VocabularyFilter(["big rat", "", "  ", "cat\n"])
    assert listed.tag(said("big rat , cat")) == (False, False, False, True)


def test_signs_of_an_entry_are_part_of_it() -> None:
    listed = VocabularyFilter(["f***", "C++"])
    assert listed.tag(said("f f*** C++, C")) == (False, True, True, False)


def test_letters_with_accents_are_one_however_they_are_encoded() -> None:
    assert VocabularyFilter(["cafe\N{COMBINING ACUTE ACCENT}"]).matches("Café,")


def test_a_masked_word_shows_no_characters() -> None:
    word = Word("rat", 0, 30, 0.5, (Character("r", 0, 10), Character("a", 10, 20), Character("t", 20, 30)))
    assert VocabularyFilter(["rat"]).mask([word]) == (Word("***", 0, 30, 0.5),)


@given(entries, words)
def test_removing_leaves_exactly_the_words_that_are_not_tagged(listed: list[str], given_words: list[Word]) -> None:
    filtered = VocabularyFilter(listed)
    tags = filtered.tag(given_words)
    left = tuple(word for word, is_listed in zip(given_words, tags, strict=True) if not is_listed)
    assert filtered.remove(given_words) == left
    assert filtered.remove(left) == left


@given(entries, words)
def test_masking_keeps_number_times_and_confidence_and_is_done_once(listed: list[str], given_words: list[Word]) -> None:
    filtered = VocabularyFilter(listed)
    masked = filtered.mask(given_words)
    assert filtered.mask(masked) == masked
    for before, after, is_listed in zip(given_words, masked, filtered.tag(given_words), strict=True):
        assert (after.start_ms, after.end_ms, after.confidence) == (before.start_ms, before.end_ms, before.confidence)
        assert "***" in after.text if is_listed else after == before


@given(entries, words, words)
def test_what_is_shown_of_a_beginning_stays_when_more_is_said(
    listed: list[str], beginning: list[Word], more: list[Word]
) -> None:
    filtered = VocabularyFilter(listed)
    assert filtered.mask([*beginning, *more])[: len(beginning)] == filtered.mask(beginning)
    assert filtered.remove([*beginning, *more])[: len(filtered.remove(beginning))] == filtered.remove(beginning)


@given(st.lists(word_texts.filter(lambda text: text[0].isalpha() and text.isalnum()), min_size=1))
def test_every_entry_of_one_plain_word_matches_itself(listed: list[str]) -> None:
    filtered = VocabularyFilter(listed)
    assert all(filtered.matches(entry) and filtered.matches(f"({entry}).") for entry in listed)
