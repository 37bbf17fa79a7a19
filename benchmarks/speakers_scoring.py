"""Diarization error rate, and how well changes of the speaker are found.

The error rate is that of pyannote.metrics, against which a test holds it: missed, falsely heard and wrongly given
speech as a share of the reference's, speakers mapped so that most is right, overlapped speech counted once for each
speaker, and ``collar`` of the time around each end of a reference turn left out, half on either side.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

Turns = Sequence[tuple[Hashable, int, int]]
"""Speaker, from, to: milliseconds."""


@dataclass(frozen=True)
class ErrorRate:
    """Milliseconds; they can be added up."""

    spoken: int = 0
    missed: int = 0
    false: int = 0
    confused: int = 0

    def __add__(self, other: ErrorRate) -> ErrorRate:
        return ErrorRate(
            self.spoken + other.spoken,
            self.missed + other.missed,
            self.false + other.false,
            self.confused + other.confused,
        )

    @property
    def percent(self) -> float:
        return 100 * (self.missed + self.false + self.confused) / max(self.spoken, 1)

    def parts(self) -> dict[str, float]:
        """Percent of the speech."""
        shares = {"missed": self.missed, "false": self.false, "confused": self.confused}
        return {name: round(100 * value / max(self.spoken, 1), 1) for name, value in shares.items()}


def error_rate(reference: Turns, found: Turns, duration_ms: int, collar_ms: int = 250) -> ErrorRate:
    scored = np.ones(duration_ms, bool)
    for _, start, end in reference:
        for edge in (start, end):
            scored[max(0, edge - collar_ms // 2) : edge + collar_ms // 2] = False
    truth = _heard(reference, duration_ms)[:, scored].astype(np.int32)
    guess = _heard(found, duration_ms)[:, scored].astype(np.int32)
    common = truth @ guess.T
    right = sum(common[i, j] for i, j in best_pairs(common))
    reference_count, found_count = truth.sum(0), guess.sum(0)
    return ErrorRate(
        spoken=int(reference_count.sum()),
        missed=int(np.maximum(reference_count - found_count, 0).sum()),
        false=int(np.maximum(found_count - reference_count, 0).sum()),
        confused=int(np.minimum(reference_count, found_count).sum() - right),
    )


def best_pairs(common: np.ndarray) -> list[tuple[int, int]]:
    """Rows and columns paired, each at most once, so that the sum is greatest. For few rows."""
    rows, columns = common.shape

    @cache
    def best(column: int, free: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        if column == columns:
            return 0, ()
        options = [best(column + 1, free)]
        for row in range(rows):
            if free >> row & 1 and common[row, column]:
                value, pairs = best(column + 1, free & ~(1 << row))
                options.append((value + int(common[row, column]), (*pairs, (row, column))))
        return max(options, key=lambda option: option[0])

    return list(best(0, (1 << rows) - 1)[1])


def mapping(reference: Turns, found: Turns, duration_ms: int) -> dict[Hashable, Hashable]:
    """Each found speaker that is one of the reference → that one."""
    truth, guess = _heard(reference, duration_ms), _heard(found, duration_ms)
    names, labels = _speakers(reference), _speakers(found)
    pairs = best_pairs(truth.astype(np.int32) @ guess.T.astype(np.int32))
    return {labels[column]: names[row] for row, column in pairs}


def changes(turns: Turns) -> list[int]:
    """Where another speaker begins than began before, in the order of time."""
    ordered = sorted(turns, key=lambda turn: (turn[1], turn[2]))
    return [later[1] for before, later in pairwise(ordered) if before[0] != later[0]]


def found_changes(reference: Sequence[int], found: Sequence[int], tolerance_ms: int = 500) -> int:
    """How many of either can be paired in the order of time, at most so far apart."""
    pairs = at = 0
    for change in found:
        while at < len(reference) and reference[at] < change - tolerance_ms:
            at += 1
        if at < len(reference) and reference[at] <= change + tolerance_ms:
            pairs += 1
            at += 1
    return pairs


def _speakers(turns: Turns) -> list[Hashable]:
    return list(dict.fromkeys(speaker for speaker, _, _ in turns))


def _heard(turns: Turns, duration_ms: int) -> np.ndarray:
    speakers = _speakers(turns)
    heard = np.zeros((len(speakers), duration_ms), bool)
    for speaker, start, end in turns:
        heard[speakers.index(speaker), start:end] = True
    return heard


def rttm(lines: Iterable[str]) -> list[tuple[Hashable, int, int]]:
    """Turns of a file in NIST's format."""
    turns: list[tuple[Hashable, int, int]] = []
    for line in lines:
        if line.startswith("SPEAKER"):
            _, _, _, start, duration, _, _, speaker, *_ = line.split()
            turns.append((speaker, round(float(start) * 1000), round((float(start) + float(duration)) * 1000)))
    return turns
