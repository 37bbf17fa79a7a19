"""Which channels of a recording are recognised, and how they become the streams that are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dragoman.core.errors import InvalidField, UnsupportedAudio
from dragoman.core.request import ChannelMode, ChannelSelection

Floats = NDArray[np.float32]


class ChannelMap:
    """Applies a selection to a recording of ``available`` channels. Raises ``InvalidField`` if one does not exist, and
    ``UnsupportedAudio`` if there are not as many as there have to be.

    ``channels`` are the numbers of the streams that come out: the chosen ones, or 0 for a mix.
    """

    def __init__(self, selection: ChannelSelection, available: int) -> None:
        if selection.count not in (None, available):
            raise UnsupportedAudio(f"the recording has {_channels(available)}, and was to have {selection.count}")
        missing = sorted(number for number in set(selection.only) if not 0 <= number < available)
        if missing:
            numbers = "number 0" if available == 1 else f"numbered 0 to {available - 1}"
            raise InvalidField(
                f"the recording has {_channels(available)}, {numbers}; there is no channel "
                f"{', '.join(map(str, missing))}",
                field="channels",
            )
        self._available = available
        chosen = list(dict.fromkeys(selection.only) or range(available))
        self._chosen = None if chosen == list(range(available)) else chosen
        self._weights: Floats | None = None
        self.channels: tuple[int, ...] = tuple(chosen)
        if selection.mode is ChannelMode.MIX:
            # A matrix product is many times faster than a mean over so short an axis.
            self._weights = np.zeros((available, 1), np.float32)
            self._weights[chosen] = 1 / len(chosen)
            self.channels = (0,)

    def apply(self, samples: Floats) -> Floats:
        """[n, channels of the recording] → [n, channels that are recognised]; a mix is the mean of the chosen ones.

        A recording may change its number of channels half way. One channel then stands for all of them, others that
        are gone are silent, and those that are new are left out.
        """
        if samples.shape[1] != self._available:
            samples = self._conformed(samples)
        if self._weights is not None:
            return samples @ self._weights if self._available > 1 else samples
        return samples if self._chosen is None else samples[:, self._chosen]

    def _conformed(self, samples: Floats) -> Floats:
        present = samples.shape[1]
        if present == 1:
            return np.repeat(samples, self._available, axis=1)
        if present < self._available:
            return np.pad(samples, ((0, 0), (0, self._available - present)))
        return samples[:, : self._available]


def _channels(number: int) -> str:
    return "one channel" if number == 1 else f"{number} channels"
