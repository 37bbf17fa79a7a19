"""Laws of the check of vocabularies."""

from __future__ import annotations

import asyncio
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import InvalidField, Unavailable
from dragoman.core.request import Phrase
from dragoman.language.classes import WordClasses
from dragoman.language.dictionary import Entry, Pronouncer
from dragoman.language.g2p import G2P
from dragoman.language.lexicon import Lexicon
from dragoman.service.vocabulary import CheckedVocabulary, Draft, Vocabularies, VocabularyLimits

pytestmark = pytest.mark.unit

LEXICON, G2P_MODEL, CLASSES = Lexicon(), G2P(), WordClasses()
ODD = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.text(alphabet="$_abcé' +-.\u200f\u202e\u05d0\u0627\u0430\U0001f44d\ufe0f\x00\n\t", max_size=8),
        st.sampled_from(("$first_name", "$x", " and ", "p r I", "Anna")),
    ),
    max_size=5,
).map("".join)


def vocabularies(limits: VocabularyLimits | None = None, **options: int) -> Vocabularies:
    return Vocabularies(Pronouncer(LEXICON, G2P_MODEL, CLASSES), CLASSES, limits or VocabularyLimits(), **options)


def check(*phrases: str, words: tuple[Entry, ...] = ()) -> CheckedVocabulary:
    return asyncio.run(vocabularies().check(Draft(tuple(map(Phrase, phrases)), words)))


@given(st.lists(ODD, max_size=5), st.lists(st.tuples(ODD, st.lists(ODD, max_size=2).map(tuple)), max_size=3))
@settings(deadline=None, max_examples=60)
def test_whatever_is_sent_gets_an_answer_and_what_is_accepted_is_fit_for_use(
    phrases: list[str], words: list[tuple[str, tuple[str, ...]]]
) -> None:
    checked = check(*phrases, words=tuple(Entry(spelling, said) for spelling, said in words))
    assert [phrase.text for phrase in checked.phrases] == phrases
    assert all((phrase.accepted is None) is bool(phrase.warning) for phrase in checked.phrases)
    for phrase in checked.accepted.phrases:
        assert phrase.text == " ".join(phrase.text.split()) != ""
        assert not any(unicodedata.category(character) in ("Cc", "Cf", "So") for character in phrase.text)
        assert all(word[1:] in CLASSES for word in phrase.text.split() if word.startswith("$"))
    for word in checked.words:
        refused = [pronunciation for pronunciation in word.pronunciations if pronunciation.problem]
        assert all(pronunciation.warning for pronunciation in refused)
        assert word.accepted is not None or refused


@pytest.mark.parametrize(
    ("phrase", "accepted"),
    [
        ("Anna Karenina", "Anna Karenina"),
        ("  blue \n tulip ", "blue tulip"),
        ("it's 5 o'clock", "it's 5 o'clock"),
        ("call $first_name now", "call $first_name now"),
        ("café Zürich", "café Zürich"),
        ("it costs $5", "it costs 5"),
        ("great \U0001f44d\ufe0f job\U0001f600", "great job"),
        ("\u202ehidden\u200f", "hidden"),
    ],
)
def test_phrases_keep_their_words_alone(phrase: str, accepted: str) -> None:
    assert [each.text for each in check(phrase).accepted.phrases] == [accepted]


@pytest.mark.parametrize("phrase", ["", " ", "...", "\U0001f600", "$nick_name", "$", "Привет", "שלום", "مرحبا there"])
def test_a_phrase_that_cannot_be_heard_is_left_out_with_the_reason(phrase: str) -> None:
    checked = check("good", phrase)
    assert [each.text for each in checked.accepted.phrases] == ["good"]
    assert checked.phrases[1].warning


def test_a_word_of_another_alphabet_can_be_in_a_phrase_once_the_dictionary_says_how_it_sounds() -> None:
    said = Entry("Привет", ("p r I v j E t",))
    assert check("say Привет, Bob", words=(said,)).accepted.phrases == (Phrase("say Привет, Bob"),)
    assert check("say Привет", words=(Entry("Привет"),)).accepted.phrases == ()


def test_a_word_is_one_however_far_apart_its_entries_are() -> None:
    between = tuple(Entry(f"xq{'abcdefghijklmnopqrstuvwxyz'[number]}z", ("k w I z",)) for number in range(26))
    checked = check(words=(Entry("disentu", ("d I s E n",)), *between, Entry("disentu", ("d I z E n", "? ?"))))
    assert len(checked.words) == 27
    first = checked.words[0]
    assert [said.written for said in first.pronunciations if not said.problem] == ["d I s E n", "d I z E n"]
    assert len([said for said in first.pronunciations if said.problem]) == 1


def test_a_phrase_given_twice_is_one() -> None:
    assert check("blue tulip", "blue  tulip").accepted.phrases == (Phrase("blue tulip"),)


@pytest.mark.parametrize(
    ("draft", "blamed"),
    [
        (Draft(phrases=(Phrase("a"),) * 4), "4 phrases"),
        (Draft(phrases=(Phrase("a"), Phrase("a" * 11))), "phrases[1]"),
        (Draft(words=(Entry("a"),) * 3), "3 dictionary words"),
        (Draft(words=(Entry("a" * 11),)), "dictionary[0]"),
        (Draft(words=(Entry("a"), Entry("b", ("p " * 6,)))), "dictionary[1]"),
        (Draft(words=(Entry("a"), Entry("b", ("p r I", "p"), ("p",)))), "dictionary[1]"),
        (Draft(words=(Entry("a", display="a" * 11),)), "dictionary[0]"),
    ],
)
async def test_what_is_beyond_a_limit_is_refused_with_its_place(draft: Draft, blamed: str) -> None:
    limited = vocabularies(VocabularyLimits(max_phrases=3, max_words=2, max_pronunciations=2, max_characters=10))
    with pytest.raises(InvalidField, match=blamed.replace("[", r"\[")):
        await limited.check(draft)


def unknown(count: int) -> Draft:
    letters = "bcdfghjklm"
    return Draft(words=tuple(Entry("".join(letters[int(digit)] + "o" for digit in f"{n:04}")) for n in range(count)))


async def test_a_small_vocabulary_does_not_wait_for_a_large_one() -> None:
    shared = vocabularies()
    large = asyncio.create_task(shared.check(unknown(64)), name="large")
    await asyncio.sleep(0)
    await shared.check(Draft(phrases=(Phrase("blue tulip"),), words=(Entry("phrase"),)))
    assert not large.done()
    assert len((await large).words) == 64


async def test_only_so_many_wait_and_one_that_is_cancelled_waits_no_more() -> None:
    shared = vocabularies(max_waiting=1)
    waiting = asyncio.create_task(shared.check(unknown(500)), name="waiting")
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await shared.check(Draft())
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await shared.check(Draft()) == CheckedVocabulary()


async def test_classes_of_the_operator_are_classes_too(tmp_path: Path) -> None:
    (tmp_path / "product.txt").write_text("Blue Tulip\n", encoding="utf-8")
    classes = WordClasses(tmp_path)
    own = Vocabularies(Pronouncer(LEXICON, G2P_MODEL, classes), classes, VocabularyLimits())
    assert {"product", "first_name"} <= set(await own.classes())
    checked = await own.check(Draft(phrases=(Phrase("order $product"),)))
    assert checked.accepted.phrases == (Phrase("order $product"),)
