from __future__ import annotations

import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.language.classes import WordClasses
from dragoman.language.dictionary import CheckedWord, Entry, Problem, Pronouncer, merged
from dragoman.language.g2p import G2P
from dragoman.language.lexicon import Lexicon
from dragoman.language.notation import SYMBOLS, from_phonexia, to_phonexia
from dragoman.language.phonemes import is_phoneme

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def pronouncer() -> Pronouncer:
    pronouncer = Pronouncer(Lexicon(), G2P(), WordClasses())
    pronouncer.load()
    return pronouncer


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    lexicon = Lexicon()
    lexicon.load()
    return lexicon


def check(pronouncer: Pronouncer, spelling: str, *pronunciations: str, **others: object) -> CheckedWord:
    (word,) = pronouncer.check([Entry(spelling, pronunciations, **others)])  # type: ignore[arg-type]
    return word


def problems(word: CheckedWord) -> list[Problem]:
    return [each.problem for each in word.pronunciations if each.problem]


def usable(word: CheckedWord) -> dict[str, bool]:
    """What a client may use, and whether it was unknown."""
    return {each.written: each.out_of_vocabulary for each in word.pronunciations if not each.problem}


symbols = st.lists(st.sampled_from(SYMBOLS), max_size=8).map(" ".join)
texts = st.text(max_size=12) | st.sampled_from(["phrase", "new+york", "Ship", "xkcd", "café", "東京", "a", "co-op"])
entries = st.builds(
    Entry,
    texts,
    st.lists(symbols | st.text(max_size=6), max_size=3).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.none() | st.text(max_size=6),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(entries, max_size=4))
def test_any_entry_is_answered_completely(pronouncer: Pronouncer, given_: list[Entry]) -> None:
    words = pronouncer.check(given_)
    assert len(words) == len(merged(given_)) <= len(given_)
    for word in words:
        assert word.pronunciations
        for each in word.pronunciations:
            assert bool(each.problem) == bool(each.warning) == (not each.phones)
            assert all(map(is_phoneme, each.phones))
            assert each.problem or from_phonexia(each.written) == each.phones
            assert len(each.phones) >= 3 or each.problem or not each.out_of_vocabulary
        listed = [each.phones for each in word.pronunciations if not each.problem]
        assert len(set(listed)) == len(listed)
        if word.accepted is None:
            assert listed == []
        else:
            assert list(word.accepted.pronunciations) == listed != []
            assert word.accepted.spelling == " ".join(word.accepted.spelling.split()) != ""
            assert unicodedata.is_normalized("NFC", word.accepted.spelling)
            assert word.accepted.sounds_like == ()
            assert word.accepted.display != ""


@settings(max_examples=100, deadline=None)
@given(st.lists(entries, max_size=4))
def test_what_is_left_out_stands_last(pronouncer: Pronouncer, given_: list[Entry]) -> None:
    for word in pronouncer.check(given_):
        order = [(each.problem is not None, each.out_of_vocabulary) for each in word.pronunciations]
        assert order == sorted(order)


@settings(max_examples=100, deadline=None)
@given(st.lists(entries, max_size=5))
def test_merged_entries_may_be_checked_one_by_one(pronouncer: Pronouncer, given_: list[Entry]) -> None:
    together = pronouncer.check(given_)
    assert together == [word for entry in merged(given_) for word in pronouncer.check([entry])]
    assert merged(merged(given_)) == merged(given_)


@settings(max_examples=50, deadline=None)
@given(texts, symbols.filter(lambda written: written.count(" ") >= 2))
def test_a_bad_pronunciation_takes_nothing_from_a_good_one(pronouncer: Pronouncer, spelling: str, good: str) -> None:
    alone = check(pronouncer, spelling, good)
    assert check(pronouncer, spelling, good, "q q", "", good).accepted == alone.accepted


def test_a_known_word_has_all_pronunciations_of_the_lexicon(pronouncer: Pronouncer, lexicon: Lexicon) -> None:
    for spelling in ("preferred", "route", "Tomato", "o'clock", "a.m.", "a"):
        word = check(pronouncer, spelling)
        assert usable(word) == {to_phonexia(phones): False for phones in lexicon.pronunciations(spelling)} != {}


def test_the_examples_of_the_document_are_answered_as_there(pronouncer: Pronouncer) -> None:
    assert usable(check(pronouncer, "preferred"))["p r I f @r d"] is False
    assert usable(check(pronouncer, "phrase", "f r eI z")) == {"f r eI z": False}
    assert usable(check(pronouncer, "disentu", "d i: s E n t u:")) == {"d i: s E n t u:": True}


