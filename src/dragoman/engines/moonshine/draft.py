"""Drafts of a growing utterance: greedy, and what was heard before is checked, not decoded again.

All tokens of the last draft go through the decoder at once, over the longer audio. Up to the first one that the model
no longer agrees with they stay; from there on it decodes one by one. ``docs/decisions/0017-partials.md`` has the sizes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from dragoman.core.ports import HypothesisWord
from dragoman.engines.guards import is_loop, spoken
from dragoman.engines.moonshine.beam import TOKENS_PER_SECOND, log_softmax, most_tokens
from dragoman.engines.moonshine.biasing import Biasing, Place
from dragoman.engines.moonshine.confidence import draft_confidence, word_log_probability
from dragoman.engines.moonshine.model import SHORTEST
from dragoman.engines.moonshine.network import DecoderState, Floats, Network
from dragoman.engines.moonshine.tokenizer import BEGIN, END, Tokenizer

_MARGIN: Final = 0.5
"""Nats by which a token of the last draft may be less likely than the best one and still be kept."""
_LONGEST_CIRCLE: Final = 10
_MARKS: Final = re.compile(r"[,.;:!?]{2}$")
"""One mark upon another is what the model says when it has lost its place."""
_ECHO: Final = 3
"""Words said again that are no accident even if others lie between."""


def said_again(tokens: Sequence[int]) -> int:
    """How many tokens at the end only repeat those before, round and round; what is said twice is no circle yet.

    Where the sound is cut off the model may lose its place, and is sure of itself.
    """
    for period in range(1, _LONGEST_CIRCLE + 1):
        times = max(3, _LONGEST_CIRCLE // period)
        if tokens and list(tokens[-period * times :]) == list(tokens[-period:]) * times:
            return period * (times - 1)
    return 0


def heard_again(words: Sequence[str]) -> int:
    """How many words at the end repeat those right before, or three and more those of a moment ago; the last may be cut
    off. Where the sound stops the model likes to say again what it has said. If it was said again, more words follow.
    """

    def is_echo(count: int, period: int) -> bool:
        *whole, last = words[-count:]
        *before, other = words[-count - period : len(words) - period]
        return whole == before and bool(last) and other.startswith(last)

    for count in range(min(_LONGEST_CIRCLE, len(words) // 2), 0, -1):
        longest = min(_LONGEST_CIRCLE, len(words) - count)
        if any(is_echo(count, period) for period in range(count, (longest if count >= _ECHO else count) + 1)):
            return count
    return 0


class DraftedUtterance:
    def __init__(
        self,
        model: Network,
        tokenizer: Tokenizer,
        biasing: Biasing | None = None,
        per_second: float = TOKENS_PER_SECOND,
    ) -> None:
        """``per_second``: tokens, at most."""
        self._model = model
        self._hear = model.listen()
        self._per_second = per_second
        self._tokenizer = tokenizer
        self._biasing = biasing
        self._tokens: list[int] = []
        self._log_probabilities: list[float] = []
        self._settled = 0
        """Tokens that stay."""

    def settle(self, words: int) -> None:
        if words:
            _, tokens = self._tokenizer.words(self._tokens)[words - 1]
            self._settled = max(self._settled, tokens.stop)

    def words(self) -> list[HypothesisWord]:
        tokens, values = self._tokens, self._log_probabilities
        return [
            HypothesisWord(text, draft_confidence(word_log_probability(self._tokenizer, tokens, values, word)))
            for text, word in self._tokenizer.words(tokens)
        ]

    def redraft(self, audio: Floats) -> None:
        """``audio``: the whole utterance."""
        states = self._hear(audio)
        if not states.shape[-2]:
            return
        limit = most_tokens(max(len(audio), SHORTEST), self._per_second)
        self._decode(states, self._tokens, limit)
        if is_loop(self._tokenizer.spaced(self._tokens)):
            self._decode(states, self._tokens[: self._settled], limit)
        if is_loop(self._tokenizer.spaced(self._tokens)):
            self._cut(self._settled)
        words = self._tokenizer.words(self._tokens)
        while again := heard_again([spoken(text) for text, _ in words]):
            del words[-again:]
        self._cut(max(self._settled, words[-1][1].stop if words else 0))

    def _decode(self, states: Floats, known: list[int], limit: int) -> None:
        state = self._model.begin(states)
        rows = self._model.step(np.array([[BEGIN, *known]], np.int64), state)[0]
        self._tokens, self._log_probabilities = [], []
        place = self._biasing.start if self._biasing else None
        for at, token in enumerate(known):
            row = log_softmax(rows[at])
            if at >= self._settled:
                preferred = self._preferred(row, place)
                if preferred[token] < preferred.max() - _MARGIN:
                    break
            place = self._take(token, row, place)
        kept = len(self._tokens)
        state.cut(kept + 1)
        self._go_on(state, rows[kept], place, limit)

    def _go_on(self, state: DecoderState, logits: Floats, place: Place | None, limit: int) -> None:
        while len(self._tokens) < limit:
            row = log_softmax(logits)
            token = int(self._preferred(row, place).argmax())
            if token == END or _MARKS.search(self._tokenizer.decode([*self._tokens[-1:], token])):
                return
            place = self._take(token, row, place)
            if again := said_again(self._tokens[self._settled :]):
                self._cut(len(self._tokens) - again)
                return
            logits = self._model.step(np.array([[token]], np.int64), state)[0, -1]

    def _cut(self, count: int) -> None:
        del self._tokens[count:], self._log_probabilities[count:]

    def _preferred(self, row: Floats, place: Place | None) -> Floats:
        if self._biasing is not None and place is not None:
            row = self._biasing.adjust(row, place)
        if 0 < len(self._tokens) == self._settled:
            # Only a new word may follow, or the last settled one would grow.
            ends = row[END]
            row = np.where(self._tokenizer.begins_word, row, np.float32(-np.inf))
            row[END] = ends
        return row

    def _take(self, token: int, row: Floats, place: Place | None) -> Place | None:
        self._tokens.append(token)
        self._log_probabilities.append(float(row[token]))
        return self._biasing.advance(place, token) if self._biasing is not None and place is not None else None
