"""The vocabulary file of the wheel."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.moonshine.tokenizer import BEGIN, END, UNKNOWN, Tokenizer

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def path() -> Path:
    spec = importlib.util.find_spec("moonshine_voice")
    assert spec is not None
    return Path(str(spec.origin)).parent / "assets" / "tiny-en" / "tokenizer.bin"


@pytest.fixture(scope="module")
def tokenizer(path: Path) -> Tokenizer:
    return Tokenizer.read(path)


def ids(tokenizer: Tokenizer, *pieces: str) -> list[int]:
    return [tokenizer.pieces.index(piece.replace(" ", "\u2581").encode()) for piece in pieces]


def test_the_file_is_read_to_its_last_piece(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.pieces) == 32_768
    assert tokenizer.pieces[UNKNOWN : END + 1] == [b"<unk>", b"<s>", b"</s>"]
    assert tokenizer.pieces[3:259] == [bytes([value]) for value in range(256)]


def test_words_keep_their_punctuation_and_know_their_tokens(tokenizer: Tokenizer) -> None:
    tokens = ids(tokenizer, " It", " was", ",", " was", "n", "'", "t")
    assert tokenizer.decode(tokens) == "It was, wasn't"
    assert tokenizer.words(tokens) == [("It", range(1)), ("was,", range(1, 3)), ("wasn't", range(3, 7))]


@given(st.text(max_size=12))
def test_single_bytes_spell_any_text(tokenizer: Tokenizer, text: str) -> None:
    tokens = [3 + byte for byte in text.encode()]
    assert tokenizer.decode(tokens) == text.replace("\u2581", " ").strip()


def test_the_specials_have_no_text(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([BEGIN, *ids(tokenizer, " yes"), END]) == "yes"


def test_bytes_that_are_no_text_do_not_raise(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([3 + 0xC3]) == "\ufffd"


def test_a_file_that_is_cut_off_is_refused(path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "tokenizer.bin"
    cut.write_bytes(path.read_bytes()[:100_001])
    with pytest.raises(ValueError, match="cut off"):
        Tokenizer.read(cut)


JAPANESE = "今日はいい天気ですね。"


@pytest.fixture(scope="module")
def japanese(folder: Path) -> Tokenizer:
    return Tokenizer.read(folder / "tokenizer.bin", "ja", 33_000)


def test_without_spaces_a_text_is_its_words_and_punctuation_joined(japanese: Tokenizer) -> None:
    tokens = japanese.encode_word(JAPANESE)
    assert japanese.decode(tokens) == JAPANESE
    words = japanese.words(tokens)
    assert len(words) > 3
    assert "".join(text for text, _ in words) == JAPANESE
    assert japanese.spaced(tokens).split() == [text for text, _ in words]
    assert [at for _, places in words for at in places] == list(range(len(tokens)))


def test_without_spaces_every_word_may_begin_behind_another(japanese: Tokenizer) -> None:
    """Or settled words of a draft could not be followed, and no phrase would be complete."""
    tokens = japanese.encode_word(JAPANESE)
    firsts = [tokens[places.start] for _, places in japanese.words(tokens)]
    assert all(japanese.begins_word[token] and japanese.closes_word[token] for token in firsts)


def test_tokens_without_a_piece_say_nothing_and_begin_nothing(japanese: Tokenizer) -> None:
    assert len(japanese.pieces) == len(japanese.begins_word) == 33_000
    assert japanese.decode([32_999]) == ""
    assert not japanese.begins_word[32_999]
