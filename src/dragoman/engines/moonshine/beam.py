"""Beam search over one piece of audio: encoder states → the likeliest token strings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.core.errors import Cancelled
from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.moonshine.biasing import Biasing, Place
from dragoman.engines.moonshine.network import Floats, Network
from dragoman.engines.moonshine.tokenizer import BEGIN, END

TOKENS_PER_SECOND: Final = 6.5
"""More than this is a loop, not English speech (the model's own limit)."""
_WINDOW: Final = 6.0
"""Nats below the best finished hypothesis at which the others are given up."""
_STRETCH: Final = 5
_BLOCK: Final = 128


@dataclass(frozen=True, slots=True)
class Beam:
    """A finished hypothesis. ``log_probabilities`` has one entry per token and one for the end token."""

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    complete: bool = True
    """Whether the model ended it; otherwise it ran into the limit of tokens."""
    bonus: float = 0.0
    """What preferred phrases add to the score."""

    @property
    def score(self) -> float:
        """Natural logarithm of its probability, and the bonus."""
        return float(sum(self.log_probabilities)) + self.bonus

    @property
    def mean(self) -> float:
        """Log-probability of a token, without the bonus."""
        return float(sum(self.log_probabilities)) / max(1, len(self.log_probabilities))

    @property
    def weakest(self) -> float:
        """The mean log-probability of the five tokens in a row that the model is least sure of."""
        sums = np.convolve(self.log_probabilities, np.ones(min(_STRETCH, len(self.log_probabilities))), "valid")
        return float(sums.min()) / min(_STRETCH, len(self.log_probabilities))


@dataclass(frozen=True, slots=True)
class _Live:
    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    score: float
    place: Place | None = None


def most_tokens(length: int, per_second: float = TOKENS_PER_SECOND) -> int:
    """How many tokens ``length`` samples can hold."""
    return max(1, int(length / SAMPLE_RATE * per_second))


def log_softmax(logits: Floats) -> Floats:
    top = logits.max(axis=-1, keepdims=True)
    shifted = logits - top
    total = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    result: Floats = shifted - total
    return result


def best_tokens(row: Floats, count: int) -> npt.NDArray[np.intp]:
    """The ``count`` largest of a row, largest first. Looks only into the blocks that can hold one."""
    short = -len(row) % _BLOCK
    blocks = (np.pad(row, (0, short), constant_values=-np.inf) if short else row).reshape(-1, _BLOCK)
    chosen = np.argpartition(blocks.max(axis=1), -min(count, len(blocks)))[-count:]
    flat = blocks[chosen].ravel()
    within = np.argpartition(flat, -count)[-count:]
    within = within[np.argsort(-flat[within], kind="stable")]
    return np.asarray(chosen[within // _BLOCK] * _BLOCK + within % _BLOCK)


def search(
    model: Network,
    states: Floats,
    length: int,
    width: int,
    cancelled: Callable[[], bool],
    biasing: Biasing | None = None,
    per_second: float = TOKENS_PER_SECOND,
) -> list[Beam]:
    """The finished hypotheses over the encoder ``states`` of ``length`` samples, best first, never empty.

    ``width`` 1 is greedy. Scores are sums of log-probabilities, and of the bonus of ``biasing``, without length
    normalisation. Raises ``Cancelled``.
    """
    limit = most_tokens(length, per_second)
    state = model.begin(states)
    logits = model.step(np.array([[BEGIN]], np.int64), state)[:, -1]
    live = [_Live((), (), 0.0, biasing.start if biasing else None)]
    finished: list[Beam] = []
    for step in range(limit + 1):
        if cancelled():
            raise Cancelled
        candidates: list[tuple[float, int, int, float]] = []
        for parent, row in enumerate(log_softmax(logits)):
            hypothesis = live[parent]
            preferred = row if biasing is None or hypothesis.place is None else biasing.adjust(row, hypothesis.place)
            for token in best_tokens(preferred, width + 1):
                total = hypothesis.score + float(preferred[token])
                candidates.append((total, parent, int(token), float(row[token])))
        candidates.sort(key=lambda c: -c[0])
        following: list[_Live] = []
        parents: list[int] = []
        for rank, (score, parent, token, value) in enumerate(candidates):
            hypothesis = live[parent]
            values = (*hypothesis.log_probabilities, value)
            if token == END:
                if rank < width:
                    finished.append(Beam(hypothesis.tokens, values, bonus=score - sum(values)))
            elif len(following) < width:
                place = biasing.advance(hypothesis.place, token) if biasing and hypothesis.place else None
                following.append(_Live((*hypothesis.tokens, token), values, score, place))
                parents.append(parent)
        best = max((beam.score for beam in finished), default=-np.inf)
        following_alive = [i for i, hypothesis in enumerate(following) if hypothesis.score > best - _WINDOW]
        if (width == 1 and finished) or not following_alive:
            break
        if step == limit:
            if not finished:
                finished += [
                    Beam(h.tokens, h.log_probabilities, complete=False, bonus=h.score - sum(h.log_probabilities))
                    for h in live
                ]
            break
        live = following
        state.select(np.array(parents))
        logits = model.step(np.array([[h.tokens[-1]] for h in live], np.int64), state)[:, -1]
    return sorted(finished, key=lambda beam: -beam.score)
