"""Questions to a form."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import EmptyAudio, InvalidField, InvalidRequest, MissingField, UnsupportedOption
from dragoman.transport.form import Form, Upload

pytestmark = pytest.mark.unit

SPELLINGS = {"true": True, "True": True, "TRUE": True, "1": True, "false": False, "False": False, "0": False}


def form(**fields: str | tuple[str, ...]) -> Form:
    return Form({name: (value,) if isinstance(value, str) else value for name, value in fields.items()})


@pytest.mark.parametrize(("spelling", "meaning"), SPELLINGS.items())
def test_booleans_have_the_spellings_of_json_python_and_php(spelling: str, meaning: bool) -> None:
    assert form(flag=spelling).boolean("flag", default=not meaning) is meaning


@given(st.text().filter(lambda text: text and text.lower() not in SPELLINGS))
def test_nothing_else_is_a_boolean(text: str) -> None:
    with pytest.raises(InvalidField) as caught:
        form(flag=text).boolean("flag", default=True)
    assert caught.value.field == "flag"


@given(st.floats(0, 1))
def test_a_number_in_range_is_taken(number: float) -> None:
    assert form(temperature=repr(number)).number("temperature", least=0, most=1) == number


@pytest.mark.parametrize("text", ["warm", "nan", "inf", "-0.1", "1.01", "1,0", "0x1"])
def test_a_number_out_of_range_is_not(text: str) -> None:
    with pytest.raises(InvalidField, match="temperature"):
        form(temperature=text).number("temperature", least=0, most=1)


def test_an_empty_text_counts_as_not_given() -> None:
    empty = form(language="", flag="", temperature="")
    assert empty.text("language") is empty.text("absent") is None
    assert empty.boolean("flag", default=True)
    assert empty.number("temperature", least=0, most=1) is None
    assert empty.choice("language", ["en"]) is None
    empty.refuse("language", "not yet")


def test_a_field_given_twice_is_refused() -> None:
    twice = form(language=("en", "de"))
    assert twice.texts("language") == ("en", "de")
    with pytest.raises(InvalidField, match="more than once"):
        twice.text("language")


def test_a_choice_is_one_of_the_choices() -> None:
    assert form(format="json").choice("format", ["json", "text"]) == "json"
    with pytest.raises(InvalidField, match="json, text"):
        form(format="JSON").choice("format", ["json", "text"])


def test_unknown_and_refused_fields_are_named() -> None:
    with pytest.raises(UnsupportedOption, match="'langauge'") as unknown:
        form(langauge="en").allow_only({"language"})
    assert unknown.value.field == "langauge"
    with pytest.raises(UnsupportedOption, match="not yet") as refused:
        form(phrases="x").refuse("phrases", "not yet")
    assert refused.value.field == "phrases"


def test_there_must_be_exactly_one_file_with_something_in_it() -> None:
    def with_files(*uploads: Upload) -> Form:
        return Form({}, {"file": uploads} if uploads else {})

    good = Upload(Path("somewhere"), "a.wav", 1)
    assert with_files(good).file("file") == good
    for uploads, error in [
        ((), MissingField),
        ((Upload(Path("somewhere"), "", 0),), MissingField),
        ((Upload(Path("somewhere"), "a.wav", 0),), EmptyAudio),
        ((good, good), InvalidRequest),
    ]:
        with pytest.raises(error):
            with_files(*uploads).file("file")
    empty = Upload(Path("somewhere"), "a.wav", 0)
    assert with_files(empty).file("file", may_be_empty=True) == empty
    with pytest.raises(MissingField):
        with_files(Upload(Path("somewhere"), "", 0)).file("file", may_be_empty=True)
