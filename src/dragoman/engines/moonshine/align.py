"""Word times from where the decoder looks while it says a word: for languages that the forced aligner cannot align."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from dragoman.core.ports import SAMPLE_RATE, Samples, WordTimes
from dragoman.core.request import DictionaryWord
from dragoman.engines.even_times import share_out, spread
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.engines.moonshine.model import SHORTEST
from dragoman.engines.moonshine.network import Floats


class AttentionAligner:
    """The ``Aligner`` for words of an engine's first language. A word ends where the next one begins, pauses between
    them included. Where the decoder does not tell where it looks, words share the segment by their length."""

    def __init__(self, engine: MoonshineEngine) -> None:
        self._engine = engine

    def load(self) -> None:
        """The network is the engine's, and loaded with it."""

    def align(
        self,
        samples: Samples,
        words: Sequence[str],
        *,
        characters: bool = False,
        known: Sequence[DictionaryWord] = (),
    ) -> tuple[WordTimes, ...]:
        """Characters share their word evenly."""
        audio = np.frombuffer(samples, np.float32)
        if not words:
            return ()
        bounds = self._bounds(audio, words)
        return tuple(
            WordTimes(start_ms, end_ms, spread(word, start_ms, end_ms) if characters else ())
            for word, (start_ms, end_ms) in zip(words, pairwise(bounds), strict=True)
        )

    def _bounds(self, audio: Floats, words: Sequence[str]) -> list[int]:
        """Where the words begin, and where the last one ends."""
        duration_ms = len(audio) * 1000 // SAMPLE_RATE
        tokens = [self._engine.tokens(word) for word in words]
        attention = self._attention(audio, [token for word in tokens for token in word])
        if attention is None:
            return share_out(words, duration_ms)
        frame_ms = max(len(audio), SHORTEST) * 1000 / SAMPLE_RATE / attention.shape[1]
        starts = monotonic(attention)
        places = accumulate(map(len, tokens[:-1]), initial=0)
        return [*(min(round(starts[place] * frame_ms), duration_ms) for place in places), duration_ms]

    def _attention(self, audio: Floats, tokens: Sequence[int]) -> Floats | None:
        if not len(audio) or not tokens:
            return None
        network = self._engine.network
        return network.attention(network.encode(network.prepare(audio)), tokens)


def monotonic(attention: Floats) -> npt.NDArray[np.intp]:
    """``[tokens, frames]`` → the frame at which each token begins, on the path through the frames, from the first token
    at the first frame to the last at the last, along which most attention lies."""
    weights = np.log(attention + 1e-6)
    weights -= weights.mean(axis=0)  # what all tokens look at says nothing
    tokens, frames = weights.shape
    best = np.full(tokens, -np.inf)
    best[0] = 0.0
    moved = np.zeros((frames, tokens), bool)
    for frame in range(frames):
        before = np.concatenate([[-np.inf], best[:-1]]) if frame else np.full(tokens, -np.inf)
        moved[frame] = before > best
        best = np.where(moved[frame], before, best) + weights[:, frame]
    starts = np.zeros(tokens, np.intp)
    token = tokens - 1
    for frame in range(frames - 1, -1, -1):
        if token and moved[frame, token]:
            starts[token] = frame
            token -= 1
    return starts
