"""What the benchmark of Amazon's streams takes for an utterance."""

from __future__ import annotations

import pytest
from amazon_transcribe.model import Alternative, Item, Result

from benchmarks.amazon_streams import Seen
from benchmarks.streams_results import Timeliness

pytestmark = pytest.mark.unit


def result(name: str, text: str, *, is_partial: bool, start_s: float) -> Result:
    """Words of 0.4 seconds, one after the other, and a mark behind them."""
    words = text.split()
    items = [
        Item(start_s + 0.4 * n, start_s + 0.4 * (n + 1), item_type="pronunciation", content=word)
        for n, word in enumerate(words)
    ]
    end_s = start_s + 0.4 * len(words)
    items.append(Item(end_s, end_s, item_type="punctuation", content="."))
    alternatives = [Alternative(transcript=f"{text}.", items=items, entities=[])]
    return Result(result_id=name, start_time=start_s, end_time=end_s, is_partial=is_partial, alternatives=alternatives)


def test_an_utterance_is_a_final_and_the_partials_of_its_id() -> None:
    seen = Seen(
        results=[
            (1.5, result("a", "hello", is_partial=True, start_s=1.0)),
            (1.9, result("a", "hello there", is_partial=True, start_s=1.0)),
            (2.5, result("lost", "oh", is_partial=True, start_s=2.0)),
            (2.6, result("a", "Hello there", is_partial=False, start_s=1.0)),
            (4.0, result("b", "yes", is_partial=False, start_s=3.0)),
        ]
    )
    first, second = seen.utterances()
    assert first.final.words == ("hello", "there")
    assert [at for at, _ in first.partials] == [1.5, 1.9]
    assert second.partials == []
    timeliness = Timeliness()
    timeliness.add_utterances([first, second])
    assert timeliness.first_partial_s == pytest.approx([0.5, 1.0])
    assert timeliness.partial_gap_s == pytest.approx([0.4, 0.7])
    assert timeliness.final_after_pause_s == pytest.approx([0.8, 0.6])
    assert timeliness.shown_only_at_the_end == 1
