"""Which language is spoken, by what the decoder takes for its first token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dragoman.core.ports import Samples
from dragoman.engines.whisper.folder import language_token
from dragoman.engines.whisper.network import WhisperNetwork


class WhisperIdentifier:
    """The ``LanguageIdentifier`` of a model that knows several languages. Hears at most the first 30 seconds.

    It may share the network of an engine; what it has encoded the engine need not encode again.
    """

    def __init__(self, network: WhisperNetwork) -> None:
        self._network = network

    @property
    def languages(self) -> tuple[str, ...]:
        return self._network.languages if self._network.is_multilingual else ()

    def load(self) -> None:
        self._network.load()

    def identify(self, samples: Samples, among: Sequence[str]) -> tuple[float, ...]:
        audio = np.frombuffer(samples, np.float32)
        network = self._network
        shares = network.run(lambda go_on: network.language_shares(network.encode(audio)))
        wanted = [shares[language_token(language)] for language in among]
        total = sum(wanted)
        return tuple(share / total if total > 0 else 1 / len(wanted) for share in wanted)
