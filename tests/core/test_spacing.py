"""Laws of spaces between words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.spacing import joined, parts, space, width

pytestmark = pytest.mark.unit

CHINESE, THAI, KOREAN = "今天气很好日本語カナ", "กขคงจฉช", "안녕하세요"
texts = st.text(st.sampled_from(f"ab1{CHINESE}{THAI}{KOREAN}.,。、「」"), min_size=1, max_size=6)


@given(st.lists(texts))
def test_text_has_its_words_in_their_order_and_at_most_a_space_between_two(words: list[str]) -> None:
    text = joined(words)
    assert text.replace(" ", "") == "".join(words)
    assert "  " not in text
    assert text == text.strip()


@given(texts, texts, texts)
def test_what_stands_between_two_words_does_not_depend_on_what_is_around_them(a: str, b: str, c: str) -> None:
    assert joined([a, b, c]) == a + space(a, b) + b + space(b, c) + c
    assert joined([joined([a, b]), c]) == joined([a, joined([b, c])]) == joined([a, b, c])


@given(st.lists(st.text(st.sampled_from(f"abc.,!é{KOREAN}"), min_size=1)))
def test_languages_with_spaces_have_one_between_any_two_words(words: list[str]) -> None:
    assert joined(words) == " ".join(words)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["今天", "天气", "很好。"], "今天天气很好。"),
        (["３", "月", "3", "日"], "３月3日"),
        (["东京", "Google", "Cloud", "です"], "东京Google Cloudです"),
        (["สวัส", "ดี", "Google", "ครับ"], "สวัสดี Google ครับ"),
        (["안녕", "하세요."], "안녕 하세요."),
        (["Hello,", "world"], "Hello, world"),
    ],
)
def test_the_characters_say_whether_there_is_a_space(words: list[str], text: str) -> None:
    assert joined(words) == text


@given(st.lists(texts))
def test_parts_joined_are_the_text(words: list[str]) -> None:
    text = joined(words)
    assert joined(parts(text)) == text
    assert all(part and part == part.strip() for part in parts(text))


def test_no_part_begins_with_a_closing_mark_or_ends_with_an_opening_one() -> None:
    assert parts("他说「今天、很好」。OK?") == ["他", "说", "「今", "天、", "很", "好」。", "OK?"]


def test_wide_characters_take_two_columns() -> None:
    assert width("今天ab") == 6
