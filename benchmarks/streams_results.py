"""What the results of a live stream say about how soon and how steadily its words came. Pure.

Times are seconds since the stream's audio began; a sample of time t exists from t on. Phonexia's results hold the whole
transcript so far; a segment without its end mark is open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from benchmarks.partials import places
from benchmarks.scoring import normal

UNITS_PER_S = 10_000_000
PAUSE_S = 0.45
"""Where the next word begins so much later, or there is none, an utterance ended by a pause; otherwise it was cut."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One segment of one result."""

    words: tuple[str, ...]
    start_s: float
    end_s: float
    """Of its first and last word."""
    is_final: bool


@dataclass(frozen=True, slots=True)
class Utterance:
    at: float
    """When its final came."""
    final: Spoken
    partials: Sequence[tuple[float, Spoken]]
    """And when each came."""


@dataclass(slots=True)
class Timeliness:
    """Of any number of streams."""

    first_partial_s: list[float] = field(default_factory=list)
    """From the start of the first word to the first result that shows anything of the utterance."""
    partial_gap_s: list[float] = field(default_factory=list)
    """Between results while an utterance is open, the final included."""
    final_after_pause_s: list[float] = field(default_factory=list)
    """From the end of the last word to the final."""
    final_after_cut_s: list[float] = field(default_factory=list)
    partial_words: int = 0
    partial_words_wrong: int = 0
    """Words shown in partials, each as often as it was shown; those that the final does not have there."""
    shown_only_at_the_end: int = 0
    """Utterances that had no partial."""

    def figures(self) -> dict[str, object]:
        """As they stand in a result file."""
        return {
            "first_partial_s": spread(self.first_partial_s),
            "partial_gap_s": spread(self.partial_gap_s),
            "final_after_pause_s": spread(self.final_after_pause_s),
            "final_after_cut_s": spread(self.final_after_cut_s),
            "utterances_without_partial": self.shown_only_at_the_end,
        }

    def add(self, messages: Iterable[tuple[float, str]]) -> None:
        """The messages of one stream, with the moments they came."""
        shown: dict[int, list[tuple[float, Spoken]]] = {}
        finals: list[tuple[float, Spoken]] = []
        for at, text in messages:
            segments = segments_of(text)
            for spoken in segments[len(finals) :]:
                if spoken.is_final:
                    finals.append((at, spoken))
                else:
                    shown.setdefault(len(finals), []).append((at, spoken))
        self.add_utterances([Utterance(at, final, shown.get(n, [])) for n, (at, final) in enumerate(finals)])

    def add_utterances(self, utterances: Sequence[Utterance]) -> None:
        """All of one stream, in their order."""
        following = [after.final.start_s for _, after in pairwise(utterances)]
        for utterance, next_start_s in zip(utterances, [*following, float("inf")], strict=False):
            final = utterance.final
            # What was shown before and came to nothing was no part of this utterance.
            partials = [(t, p) for t, p in utterance.partials if p.end_s > final.start_s]
            self._add_utterance(utterance.at, final, partials, is_cut=next_start_s - final.end_s < PAUSE_S)

    def _add_utterance(
        self, at: float, final: Spoken, partials: Sequence[tuple[float, Spoken]], *, is_cut: bool
    ) -> None:
        moments = [*(t for t, _ in partials), at]
        self.first_partial_s.append(moments[0] - final.start_s)
        self.partial_gap_s += [later - earlier for earlier, later in pairwise(moments)]
        (self.final_after_cut_s if is_cut else self.final_after_pause_s).append(at - final.end_s)
        self.shown_only_at_the_end += not partials
        for _, partial in partials:
            self.partial_words += len(partial.words)
            self.partial_words_wrong += wrong_words(partial.words, final.words)


def segments_of(message: str) -> list[Spoken]:
    """Those of a result that have words; none of another message."""
    result = json.loads(message).get("result", {})
    segments: list[Spoken] = []
    words: list[tuple[str, float, float]] = []

    def close(*, is_final: bool) -> None:
        if words:
            texts = tuple(part for text, _, _ in words for part in normal(text))
            segments.append(Spoken(texts, words[0][1], words[-1][2], is_final))
            words.clear()

    for item in result.get("segmentation", ()):
        match item["word"]:
            case "<segment>" | "<silence/>":
                pass
            case "</segment>":
                close(is_final=True)
            case word:
                words.append((word, item["start"] / UNITS_PER_S, item["end"] / UNITS_PER_S))
    close(is_final=False)
    return segments


def text_of(message: str) -> str:
    """The whole text of a result, live or of a file."""
    return " ".join(channel["text"] for channel in json.loads(message)["result"]["transcription"])


def wrong_words(shown: Sequence[str], final: Sequence[str]) -> int:
    """How many shown words are not where the final has them; how the final goes on does not matter."""
    return sum(place is None for place in places(shown, final))


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median, 95th and 99th percentile, greatest, and how many."""
    if not values:
        return {"n": 0}
    named = zip(("p50", "p95", "p99", "max"), np.percentile(values, (50, 95, 99, 100)), strict=True)
    return {**{name: round(float(value), digits) for name, value in named}, "n": len(values)}
