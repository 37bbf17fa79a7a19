"""Word times from where the decoder looks while it says a word: for languages that the forced aligner cannot align."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.even_times import share_out
from dragoman.engines.placing import PlacingAligner
from dragoman.engines.whisper.network import LONGEST_MS, Floats, WhisperNetwork
from dragoman.engines.words import spelt

_SHORTEST_MS: Final = 100
_MOST_TOKENS: Final = 400
"""The decoder's context, less what comes before the text."""


class AttentionAligner(PlacingAligner):
    """The ``Aligner`` for words of ``language``. A word ends where the next one begins, pauses between them included.

    The engine has encoded the segment already, so this costs one pass of the decoder over all words.
    """

    def __init__(self, network: WhisperNetwork, language: str) -> None:
        self._network = network
        self._language = language

    def places(self, audio: Floats, words: Sequence[str]) -> list[tuple[int, int]]:
        return list(pairwise(self._bounds(audio, words, len(audio) * 1000 // SAMPLE_RATE)))

    def _bounds(self, audio: Floats, words: Sequence[str], duration_ms: int) -> list[int]:
        """Where the words begin, and where the last one ends."""
        network = self._network
        tokens = [network.tokens(spelt(word, self._language)) for word in words]
        every = [token for word in tokens for token in word]
        if not _SHORTEST_MS <= duration_ms <= LONGEST_MS or not 0 < len(every) <= _MOST_TOKENS:
            return share_out(words, duration_ms)
        starts_ms = network.run(
            lambda go_on: network.place(network.encode(audio), self._language, every, len(audio)).starts_ms
        )
        places = accumulate(map(len, tokens), initial=0)
        ordered = accumulate((starts_ms[place] for place in places), max)
        return [min(place, duration_ms) for place in ordered]