def test_a_known_word_may_be_said_in_another_way_too(pronouncer: Pronouncer) -> None:
    assert usable(check(pronouncer, "phrase", "f r A: z @")) == {"f r eI z": False, "f r A: z V": True}


@pytest.mark.parametrize("spelling", ["jummy", "Moonshiner's", "xkcd", "co-founderly", "B.B.X.", "MacYouTube"])
def test_an_unknown_word_is_pronounced_as_it_is_spelt(pronouncer: Pronouncer, spelling: str) -> None:
    word = check(pronouncer, spelling)
    assert word.accepted is not None
    assert set(usable(word).values()) == {True}


@pytest.mark.parametrize("spelling", ["new+york", "new york", " new  york ", "New\u00a0York", "NEW+YORK"])
def test_several_words_are_known_when_each_is(pronouncer: Pronouncer, lexicon: Lexicon, spelling: str) -> None:
    word = check(pronouncer, spelling)
    assert word.spelling == spelling
    assert word.accepted is not None
    assert word.accepted.spelling.lower() == "new york"
    assert set(word.accepted.pronunciations) == {
        new + york for new in lexicon.pronunciations("new") for york in lexicon.pronunciations("york")
    }
    assert set(usable(word).values()) == {False}


def test_several_words_of_which_one_is_unknown_are_pronounced_from_both(
    pronouncer: Pronouncer, lexicon: Lexicon
) -> None:
    word = check(pronouncer, "old+jummy")
    assert set(usable(word).values()) == {True}
    assert {phones[:3] for phones in word.accepted.pronunciations} == set(lexicon.pronunciations("old"))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "spelling", ["grüßen", "東京", "Москва", "שלום", "🍺", "café", "route66", "C++", "a/b", "x" * 9 + "½"]
)
def test_other_letters_need_a_pronunciation(pronouncer: Pronouncer, spelling: str) -> None:
    alone = check(pronouncer, spelling)
    assert alone.accepted is None
    assert problems(alone) == [Problem.UNSUPPORTED_GRAPHEME]
    assert "Add a pronunciation" in alone.pronunciations[0].warning
    spoken = check(pronouncer, spelling, "k A: f eI")
    assert usable(spoken) == {"k A: f eI": True}
    assert spoken.accepted is not None
    assert spoken.accepted.spelling == spelling
    respelt = check(pronouncer, spelling, sounds_like=("caffay",))
    assert respelt.accepted is not None


def test_the_offending_graphemes_are_named_but_not_all_of_many(pronouncer: Pronouncer) -> None:
    (wrong,) = check(pronouncer, "grüßen").pronunciations
    assert "'ü', 'ß'" in wrong.warning
    (wrong,) = check(pronouncer, "абвгдежзиклмнопрст").pronunciations
    assert "and more" in wrong.warning
    assert len(wrong.warning) < 250


@pytest.mark.parametrize("spelling", ["", " ", "\t\n", "\u200b\ufeff", "\u200f \u200e"])
def test_an_empty_word_is_left_out(pronouncer: Pronouncer, spelling: str) -> None:
    word = check(pronouncer, spelling, "k A: f eI")
    assert word.accepted is None
    assert problems(word) == [Problem.EMPTY_FIELD]


@pytest.mark.parametrize("spelling", ["be\x00er", "\x1b[31mred", "be\ud800er"])
def test_control_characters_are_in_no_word(pronouncer: Pronouncer, spelling: str) -> None:
    word = check(pronouncer, spelling, "b i: r")
    assert word.accepted is None
    assert problems(word) == [Problem.UNSUPPORTED_GRAPHEME]


@pytest.mark.parametrize("spelling", ["-", "...", "'", ".-'"])
def test_signs_alone_are_no_word(pronouncer: Pronouncer, spelling: str) -> None:
    assert problems(check(pronouncer, spelling)) == [Problem.UNSUPPORTED_GRAPHEME]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", Problem.EMPTY_FIELD),
        ("  ", Problem.EMPTY_FIELD),
        ("d Z a m i", Problem.UNSUPPORTED_PHONEME),
        ("k A:", Problem.PRONUNCIATION_TOO_SHORT),
        ("k", Problem.PRONUNCIATION_TOO_SHORT),
    ],
)
@pytest.mark.parametrize("spelling", ["jummy", "phrase"])
def test_a_wrong_pronunciation_is_left_out_and_the_word_stays(
    pronouncer: Pronouncer, spelling: str, written: str, problem: Problem
) -> None:
    word = check(pronouncer, spelling, written)
    assert word.accepted == check(pronouncer, spelling).accepted is not None
    assert problems(word) == [problem]
    assert word.pronunciations[-1].written == written


