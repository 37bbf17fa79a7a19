"""Which language is spoken: what is heard decides, an utterance at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.ports import SAMPLE_RATE, Samples
from dragoman.core.request import LanguageChoice, LanguageOption, Phrase, RecognitionRequest, Vocabulary
from dragoman.service.spoken_language import SpokenLanguage

pytestmark = pytest.mark.unit

ENGLISH = LanguageOption("en", Vocabulary(phrases=(Phrase("hello"),)))
GERMAN = LanguageOption("de", Vocabulary(phrases=(Phrase("hallo"),)))


class ByFirstSample:
    """The first sample is how likely it is that the first language is spoken."""

    languages = ("en", "de")

    def load(self) -> None:
        pass

    def identify(self, samples: Samples, among: Sequence[str]) -> tuple[float, ...]:
        likely = samples[0]
        return tuple(likely if language == "en" else 1 - likely for language in among)


def speech(english: float, seconds: float) -> Samples:
    return np.full(round(seconds * SAMPLE_RATE), english, np.float32).data


def asked(*, changing: bool = False) -> SpokenLanguage:
    return SpokenLanguage(RecognitionRequest(choice=LanguageChoice((ENGLISH, GERMAN), changing)))


def heard(language: SpokenLanguage, *utterances: tuple[float, float]) -> SpokenLanguage:
    for english, seconds in utterances:
        language = language.after(ByFirstSample(), speech(english, seconds))
    return language


def test_before_anything_was_heard_the_first_one_is_taken_and_nothing_said() -> None:
    assert asked().request.language == "en"
    assert asked().scores == ()


def test_what_was_asked_for_without_a_choice_stays_as_it_is() -> None:
    request = RecognitionRequest(language="cs")
    assert heard(SpokenLanguage(request), (0.1, 5)).request is request


def test_the_vocabulary_is_that_of_the_language() -> None:
    found = heard(asked(), (0.1, 4)).request
    assert (found.language, found.vocabulary) == ("de", GERMAN.vocabulary)


def test_what_is_known_of_the_words_in_any_language_is_kept() -> None:
    choice = LanguageChoice((ENGLISH, LanguageOption("de")))
    request = RecognitionRequest(choice=choice, vocabulary=GERMAN.vocabulary)
    assert heard(SpokenLanguage(request), (0.1, 4)).request.vocabulary == GERMAN.vocabulary
    assert heard(SpokenLanguage(request), (0.9, 4)).request.vocabulary == ENGLISH.vocabulary


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_of_a_stream_with_one_language_three_seconds_decide(first: float, later: float) -> None:
    known = heard(asked(), (first, 3.1))
    assert heard(known, (later, 60)) == known


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.1, 0.9)), min_size=1, max_size=3))
def test_shorter_utterances_decide_together_by_their_length(utterances: list[tuple[float, float]]) -> None:
    found = heard(asked(), *utterances)
    english = sum(np.log(likely) * round(s * SAMPLE_RATE) for likely, s in utterances)
    german = sum(np.log(1 - likely) * round(s * SAMPLE_RATE) for likely, s in utterances)
    if abs(english - german) > SAMPLE_RATE / 100:
        assert found.request.language == ("en" if english > german else "de")


@given(st.floats(0.0, 1.0), st.floats(0.1, 20.0))
def test_scores_fall_and_are_one_together(likely: float, seconds: float) -> None:
    scores = heard(asked(), (likely, seconds)).scores
    assert sum(each.score for each in scores) == pytest.approx(1)
    assert scores[0].score >= scores[1].score
    assert scores[0].language == heard(asked(), (likely, seconds)).request.language or likely == pytest.approx(0.5)


def test_where_languages_change_every_utterance_counts_alone_but_a_very_short_one() -> None:
    changing = heard(asked(changing=True), (0.9, 10), (0.1, 2))
    assert changing.request.language == "de"
    assert heard(changing, (0.9, 0.5)) == changing
    assert heard(changing, (0.9, 2)).request.language == "en"
