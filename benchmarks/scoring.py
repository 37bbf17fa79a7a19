"""Word errors with the Whisper English normaliser; confidence against what was right.

Bracketed text is freed of its brackets first, because the normaliser would delete it from the reference. Digit strings
are counted digit by digit on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import jiwer
import numpy as np
import numpy.typing as npt
from whisper_normalizer.english import EnglishTextNormalizer

NORMALISER = "whisper-normalizer EnglishTextNormalizer, digit strings digit by digit"
_normalise = EnglishTextNormalizer()
_BRACKETS = re.compile(r"[\[\]()<>{}]")


def normal(text: str) -> list[str]:
    """The words that are compared."""
    words: list[str] = _normalise(_BRACKETS.sub(" ", text)).split()
    return [part for word in words for part in (word if word.isdigit() else [word])]


@dataclass(slots=True)
class WordErrors:
    """Over any number of texts."""

    errors: int = 0
    words: int = 0

    def add(self, reference: str, hypothesis: str) -> int:
        expected, found = normal(reference), normal(hypothesis)
        output = jiwer.process_words(" ".join(expected), " ".join(found))
        errors = output.substitutions + output.deletions + output.insertions
        self.errors += errors
        self.words += len(expected)
        return errors

    @property
    def rate(self) -> float:
        """Percent."""
        return 100 * self.errors / max(1, self.words)


@dataclass(slots=True)
class Confidences:
    """Words with the confidence they were given and whether they were right."""

    given: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    def add(self, reference: str, words: Sequence[tuple[str, float]]) -> None:
        """``words`` as recognised, with confidences. One is right if all that it normalises to is in its place."""
        parts = [(part, at) for at, (text, _) in enumerate(words) for part in normal(text)]
        expected = normal(reference)
        if not parts or not expected:
            return
        output = jiwer.process_words(" ".join(expected), " ".join(part for part, _ in parts))
        matched = {
            place
            for chunk in output.alignments[0]
            if chunk.type == "equal"
            for place in range(chunk.hyp_start_idx, chunk.hyp_end_idx)
        }
        for at, (_, confidence) in enumerate(words):
            places = [place for place, (_, owner) in enumerate(parts) if owner == at]
            if places:
                self.given.append(confidence)
                self.right.append(matched.issuperset(places))

    @property
    def area_under_curve(self) -> float:
        """The chance that a right word has more confidence than a wrong one; equals count half."""
        scores, right = np.array(self.given), np.array(self.right)
        _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
        good, bad = int(right.sum()), int((~right).sum())
        return float((ranks[right].sum() - good * (good + 1) / 2) / (good * bad))

    @property
    def calibration_error(self) -> float:
        """Mean distance of confidence and accuracy over ten equal bins, weighted by words."""
        scores, right = np.array(self.given), np.array(self.right)
        bins: npt.NDArray[np.int64] = np.minimum((scores * 10).astype(np.int64), 9)
        inside = [bins == number for number in range(10)]
        return float(sum(abs(scores[b].mean() - right[b].mean()) * b.mean() for b in inside if b.any()))
