"""How Amazon's clients write vocabularies and filters."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.amazon_transcribe import vocabulary_table
from dragoman.apis.amazon_transcribe.vocabulary_table import (
    draft,
    from_phrases,
    from_table,
    from_word_file,
    from_words,
    to_table,
    to_word_file,
)
from dragoman.core.errors import InvalidField
from dragoman.core.request import Phrase
from dragoman.core.word_lists import VocabularyEntry
from dragoman.language.dictionary import Entry

pytestmark = pytest.mark.unit

HEADING = "Phrase\tSoundsLike\tIPA\tDisplayAs\n"
letters = st.text(alphabet="abcZé'-.", min_size=1, max_size=12).filter(lambda text: any(map(str.isalpha, text)))
cells = st.text(alphabet="abc xyzəɪ0-9", max_size=12).map(str.strip)
entries = st.lists(st.builds(VocabularyEntry, letters, cells, cells, cells), min_size=1, max_size=5).map(tuple)


@given(entries)
def test_a_table_that_was_written_is_read_again(written: tuple[VocabularyEntry, ...]) -> None:
    assert from_table(to_table(written).encode()) == written


@given(st.lists(st.text(alphabet="abcé'-.0", min_size=1, max_size=8), min_size=1, max_size=5, unique=True))
def test_a_file_of_words_that_was_written_is_read_again(words: list[str]) -> None:
    assert from_word_file(to_word_file(words).encode()) == tuple(words)


@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_gets_an_answer(data: bytes) -> None:
    for read in (from_table, from_word_file):
        with suppress(InvalidField):
            assert read(data)


def test_columns_come_in_any_order_and_only_the_phrase_is_needed() -> None:
    assert from_table(b"DisplayAs\tPhrase\nLos Angeles\tLos-Angeles\n\ttulip\n") == (
        VocabularyEntry("Los-Angeles", display="Los Angeles"),
        VocabularyEntry("tulip"),
    )
    assert from_table(b"Phrase\ntulip\n") == (VocabularyEntry("tulip"),)
    assert from_table((HEADING + "tulip\n").encode()) == (VocabularyEntry("tulip"),)


def test_what_editors_add_to_a_file_is_no_part_of_it() -> None:
    assert from_table("\ufeffPhrase\tDisplayAs\r\ntulip\tTulip\r\n\r\n".encode()) == (
        VocabularyEntry("tulip", display="Tulip"),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Line 1"),
        (HEADING, "no rows"),
        ("tulip\nrose\n", "'tulip'"),
        ("Phrase SoundsLike IPA DisplayAs\ntulip\n", "single tab"),
        ("Phrase\tPhrase\ntulip\ttulip\n", "each once"),
        ("SoundsLike\tIPA\na\tb\n", "Phrase"),
        (HEADING + "tulip\nroute66\n", "Line 3.*digits"),
        (HEADING + "tulip\n\tsound\t\t\n", "Line 3 has no phrase"),
        (HEADING + "Los Angeles\n", "Line 2.*hyphens"),
        (HEADING + "tulip\t\t\t\tmore\n", "Line 2.*5 columns"),
        (HEADING + "C++\n", "Line 2.*'\\+'"),
        (HEADING + "-.-\n", "Line 2.*no letters"),
        (HEADING + "a" * 257 + "\n", "Line 2.*256"),
        (HEADING + "a\t" + "b" * 257 + "\n", "Line 2.*256"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_line(text: str, reason: str) -> None:
    with pytest.raises(InvalidField, match=reason):
        from_table(text.encode())


def test_bytes_that_are_no_text_are_refused_with_the_line() -> None:
    with pytest.raises(InvalidField, match=r"Line 2.*UTF-8"):
        from_table(b"Phrase\ncaf\xe9\n")


@pytest.mark.parametrize("phrases", [[], [""], ["two words"], ["a1"], ["½"], ["a,b"], ["'"], ["a" * 257]])
def test_phrases_are_held_to_the_same_rules(phrases: list[str]) -> None:
    with pytest.raises(InvalidField):
        from_phrases(phrases)


@pytest.mark.parametrize(
    "phrase", ["Los-Angeles", "A.B.C.", "A.B.C.-s", "Dynamo-D.B.", "O'Neill", "café", "ไทย", "हिन्दी"]
)
def test_what_the_service_takes_is_taken(phrase: str) -> None:
    assert from_phrases([phrase]) == (VocabularyEntry(phrase),)


def test_what_sounds_and_looks_as_it_is_spelt_is_a_phrase() -> None:
    drafted, remarks = draft(
        [VocabularyEntry("tulip"), VocabularyEntry("los-angeles", display="Los Angeles")], pronounced=True
    )
    assert drafted.phrases == (Phrase("tulip"), Phrase("Los Angeles"))
    assert (drafted.words, remarks) == ((), [])


def test_everything_else_is_a_word_of_the_dictionary() -> None:
    drafted, remarks = draft(
        [
            VocabularyEntry("Etienne", sounds_like="eh-tee-en"),
            VocabularyEntry("Frubin", ipa="f ɹ uː b ɪ n"),
            VocabularyEntry("C.L.I."),
            VocabularyEntry("A.B.C.-s", display="ABCs"),
            VocabularyEntry("V.X.-zero-two-Q.", display="VX02Q"),
        ],
        pronounced=True,
    )
    assert drafted.words == (
        Entry("Etienne", sounds_like=("eh tee en",)),
        Entry("Frubin", ("f r u: b I n",)),
        Entry("C.L.I."),
        Entry("A.B.C.'s", display="ABCs"),
        Entry("V.X. zero two Q.", display="VX02Q"),
    )
    assert (drafted.phrases, remarks) == ((), [])


def test_words_of_a_filter_are_kept_once_and_composed() -> None:
    assert from_words(["darn", " naïve", "nai\u0308ve ", "Darn"]) == ("darn", "naïve", "Darn")


def test_it_is_a_form_of_word_lists() -> None:
    from dragoman.service.word_lists import WordListForm

    form: WordListForm = vocabulary_table
    assert form is vocabulary_table
