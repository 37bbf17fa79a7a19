"""Word times as the model said them: for languages that the forced aligner cannot align."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.even_times import share_out
from dragoman.engines.placing import PlacingAligner
from dragoman.engines.sherpa.heard import HeardWord
from dragoman.engines.sherpa.network import Floats

_ENDING: Final = SAMPLE_RATE // 10
_MOST: Final = 64
"""Pieces of audio that are remembered: more than are recognised before the words of one are aligned."""


class Places:
    """Where the words of recently recognised audio lie, by how the audio ends: what is asked for may begin later."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[int, list[HeardWord]]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, audio: Floats, words: list[HeardWord]) -> None:
        with self._lock:
            self._known[_key(audio)] = (len(audio), words)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)

    def recall(self, audio: Floats, texts: Sequence[str]) -> list[tuple[int, int]] | None:
        """Of the last words that were recognised, if they are these: start and end in milliseconds of this audio."""
        with self._lock:
            length, words = self._known.get(_key(audio), (0, []))
        tail = words[max(0, len(words) - len(texts)) :]
        if [word.text for word in tail] != list(texts):
            return None
        before_ms = (length - len(audio)) * 1000 // SAMPLE_RATE
        timed = [(word.start_ms - before_ms, word.end_ms - before_ms) for word in tail
                 if word.start_ms is not None and word.end_ms is not None]  # fmt: skip
        return timed if len(timed) == len(texts) else None


class TokenAligner(PlacingAligner):
    """The ``Aligner`` for words that an engine has just recognised. A word begins with its first token; where the model
    gives no times, or the words are others, they share the audio by their length."""

    def __init__(self, known: Places) -> None:
        self._known = known

    def places(self, audio: Floats, words: Sequence[str]) -> list[tuple[int, int]]:
        duration_ms = len(audio) * 1000 // SAMPLE_RATE
        found = self._known.recall(audio, words) or list(pairwise(share_out(words, duration_ms)))
        places = []
        after_ms = 0
        for start, end in found:
            start_ms = min(max(start, after_ms), duration_ms)
            after_ms = min(max(end, start_ms), duration_ms)
            places.append((start_ms, after_ms))
        return places


def _key(audio: Floats) -> bytes:
    return audio[-_ENDING:].tobytes()
