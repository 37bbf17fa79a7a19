from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given as always
from hypothesis import strategies as st

from benchmarks.speakers_mixes import Mix, Spoken
from benchmarks.speakers_words import APART_MS, Given, given, paired
from dragoman.core.transcript import Word

pytestmark = pytest.mark.unit

TEXTS = ("apple", "bread", "cloud")


@st.composite
def spoken(draw: st.DrawFn, texts: tuple[str, ...] = TEXTS) -> list[tuple[str, int, int]]:
    """Words one after the other."""
    words, at = [], 0
    for text in draw(st.lists(st.sampled_from(texts), max_size=5)):
        start = at + draw(st.integers(0, 400))
        at = start + draw(st.integers(20, 300))
        words.append((text, start, at))
    return words


def recognised(words: list[tuple[str, int, int]]) -> list[Word]:
    return [Word(text, start, end, 1.0) for text, start, end in words]


def said(speaker: str, words: list[tuple[str, int, int]]) -> list[Spoken]:
    return [Spoken(speaker, start, end, text) for text, start, end in words]


@always(spoken(), spoken())
def test_what_one_says_is_that_ones_whatever_another_says_meanwhile(
    own: list[tuple[str, int, int]], others: list[tuple[str, int, int]]
) -> None:
    others = [(text.upper() + "s", start, end) for text, start, end in others]
    pairs = paired(recognised(own), said("A", own) + said("B", others))
    assert [(pair.number, pair.speaker, pair.is_same) for pair in pairs] == [(n, "A", True) for n in range(len(own))]


@always(spoken(), spoken())
def test_of_two_at_once_each_word_is_who_said_its(
    one: list[tuple[str, int, int]], other: list[tuple[str, int, int]]
) -> None:
    other = [(text.upper() + "s", start, end) for text, start, end in other]
    rows = {"A": one, "B": other}
    mixed = sorted(((word, speaker) for speaker in rows for word in rows[speaker]), key=lambda pair: sum(pair[0][1:]))
    pairs = paired(recognised([word for word, _ in mixed]), said("A", one) + said("B", other))
    assert [(pair.speaker, pair.is_same) for pair in pairs] == [(speaker, True) for _, speaker in mixed]


@always(spoken(), spoken(), spoken())
def test_nothing_costs_less(
    found: list[tuple[str, int, int]], one: list[tuple[str, int, int]], other: list[tuple[str, int, int]]
) -> None:
    """Against all ways to pair the first three words of each."""
    found, rows = found[:3], [one[:3], other[:3]]
    middles = [[(start + end) // 2 for _, start, end in words] for words in (found, *rows)]
    places = [None, *((row, at) for row in (0, 1) for at in range(len(rows[row])))]

    def cost(partners: list[tuple[int, int] | None]) -> float:
        total = 3.0 * (len(found) + len(rows[0]) + len(rows[1]))
        for number, partner in enumerate(partners):
            if partner is not None:
                row, at = partner
                apart = abs(middles[0][number] - middles[1 + row][at])
                total += (0 if found[number][0] == rows[row][at][0] else 4) - 6 + apart * 1e-4
                total += 1e9 * (apart > APART_MS)
        for row in (0, 1):
            taken = [partner[1] for partner in partners if partner is not None and partner[0] == row]
            total += 1e9 * any(later <= before for before, later in pairwise(taken))
        return total

    pairs = paired(recognised(found), said("A", rows[0]) + said("B", rows[1]))
    chosen = {pair.number: (pair.speaker, pair.is_same) for pair in pairs}
    ways = [list(way) for way in product(places, repeat=len(found))]
    least = min(map(cost, ways))
    matching = [
        way
        for way in ways
        if {
            number: ("AB"[partner[0]], found[number][0] == rows[partner[0]][partner[1]][0])
            for number, partner in enumerate(way)
            if partner is not None
        }
        == chosen
    ]
    assert min(map(cost, matching)) == pytest.approx(least)


def test_a_wrong_word_over_a_voice_without_text_says_nothing() -> None:
    turns = (Spoken("A", 0, 900), Spoken("B", 300, 900))
    words = (Spoken("A", 0, 300, "apple"), Spoken("A", 300, 600, "bread"), Spoken("A", 600, 900, "cloud"))
    mix = Mix("two", np.zeros(0, np.float32), words, turns)
    found = [Word("Plum", 0, 300, 1), Word("Bread", 300, 600, 1), Word("plum", 600, 900, 1)]
    assert given(found, (7, 7, 7), {7: "A"}, mix) == [Given(True, False, True), Given(True, True, False)]
