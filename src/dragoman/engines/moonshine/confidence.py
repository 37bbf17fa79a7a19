"""How likely each recognised word is to be right, 0 to 1. Pure.

Three things are known of a word: the probability the model gave its letters, how much of the weight of all hypotheses
agrees with it, and the probability of the word behind it, because errors come in company. A logistic function of the
three, fitted to 3,800 words of our recordings, is the confidence; ``docs/decisions/0013-confidence.md`` has the fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from dragoman.engines.guards import spoken
from dragoman.engines.moonshine.selection import Scored
from dragoman.engines.moonshine.tokenizer import Tokenizer

_INTERCEPT: Final = -0.622
_OWN: Final = 0.511
_AGREEMENT: Final = 0.365
_NEXT: Final = 0.146
_NEXT_OF_LAST: Final = 3.0
"""For the last word of a segment: the log-odds of an unremarkable word."""
_DRAFT_INTERCEPT: Final = 0.35
_DRAFT_OWN: Final = 0.82


def word_log_probability(
    tokenizer: Tokenizer, tokens: Sequence[int], log_probabilities: Sequence[float], word: range
) -> float:
    """Of the tokens of a word, leaving out its punctuation."""
    letters = [at for at in word if spoken(tokenizer.decode([tokens[at]]))]
    return sum(log_probabilities[at] for at in letters or word)


def draft_confidence(log_probability: float) -> float:
    """Of a word of a greedy draft, from the log-probability of its letters alone."""
    return 1 / (1 + math.exp(-(_DRAFT_INTERCEPT + _DRAFT_OWN * log_odds(math.exp(log_probability), 1e-6))))


def confidences(log_probabilities: Sequence[float], agreements: Sequence[float]) -> list[float]:
    """Per word the natural log-probability of its letters, and the agreement with it, 0 to 1."""
    odds = [log_odds(math.exp(value), 1e-6) for value in log_probabilities]
    following = [*odds, _NEXT_OF_LAST][1:]
    return [
        1 / (1 + math.exp(-(_INTERCEPT + _OWN * own + _AGREEMENT * log_odds(agreement, 0.01) + _NEXT * after)))
        for own, agreement, after in zip(odds, agreements, following, strict=True)
    ]


def log_odds(probability: float, smallest: float) -> float:
    p = min(max(probability, smallest), 1 - smallest)
    return math.log(p / (1 - p))


def agreements(words: Sequence[str], lists: Sequence[Sequence[Scored]]) -> list[float]:
    """For each word the share of the hypotheses' probability that has it in its place; the lists count equally."""
    shares = [0.0] * len(words)
    for hypotheses in lists:
        top = max(h.score for h in hypotheses)
        weights = [math.exp(h.score - top) for h in hypotheses]
        for hypothesis, weight in zip(hypotheses, weights, strict=True):
            matcher = SequenceMatcher(None, words, hypothesis.words, autojunk=False)
            for start, _, count in matcher.get_matching_blocks():
                for at in range(start, start + count):
                    shares[at] += weight / sum(weights) / len(lists)
    return shares
