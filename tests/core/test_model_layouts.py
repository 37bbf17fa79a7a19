"""Laws of telling a model by its files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.model_layouts import LAYOUTS, MOONSHINE_STREAMING, Layout

pytestmark = pytest.mark.unit

EVERY = sorted({name for layout in LAYOUTS for name in (*layout.files, *(n for group in layout.either for n in group))})


@given(st.sampled_from(LAYOUTS), st.sets(st.sampled_from([*EVERY, "LICENSE", "notes.txt"])))
def test_what_is_missing_and_what_is_there_make_a_model(layout: Layout, names: set[str]) -> None:
    missing, there = layout.missing(names), layout.of(names)
    assert not names & set(missing)
    assert set(there) <= names
    assert layout.missing({*there, *missing}) == []


def test_the_signs_of_each_kind_are_its_alone() -> None:
    for layout in LAYOUTS:
        for other in LAYOUTS:
            assert other.is_meant(layout.files) == (other is layout)


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ([], "frontend.ort"),
        (["frontend.ort"], None),
        (["frontend.weights.ort"], "frontend.model.ort"),
        (["frontend.ort", "frontend.model.ort"], None),
    ],
)
def test_of_several_ways_the_one_that_was_begun_is_missed(present: list[str], missing: str | None) -> None:
    assert MOONSHINE_STREAMING.missing([*MOONSHINE_STREAMING.files, *present]) == ([missing] if missing else [])


@pytest.mark.parametrize(
    ("folders", "language"),
    [
        (("srv", "base-es", "quantized", "base-es"), "es"),
        (("srv", "medium-streaming-en", "quantized_26_08_21"), "en"),
        (("sherpa-onnx-moonshine-tiny-ko-quantized-2026-02-27",), "ko"),
        (("srv", "my-model"), None),
        (("database-en",), None),
        (("base-english",), None),
    ],
)
def test_the_language_is_what_the_folders_are_called(folders: tuple[str, ...], language: str | None) -> None:
    assert MOONSHINE_STREAMING.language(folders) == language
