"""Laws of what the benchmark of streams counts."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.streams_client import covered_ms
from benchmarks.streams_results import UNITS_PER_S, Timeliness, segments_of, wrong_words

pytestmark = pytest.mark.unit

words = st.lists(st.sampled_from("abcd"), max_size=8)


@given(words, words)
def test_what_is_at_the_beginning_of_the_final_is_right(shown: list[str], more: list[str]) -> None:
    assert wrong_words(shown, [*shown, *more]) == 0


@given(words, words)
def test_what_the_final_does_not_have_is_wrong(shown: list[str], final: list[str]) -> None:
    foreign = sum(word not in final for word in shown)
    assert foreign <= wrong_words(shown, final) <= len(shown)
    assert wrong_words(["x"] * len(shown), final) == len(shown)


def test_a_word_that_is_missing_makes_no_other_wrong() -> None:
    assert wrong_words(["a", "c", "d"], ["a", "b", "c", "d", "e"]) == 0
    assert wrong_words(["a", "x", "c"], ["a", "b", "c", "d"]) == 1


def result(*segments: tuple[Sequence[tuple[str, float, float]], bool]) -> str:
    """Words with their seconds; whether the segment is closed."""
    items = []
    for said, is_final in segments:
        items.append(("<segment>", said[0][1], said[0][1]))
        items += said
        if is_final:
            items += [("</segment>", said[-1][2], said[-1][2])]
    document = {
        "segmentation": [
            {"start": round(start * UNITS_PER_S), "end": round(end * UNITS_PER_S), "word": word}
            for word, start, end in items
        ]
    }
    return json.dumps({"status": "result", "result": document}, separators=(",", ":"))


FIRST = [("cat", 1.0, 1.5), ("dog", 1.5, 2.0)]
SECOND = [("cow", 3.0, 3.5)]


def test_the_last_word_of_an_open_segment_says_how_far_a_result_reaches() -> None:
    assert covered_ms(result((FIRST, True), (SECOND, False)).encode()) == 3_500
    assert covered_ms(result((FIRST, True), (SECOND, True)).encode()) == -1
    assert covered_ms(b'{"status":"connected","error":"","result":{}}') == -1


def test_a_segment_without_its_end_is_open() -> None:
    spoken = segments_of(result((FIRST, True), (SECOND, False)))
    assert [(each.words, each.start_s, each.end_s, each.is_final) for each in spoken] == [
        (("cat", "dog"), 1.0, 2.0, True),
        (("cow",), 3.0, 3.5, False),
    ]


def test_times_count_from_when_the_words_were_said() -> None:
    timeliness = Timeliness()
    timeliness.add(
        [
            (0.0, '{"status":"connected","error":"","result":{}}'),
            (1.75, result(([("cap", 1.0, 1.5)], False))),
            (2.25, result((FIRST, False))),
            (2.5, result((FIRST, True))),
            (3.75, result((FIRST, True), (SECOND, False))),
            (4.5, result((FIRST, True), (SECOND, True))),
        ]
    )
    assert timeliness.first_partial_s == [0.75, 0.75]
    assert timeliness.partial_gap_s == [0.5, 0.25, 0.75]
    assert timeliness.final_after_pause_s == [0.5, 1.0]
    assert (timeliness.partial_words, timeliness.partial_words_wrong) == (4, 1)


def test_an_utterance_that_goes_on_at_once_was_cut() -> None:
    timeliness = Timeliness()
    timeliness.add([(2.5, result((FIRST, True))), (3.0, result((FIRST, True), ([("cow", 2.25, 2.5)], True)))])
    assert timeliness.final_after_cut_s == [0.5]
    assert timeliness.final_after_pause_s == [0.5]
    assert timeliness.shown_only_at_the_end == 2


def test_what_was_shown_and_came_to_nothing_belongs_to_no_utterance() -> None:
    timeliness = Timeliness()
    noise = result(([("hm", 0.1, 0.5)], False))
    timeliness.add([(0.75, noise), (1.75, result((FIRST[:1], False))), (2.5, result((FIRST, True)))])
    assert timeliness.first_partial_s == [0.75]
