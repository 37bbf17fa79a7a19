from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import EngineNotReady
from dragoman.language.lexicon import Lexicon, english_model_folder
from dragoman.language.phonemes import Pronunciation, is_phoneme

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    lexicon = Lexicon()
    lexicon.load()
    return lexicon


@pytest.fixture(scope="module")
def read_in_full() -> dict[str, list[Pronunciation]]:
    """The file as a plain dictionary."""
    entries: dict[str, list[Pronunciation]] = defaultdict(list)
    for line in (english_model_folder() / "cmudict-en-us.dict").read_text().splitlines():
        name, *phones = line.split()
        word = name[: name.rindex("(")] if name.endswith(")") else name
        if tuple(phones) not in entries[word]:
            entries[word].append(tuple(phones))
    return dict(entries)


def test_every_entry_is_found_with_all_its_pronunciations(
    lexicon: Lexicon, read_in_full: dict[str, list[Pronunciation]]
) -> None:
    assert len(read_in_full) > 126_000
    wrong = [word for word, known in read_in_full.items() if lexicon.pronunciations(word) != tuple(known)]
    assert wrong == []


def test_words_come_once_each_in_the_order_of_the_file(
    lexicon: Lexicon, read_in_full: dict[str, list[Pronunciation]]
) -> None:
    assert list(lexicon.words()) == list(read_in_full)


def test_pronunciations_are_made_of_known_phones(read_in_full: dict[str, list[Pronunciation]]) -> None:
    phones = {phone for known in read_in_full.values() for pronunciation in known for phone in pronunciation}
    assert all(map(is_phoneme, phones))


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_no_other_word_is_found(lexicon: Lexicon, read_in_full: dict[str, list[Pronunciation]], word: str) -> None:
    assert (word in lexicon) == (word.lower() in read_in_full)


def test_upper_and_lower_case_are_one(lexicon: Lexicon) -> None:
    assert lexicon.pronunciations("Hello") == lexicon.pronunciations("HELLO") == lexicon.pronunciations("hello") != ()


@pytest.mark.parametrize("ending", ["", "\n"])
def test_any_file_in_this_format_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "small.dict"
    path.write_text("a AH\na(2) EY\na's EY Z\nzoo Z UW" + ending)
    lexicon = Lexicon(path)
    lexicon.load()
    assert lexicon.pronunciations("a") == (("AH",), ("EY",))
    assert lexicon.pronunciations("a's") == (("EY", "Z"),)
    assert lexicon.pronunciations("zoo") == (("Z", "UW"),)
    assert [lexicon.pronunciations(word) for word in ("", "aa", "m", "zooo", "(2)")] == [()] * 5
    assert list(lexicon.words()) == ["a", "a's", "zoo"]


def test_a_missing_or_empty_file_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "empty.dict").touch()
    for name in ("none.dict", "empty.dict"):
        with pytest.raises(EngineNotReady, match=name):
            Lexicon(tmp_path / name).load()
