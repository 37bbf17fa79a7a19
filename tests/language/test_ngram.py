"""The trigram model on English sentences."""

from __future__ import annotations

import math

import pytest

from dragoman.language.ngram import LanguageModel

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    model = LanguageModel()
    model.load()
    return model


def test_a_sentence_is_likelier_than_its_words_in_disorder(model: LanguageModel) -> None:
    said = ["it", "was", "the", "best", "of", "times", "it", "was", "the", "worst", "of", "times"]
    assert model.score(said) > model.score(sorted(said))


def test_case_and_punctuation_around_words_do_not_count(model: LanguageModel) -> None:
    assert model.score(["What", "is", "that?"]) == model.score(["what", "is", "that"])
    assert model.log_frequency("“That,") == model.log_frequency("that")


def test_common_words_are_more_frequent_than_rare_ones(model: LanguageModel) -> None:
    found = [model.log_frequency(word) for word in ("the", "house", "foolishness")]
    assert found == sorted(found, reverse=True)
    assert model.log_frequency("qwrtzp") < model.log_frequency("house")
    assert sum(math.exp(model.log_frequency(word)) for word in ("the", "of", "and", "a", "to")) < 0.5


def test_words_of_english_are_known_and_misheard_ones_are_not(model: LanguageModel) -> None:
    assert all(model.knows(word) for word in ("House,", "“foolishness”", "THE"))
    assert not any(model.knows(word) for word in ("Guggenbergh", "deptors", "", "—"))
