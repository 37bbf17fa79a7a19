"""Word times from where the decoder looks while it says a word: for languages that the forced aligner cannot align."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.even_times import share_out
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.engines.moonshine.model import SHORTEST
from dragoman.engines.moonshine.network import Floats
from dragoman.engines.placing import PlacingAligner

_STEP_MS: Final = 10
_STEP: Final = SAMPLE_RATE * _STEP_MS // 1000


class AttentionAligner(PlacingAligner):
    """The ``Aligner`` for words of an engine's first language. Where the decoder does not tell where it looks, words
    share the segment by their length."""

    def __init__(self, engine: MoonshineEngine) -> None:
        self._engine = engine

    def places(self, audio: Floats, words: Sequence[str]) -> list[tuple[int, int]]:
        duration_ms = len(audio) * 1000 // SAMPLE_RATE
        tokens = [self._engine.tokens(word) for word in words]
        attention = self._attention(audio, [token for word in tokens for token in word])
        if attention is None:
            return list(pairwise(share_out(words, duration_ms)))
        frame_ms = max(len(audio), SHORTEST) * 1000 / SAMPLE_RATE / attention.shape[1]
        starts = monotonic(attention)
        firsts = accumulate(map(len, tokens[:-1]), initial=0)
        bounds = [*(min(round(starts[first] * frame_ms), duration_ms) for first in firsts), duration_ms]
        return [without_pauses(audio, start_ms, end_ms) for start_ms, end_ms in pairwise(bounds)]

    def _attention(self, audio: Floats, tokens: Sequence[int]) -> Floats | None:
        if not len(audio) or not tokens:
            return None
        network = self._engine.network
        return network.attention(network.encode(network.prepare(audio)), tokens)


def without_pauses(audio: Floats, start_ms: int, end_ms: int) -> tuple[int, int]:
    """The stretch without what at its ends is 20 dB quieter than its loudest 10 ms."""
    stretch = audio[start_ms * _STEP // _STEP_MS : end_ms * _STEP // _STEP_MS]
    steps = stretch[: len(stretch) // _STEP * _STEP].reshape(-1, _STEP)
    if not len(steps):
        return start_ms, end_ms
    levels = np.square(steps).mean(axis=1)
    (loud,) = np.nonzero(levels >= levels.max() / 100)
    return start_ms + int(loud[0]) * _STEP_MS, min(end_ms, start_ms + (int(loud[-1]) + 1) * _STEP_MS)


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
