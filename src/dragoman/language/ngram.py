"""How likely a string of words is as English, by the trigram model of the PocketSphinx wheel."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from pocketsphinx import LogMath, NGramModel

from dragoman.core.errors import EngineNotReady

_UNKNOWN: Final = -14.0
"""Natural log-probability given to a word outside the model's vocabulary; about that of its rarest words."""
_EXPECTED: Final = -7.0
_IMPOSSIBLE: Final = -1e8
"""In the model's own units; what it answers for an unknown word is far below this."""
_EDGES: Final = re.compile(r"^[^\w]+|[^\w]+$")


@lru_cache(maxsize=1)
def _read() -> NGramModel:
    """Read once a process: 33 MB."""
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or spec.origin is None:
        raise EngineNotReady("the package pocketsphinx is not installed; run make setup")
    return NGramModel.readfile(str(Path(spec.origin).parent / "model" / "en-us" / "en-us.lm.bin"))


class LanguageModel:
    def load(self) -> None:
        """Raises ``EngineNotReady`` when the model is not installed."""
        self._math, self._model = LogMath(), _read()
        self._known: dict[str, bool] = {}

    def score(self, words: Sequence[str], expected: Collection[str] = ()) -> float:
        """Natural log-probability of the words as one sentence; case and outer punctuation do not count.

        Words that are ``expected``, in lower case, count as frequent ones even where English hardly knows them.
        """
        plain = [word for word in (_EDGES.sub("", word.lower()) for word in words) if word]
        history = ["<s>"]
        total = 0.0
        for word in [*plain, "</s>"]:
            if self._is_known(word):
                # The current word comes first, then the history backwards.
                value = float(self._math.log_to_ln(self._model.prob([word, *history])))
                history = [word, *history[:1]]
            else:
                value = _UNKNOWN
                history = []
            total += max(value, _EXPECTED) if word in expected else value
        return total

    def log_frequency(self, word: str) -> float:
        """Natural logarithm of how much of English text is this word, whatever is around it."""
        plain = _EDGES.sub("", word.lower())
        return float(self._math.log_to_ln(self._model.prob([plain]))) if self._is_known(plain) else _UNKNOWN

    def knows(self, word: str) -> bool:
        """Whether it is in the model's vocabulary; case and outer punctuation do not count."""
        return self._is_known(_EDGES.sub("", word.lower()))

    def _is_known(self, word: str) -> bool:
        known = self._known.get(word)
        if known is None:
            known = self._model.prob([word]) > _IMPOSSIBLE
            if len(self._known) > 50_000:
                self._known.clear()
            self._known[word] = known
        return known
