"""Laws of how alike strings of phones sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.analysis.phone_distance import Pronunciations, numbers, omission, substitution
from dragoman.language.phonemes import PHONEMES, Pronunciation

pytestmark = pytest.mark.unit

PHONES = st.lists(st.sampled_from(PHONEMES), min_size=1, max_size=9).map(tuple)


def edit_distance(a: Pronunciation, b: Pronunciation) -> float:
    """As the textbook has it."""
    row = [0.0]
    for phone in b:
        row.append(row[-1] + omission(phone))
    for heard in a:
        before, row = row, [row[0] + omission(heard)]
        for at, phone in enumerate(b):
            replaced = before[at] + substitution(heard, phone)
            row.append(min(replaced, before[at + 1] + omission(heard), row[at] + omission(phone)))
    return row[-1]


def distances(said: Pronunciation, pronunciations: Pronunciations) -> list[float]:
    costs = pronunciations.after(pronunciations.skipped, [numbers(said)])
    return [float(cost) for cost in pronunciations.total(costs)]


@given(said=PHONES, known=st.lists(PHONES, min_size=1, max_size=5))
def test_all_at_once_is_the_edit_distance_of_each(said: Pronunciation, known: list[Pronunciation]) -> None:
    expected = [edit_distance(said, phones) for phones in known]
    assert distances(said, Pronunciations.of(known)) == pytest.approx(expected, abs=1e-4)


@given(said=PHONES, known=st.lists(PHONES, min_size=1, max_size=5))
def test_backwards_they_are_as_far_apart(said: Pronunciation, known: list[Pronunciation]) -> None:
    forwards = Pronunciations.of(known)
    assert distances(said[::-1], forwards.reversed()) == pytest.approx(distances(said, forwards), abs=1e-4)


@given(words=st.lists(st.lists(PHONES, min_size=1, max_size=3), min_size=1, max_size=3), known=PHONES)
def test_of_the_ways_to_say_words_the_nearest_counts(words: list[list[Pronunciation]], known: Pronunciation) -> None:
    pronunciations = Pronunciations.of([known])
    costs = pronunciations.skipped
    said: list[Pronunciation] = [()]
    for ways in words:
        costs = pronunciations.after(costs, [numbers(way) for way in ways])
        said = [before + way for before in said for way in ways]
    nearest = min(edit_distance(phones, known) for phones in said)
    assert float(pronunciations.total(costs)[0]) == pytest.approx(nearest, abs=1e-4)


@given(known=st.lists(PHONES, min_size=1, max_size=6), data=st.data())
def test_some_of_them_are_as_far_as_among_all(known: list[Pronunciation], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.sampled_from(range(len(known))), min_size=1, unique=True))
    said = data.draw(PHONES)
    pronunciations = Pronunciations.of(known)
    every = distances(said, pronunciations)
    assert distances(said, pronunciations.some(np.array(rows))) == pytest.approx([every[row] for row in rows])


def test_a_phone_is_like_itself_alone_and_as_like_another_as_that_is_like_it() -> None:
    for a in PHONEMES:
        assert substitution(a, a) == 0
        for b in PHONEMES:
            assert substitution(a, b) == substitution(b, a)
            assert (substitution(a, b) > 0) == (a != b)


@pytest.mark.parametrize(
    ("phone", "near", "far"),
    [("B", "P", "S"), ("S", "Z", "M"), ("N", "M", "K"), ("IH", "IY", "AO"), ("AH", "EH", "OY"), ("ER", "R", "K")],
)
def test_what_is_made_alike_sounds_alike(phone: str, near: str, far: str) -> None:
    assert substitution(phone, near) < substitution(phone, far)


def test_what_is_no_phone_is_refused() -> None:
    with pytest.raises(KeyError):
        numbers(("AA", "XX"))