def test_a_short_pronunciation_is_good_when_the_word_is_known_by_it(pronouncer: Pronouncer) -> None:
    assert problems(check(pronouncer, "a", "V")) == []
    assert problems(check(pronouncer, "a", "O:")) == [Problem.PRONUNCIATION_TOO_SHORT]


def test_an_unknown_word_too_short_to_be_told_from_others_is_left_out(pronouncer: Pronouncer) -> None:
    word = check(pronouncer, "zy")
    assert word.accepted is None
    assert problems(word) == [Problem.PRONUNCIATION_TOO_SHORT]


def test_the_same_word_twice_has_the_pronunciations_of_both(pronouncer: Pronouncer) -> None:
    words = pronouncer.check(
        [
            Entry("jummy", ("dZ V m i:",)),
            Entry("phrase"),
            Entry(" jummy", ("dZ A: m i:", "dZ V m i:", "?"), display="JUMMY"),
        ]
    )
    assert [word.spelling for word in words] == ["jummy", "phrase"]
    assert usable(words[0]) == {"dZ V m i:": True, "dZ A: m i:": True}
    assert problems(words[0]) == [Problem.UNSUPPORTED_PHONEME]
    assert words[0].accepted is not None
    assert words[0].accepted.display == "JUMMY"


def test_the_same_letters_composed_or_not_are_one_word() -> None:
    assert len(merged([Entry("café"), Entry("cafe\u0301"), Entry("ca\u200bfé")])) == 1
    assert len(merged([Entry("O'Brien"), Entry("O’Brien")])) == 1
    assert len(merged([Entry("Polish"), Entry("polish")])) == 2


def test_a_respelling_is_a_pronunciation(pronouncer: Pronouncer) -> None:
    word = check(pronouncer, "Nguyen", sounds_like=("when", "new yen"))
    assert {"w E n", "n u: j E n"} <= set(usable(word))
    assert usable(check(pronouncer, "Phrayyz", sounds_like=("phrase",))) == {"f r eI z": True}


@pytest.mark.parametrize(
    ("respelling", "problem"),
    [("", Problem.EMPTY_FIELD), ("größen", Problem.UNSUPPORTED_GRAPHEME), ("a", Problem.PRONUNCIATION_TOO_SHORT)],
)
def test_a_wrong_respelling_is_left_out_and_the_word_stays(
    pronouncer: Pronouncer, respelling: str, problem: Problem
) -> None:
    word = check(pronouncer, "jummy", sounds_like=(respelling, "phrase"))
    assert usable(word) == {"f r eI z": True}
    assert problems(word) == [problem]
    assert word.pronunciations[-1].written == respelling


@pytest.mark.parametrize(
    ("display", "shown"),
    [(None, None), ("", None), (" \t", None), ("AT+T", "AT+T"), (" a\n b ", "a b"), ("e\u0301\x00", "é"), ("🍺", "🍺")],
)
def test_a_display_form_is_one_clean_line(pronouncer: Pronouncer, display: str | None, shown: str | None) -> None:
    word = check(pronouncer, "beer", display=display)
    assert word.accepted is not None
    assert word.accepted.display == shown


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Jennifer", "female_first_name"),
        ("jennifer", "female_first_name"),
        ("preferred", ""),
        ("jummy", ""),
        ("Manchester", "municipality"),
    ],
)
def test_a_word_knows_its_class(pronouncer: Pronouncer, spelling: str, name: str) -> None:
    assert {each.word_class for each in check(pronouncer, spelling).pronunciations} == {name}


def test_time_grows_with_length_alone(pronouncer: Pronouncer) -> None:
    took = []
    for length in (1_000, 8_000):
        start = time.process_time()
        word = check(pronouncer, "ba" * length, "b A: " * length, sounds_like=("do " * length,))
        took.append(time.process_time() - start)
        assert word.accepted is not None
    for shorter, longer in pairwise(took):
        assert longer < 40 * shorter + 0.5


def test_a_thousand_known_words_take_a_fraction_of_a_second(pronouncer: Pronouncer, lexicon: Lexicon) -> None:
    words = [Entry(word, ("f r eI z",)) for word in list(lexicon.words())[::126][:1_000]]
    start = time.process_time()
    assert all(word.accepted for word in pronouncer.check(words))
    assert time.process_time() - start < 1
