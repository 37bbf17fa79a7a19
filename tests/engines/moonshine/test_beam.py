"""Beam search against exhaustive search, over a small made-up network."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import Cancelled
from dragoman.engines.moonshine.beam import Beam, best_tokens, log_softmax, search
from dragoman.engines.moonshine.tokenizer import BEGIN, END

pytestmark = pytest.mark.unit

VOCABULARY = 128
USED = (END, 3, 4, 5)
"""All other tokens have next to no chance."""


@dataclass
class MarkovState:
    past: list[npt.NDArray[np.int64]]

    def select(self, hypotheses: npt.NDArray[np.intp]) -> None:
        self.past = [self.past[0][hypotheses]]


class MarkovNetwork:
    """The next token depends on the last one only, by a random table."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.logits = np.full((VOCABULARY, VOCABULARY), -40.0, np.float32)
        for token in (BEGIN, *USED):
            self.logits[token, list(USED)] = rng.normal(0, 2, len(USED))

    def begin(self, states: npt.NDArray[np.float32]) -> MarkovState:
        return MarkovState([np.zeros((1, 0), np.int64)])

    def step(self, tokens: npt.NDArray[np.int64], state: MarkovState) -> npt.NDArray[np.float32]:
        state.past = [np.concatenate([state.past[0], tokens], axis=1)]
        return self.logits[tokens]

    def score(self, tokens: tuple[int, ...]) -> float:
        rows = log_softmax(self.logits)
        return float(sum(rows[a, b] for a, b in itertools.pairwise((BEGIN, *tokens, END))))


STATES = np.zeros((1, 1, 288), np.float32)
SECOND = 16_000
"""One second: at most six tokens."""


def never() -> bool:
    return False


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_a_wide_beam_finds_the_best_of_all_strings(seed: int) -> None:
    network = MarkovNetwork(seed)
    found = search(network, STATES, SECOND, 64, never)[0]  # type: ignore[arg-type]
    every = [()] + [s for n in range(1, 7) for s in itertools.product(USED[1:], repeat=n)]
    assert found.score == pytest.approx(max(network.score(tokens) for tokens in every), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 8))
def test_scores_are_those_of_the_network_and_come_best_first(seed: int, width: int) -> None:
    network = MarkovNetwork(seed)
    found = search(network, STATES, SECOND, width, never)  # type: ignore[arg-type]
    assert found
    for beam in found:
        if beam.complete:
            assert beam.score == pytest.approx(network.score(beam.tokens), abs=1e-4)
        assert len(beam.tokens) <= 6.5
    assert [b.score for b in found] == sorted((b.score for b in found), reverse=True)
    assert len({b.tokens for b in found}) == len(found)


def test_what_never_ends_stops_at_the_limit_and_says_so() -> None:
    network = MarkovNetwork(0)
    network.logits[:, END] = -200
    found = search(network, STATES, 2 * SECOND, 2, never)  # type: ignore[arg-type]
    assert not found[0].complete
    assert len(found[0].tokens) == 13


def test_a_cancelled_search_raises_at_the_next_step() -> None:
    asked = itertools.count()
    with pytest.raises(Cancelled):
        search(MarkovNetwork(0), STATES, 60 * SECOND, 4, lambda: next(asked) >= 2)  # type: ignore[arg-type]
    assert next(asked) == 3


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_the_best_tokens_are_those_of_a_full_sort(seed: int, count: int) -> None:
    row = np.random.default_rng(seed).normal(size=32 * 128).astype(np.float32)
    assert best_tokens(row, count).tolist() == np.argsort(-row)[:count].tolist()


def test_the_weakest_stretch_is_five_tokens_long_or_all_there_are() -> None:
    assert Beam((9,) * 7, (-0.1, -0.1, -2.0, -2.0, -2.0, -2.0, -2.0, -0.1)).weakest == pytest.approx(-2)
    assert Beam((9,), (-1.0, -3.0)).weakest == pytest.approx(-2)
