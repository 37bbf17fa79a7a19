"""The matcher on a recording whose words are known: "It was the best of times, it was the worst of times, …"."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.analysis.align import PocketSphinxAligner
from dragoman.analysis.dictionary_matching import SoundMatcher
from dragoman.analysis.features import Floats
from dragoman.core.ports import HypothesisWord
from dragoman.core.request import DictionaryWord
from dragoman.language.phonemes import PHONEMES
from recordings import speech

pytestmark = pytest.mark.model

TEXT = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,"
SECONDS = 8.6


@pytest.fixture(scope="module")
def voice(sample: Callable[[str], Path]) -> Floats:
    return np.ascontiguousarray(speech(sample("two_cities"), 16_000, SECONDS, start_s=0))


@pytest.fixture(scope="module")
def matcher() -> SoundMatcher:
    aligner = PocketSphinxAligner()
    aligner.load()
    matcher = SoundMatcher(aligner)
    matcher.load()
    return matcher


def words(text: str, confidence: float = 0.9) -> list[HypothesisWord]:
    """Those between asterisks are doubtful."""
    return [HypothesisWord(word.strip("*"), 0.3 if "*" in word else confidence) for word in text.split()]


def entry(spelling: str, *pronunciations: str, display: str | None = None) -> DictionaryWord:
    return DictionaryWord(spelling, tuple(tuple(said.split()) for said in pronunciations), display=display)


FOOLISHNESS = entry("Foulishnesse", "F UW L IH SH N AH S")


def test_a_word_that_sounds_the_same_changes_and_no_other(matcher: SoundMatcher, voice: Floats) -> None:
    before = words(TEXT)
    after = matcher.match(voice.data, before, [FOOLISHNESS, entry("Kuznetsov"), entry("Albuquerque")])
    assert list(after[:-1]) == before[:-1]
    assert after[-1].text == "Foulishnesse,"
    assert 0.5 <= after[-1].confidence <= 1


@pytest.mark.parametrize(
    "heard", ["*foolish* *ness,*", "*full* *issue* *ness,*", "*foolishnet,*", "*foolish* *nurse,*"]
)
def test_what_was_misheard_as_several_words_is_put_right(matcher: SoundMatcher, voice: Floats, heard: str) -> None:
    after = matcher.match(voice.data, words(TEXT.replace("foolishness,", heard)), [FOOLISHNESS])
    assert " ".join(word.text for word in after) == TEXT.replace("foolishness", "Foulishnesse")


def test_the_audio_decides_between_words_that_sound_alike(matcher: SoundMatcher, voice: Floats) -> None:
    """ "worst" was said; "burst" is as near to what was recognised in its place."""
    mistaken = words(TEXT.replace("worst", "*thirst*"))
    right, wrong = entry("worst", "W ER S T"), entry("burst", "B ER S T")
    known = matcher.compiled((right, wrong))
    candidates = sorted(
        (c for c in matcher.candidates(mistaken, known, ()) if (c.start, c.end) == (9, 10)), key=lambda c: c.entry
    )
    assert [candidate.entry for candidate in candidates] == [0, 1]
    of_right, of_wrong = matcher.gains(voice.data, mistaken, known, candidates)
    assert of_right > of_wrong
    assert of_right > 0


def test_a_word_spelt_as_in_the_dictionary_stays_and_is_shown_as_the_client_shows_it(
    matcher: SoundMatcher, voice: Floats
) -> None:
    before = words(TEXT, confidence=0.4)
    sounds_the_same = entry("whizdom", "W IH Z D AH M")
    plain = matcher.match(voice.data, before, [entry("WISDOM", "W IH Z D AH M"), sounds_the_same])
    assert list(plain) == before
    shown = matcher.match(voice.data, before, [entry("wisdom", display="WISdom®"), sounds_the_same])
    assert [word.text for word in shown] == TEXT.replace("wisdom", "WISdom®").split()
    assert [word.confidence for word in shown] == [word.confidence for word in before]


def test_several_words_spelt_as_in_the_dictionary_become_one(matcher: SoundMatcher, voice: Floats) -> None:
    after = matcher.match(voice.data, words(TEXT), [entry("best of times", display="BoT")])
    assert " ".join(word.text for word in after) == TEXT.replace("best of times", "BoT")


def test_at_the_start_of_a_sentence_a_word_has_a_capital(matcher: SoundMatcher, voice: Floats) -> None:
    text = "*Hit* was the best of times. *Hit* was the worst of times, *hit* was"
    after = matcher.match(voice.data, words(text), [entry("hitt", "HH IH T")])
    assert " ".join(word.text for word in after) == "Hitt was the best of times. Hitt was the worst of times, hitt was"


def test_without_pronunciations_a_word_sounds_as_it_is_spelt_or_respelt(matcher: SoundMatcher, voice: Floats) -> None:
    expected = [*TEXT.split()[:-1], "Pfoolishness,"]
    for known in (DictionaryWord("Pfoolishness"), DictionaryWord("Pfoolishness", sounds_like=("full-ish-ness",))):
        assert [
            word.text for word in matcher.match(voice.data, words(TEXT.replace("fool", "*full")), [known])
        ] == expected


def test_the_same_question_has_the_same_answer(matcher: SoundMatcher, voice: Floats) -> None:
    doubtful = words(TEXT, confidence=0.3)
    dictionary = [FOOLISHNESS, entry("wurst", "W ER S T"), entry("thymes", "T AY M Z"), entry("adj", "EY JH AH")]
    first = matcher.match(voice.data, doubtful, dictionary)
    matcher.match(voice.data[:32_000], doubtful[:5], dictionary[:1])
    assert matcher.match(voice.data, doubtful, dictionary) == first


PHONES = st.lists(st.sampled_from(PHONEMES), max_size=60).map(tuple)
ENTRIES = st.builds(
    DictionaryWord,
    st.text(min_size=1, max_size=30),
    st.lists(PHONES, max_size=2).map(tuple),
    st.lists(st.text(max_size=30), max_size=2).map(tuple),
    st.none() | st.text(min_size=1, max_size=30),
)
HEARD = st.lists(
    st.builds(
        HypothesisWord,
        st.text(st.characters(exclude_categories=("Cs", "Z", "Cc")), min_size=1, max_size=12),
        st.floats(0, 1),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(heard=HEARD, dictionary=st.lists(ENTRIES, max_size=6), length=st.integers(0, 60_000))
def test_any_words_and_any_dictionary_give_words(
    matcher: SoundMatcher, voice: Floats, heard: list[HypothesisWord], dictionary: list[DictionaryWord], length: int
) -> None:
    found = matcher.match(voice[:length].data, heard, dictionary)
    assert len(found) <= len(heard)
    assert bool(found) == bool(heard)
    shown = {word.display or word.spelling for word in dictionary}
    for word in found:
        assert 0 <= word.confidence <= 1
        assert word in heard or any(text[1:] in word.text for text in shown)


def test_a_large_dictionary_of_words_that_all_sound_alike_costs_little(matcher: SoundMatcher, voice: Floats) -> None:
    dictionary = [entry(f"Times{number}", "T AY M Z") for number in range(2000)]
    start = time.process_time()
    matcher.match(voice.data, words(TEXT, confidence=0.1), dictionary)
    assert time.process_time() - start < 2
