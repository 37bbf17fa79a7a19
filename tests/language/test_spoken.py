from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.language.g2p import G2P
from dragoman.language.lexicon import Lexicon
from dragoman.language.phonemes import is_phoneme
from dragoman.language.spoken import Reading, Speech

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def speech() -> Speech:
    lexicon, g2p = Lexicon(), G2P()
    lexicon.load()
    g2p.load()
    return Speech(lexicon, g2p)


def sounds(reading: Reading) -> str:
    return " | ".join(" ".join(word.pronunciations[0]) for word in reading)


def first(speech: Speech, written: str) -> list[str]:
    """The likeliest reading of each part."""
    return [sounds(part[0]) for part in speech.said(written)]


def ways(speech: Speech, written: str) -> list[str]:
    """All readings of a word of one part."""
    (part,) = speech.said(written)
    return [sounds(reading) for reading in part]


@pytest.mark.parametrize("written", ["", "—", "–", "-", "...", "…", "“”", "😀", "?!", "'", "東京", "Москва", "*", "_"])
def test_what_is_not_said_has_no_parts(speech: Speech, written: str) -> None:
    assert speech.said(written) == ()


@pytest.mark.parametrize(
    "written", ["Hello,", '"Hello', "(hello)", "HELLO!", "hello…", "hello—", "¿Hello?", "'hello'", "_hello_", "héllo"]
)
def test_punctuation_and_case_and_accents_change_nothing(speech: Speech, written: str) -> None:
    assert first(speech, written) == first(speech, "hello") == ["HH AH L OW"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("twenty-one", ["T W EH N T IY", "W AH N"]),
        ("and/or", ["AH N D", "AO R"]),
        ("Hello—world", ["HH AH L OW", "W ER L D"]),
        ("U.S.", ["Y UW | EH S"]),
        ("a.m.", ["EY | EH M"]),
        ("AT&T", ["AE T", "AH N D", "T IY"]),
        ("R&B", ["AA R", "AH N D", "B IY"]),
        ("C++", ["S IY", "P L AH S", "P L AH S"]),
        ("example.com", ["IH G Z AE M P AH L", "D AA T", "K AA M"]),
        ("john@example.com", ["JH AA N", "AE T", "IH G Z AE M P AH L", "D AA T", "K AA M"]),
        ("CEO's", ["S IY | IY | OW Z"]),
        ("TVs", ["T IY V IY Z"]),
        ("3D", ["TH R IY", "D IY"]),
        ("F-16", ["EH F", "S IH K S T IY N"]),
        ("10-year-old", ["T EH N", "Y IH R", "OW L D"]),
        ("20°C", ["T W EH N T IY | D IH G R IY Z", "S IY"]),
        ("$3.50,", ["TH R IY | D AA L ER Z | F IH F T IY"]),
        ("100%", ["W AH N | HH AH N D R AH D | P ER S EH N T"]),
        ("'90s", ["N AY N T IY Z"]),
        ("don’t", ["D OW N T"]),
        ("'cause", ["K AH Z"]),
        ("OpenAI", ["OW P AH N | AY"]),
    ],
)
def test_a_written_word_is_said_in_its_parts(speech: Speech, written: str, expected: list[str]) -> None:
    assert first(speech, written) == expected


@pytest.mark.parametrize(
    ("written", "way"),
    [
        ("NASA", "N AE S AH"),
        ("NASA", "EH N | EY | EH S | EY"),
        ("IT", "IH T"),
        ("IT", "AY | T IY"),
        ("www", "D AH B AH L Y UW | D AH B AH L Y UW | D AH B AH L Y UW"),
        ("No.", "N AH M B ER"),
        ("vs.", "V ER S AH S"),
        ("kg", "K IH L AH G R AE M Z"),
        ("2018", "T W EH N T IY | EY T IY N"),
        ("2018", "T UW | TH AW Z AH N D | EY T IY N"),
        ("#1", "N AH M B ER | W AH N"),
    ],
)
def test_a_word_that_can_be_said_in_several_ways_offers_them(speech: Speech, written: str, way: str) -> None:
    assert way in ways(speech, written)


@pytest.mark.parametrize(("stem", "ending"), [("googler", "Z"), ("zoolap", "S"), ("brexitish", "IH Z")])
def test_an_unlisted_possessive_is_its_stem_and_an_s(speech: Speech, stem: str, ending: str) -> None:
    (pronunciation,) = speech.pronunciations(stem)
    assert speech.pronunciations(stem + "'s") == ((*pronunciation, *ending.split()),)


written_words = st.text(
    st.one_of(
        st.sampled_from("abcdefgABCDEFG0123456789.,:/'-–$€%°½&@#+ßéﬁ’ "), st.characters(exclude_categories=("Cs",))
    ),
    max_size=20,
)


@settings(max_examples=300, deadline=None)
@given(written_words)
def test_parts_stand_for_characters_in_order_and_can_be_pronounced(speech: Speech, written: str) -> None:
    after = 0
    for part in speech.said(written):
        assert part
        assert len(set(part)) == len(part)
        for reading in part:
            assert reading
            at = after
            for word in reading:
                assert at <= word.start < word.end <= len(written)
                assert word.pronunciations
                assert all(pronunciation for pronunciation in word.pronunciations)
                assert all(is_phoneme(phone) for pronunciation in word.pronunciations for phone in pronunciation)
                at = word.start
        after = max(word.end for reading in part for word in reading)


@pytest.mark.parametrize("written", ["a" * 10_000, "1" * 10_000, "1," * 5_000, "a-" * 5_000, "'" * 10_000, "$" * 9_000])
def test_an_absurd_word_costs_little(speech: Speech, written: str) -> None:
    started = time.process_time()
    speech.said(written)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("written", ["w." * 100, "z" * 60, "0" * 40, "1/2 " * 60, "ww.zz " * 60])
def test_ways_to_say_a_text_are_few_however_many_there_could_be(speech: Speech, written: str) -> None:
    found = speech.ways(written)
    assert 1 <= len(found) <= 10
    assert len(set(found)) == len(found)


def test_a_text_is_said_in_all_combinations_of_its_parts(speech: Speech) -> None:
    apart = [speech.ways(word) for word in ("the", "route")]
    assert set(speech.ways("the route")) == {the + route for the in apart[0] for route in apart[1]}
