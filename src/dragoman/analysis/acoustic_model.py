"""The English acoustic model of the pocketsphinx package, read from its files and computed here.

Phones are triphones of three states; a state (senone) is a mixture, one a stream of ``features``, over the 128
Gaussians that all states of its base phone share. The files are those of CMU Sphinx: a binary model
definition, Gaussians and transitions in "s3" arrays, and mixture weights quantised to a byte.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dragoman.analysis.features import CEPSTRA, STREAMS, Floats
from dragoman.core.errors import EngineNotReady
from dragoman.language.lexicon import english_model_folder

STATES: Final = 3
SILENCE: Final = "SIL"
INTERNAL, BEGIN, END, SINGLE = range(4)
"""Where in its word a phone stands."""

_DENSITIES = 128
_WEIGHT_STEP = 1024 * np.log(1.0001)
"""Mixture weights are negative logarithms to the base 1.0001, in units of 1024."""
_LEAST_VARIANCE = 1e-4


class AcousticModel:
    """Stateless once loaded. Phones are numbers here; ``phone`` gives them by name."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.senones = lru_cache(maxsize=65_536)(self._senones)

    def load(self) -> None:
        """Read the model, by default that of the pocketsphinx package. Raises ``EngineNotReady`` without it."""
        folder = self._folder or english_model_folder() / "en-us"
        try:
            self._read_definition((folder / "mdef").read_bytes())
            self._read_transitions(_array(folder / "transition_matrices", 3))
            self._read_gaussians(_array(folder / "means", 6), _array(folder / "variances", 6))
            self._read_weights((folder / "sendump").read_bytes())
        except (OSError, ValueError, IndexError, struct.error) as error:
            raise EngineNotReady(f"the acoustic model of pocketsphinx in {folder} cannot be read: {error}") from error

    def _read_definition(self, data: bytes) -> None:
        """Which states each triphone has."""
        if data[:4] != b"BMDF":
            raise ValueError("mdef is not a binary model definition in little-endian order")
        position = 12 + struct.unpack_from("<i", data, 8)[0]
        phones, triphones, states, _, senones, _, sequences, _, tree, _ = struct.unpack_from("<10i", data, position)
        if states != STATES:
            raise ValueError(f"phones of {states} states instead of {STATES}")
        position += 40
        names = data[position : position + 64 * phones].split(b"\0")[:phones]
        self._names = {name.decode(): i for i, name in enumerate(names)}
        position += sum(len(name) + 1 for name in names)
        position += -(sum(len(name) + 1 for name in names)) % 4 + 8 * tree
        entry = np.dtype([("sequence", "<i4"), ("transition", "<i4"), ("context", "u1", 4)])
        table = np.frombuffer(data, entry, triphones, position)
        position += entry.itemsize * triphones + 4
        self._sequences = np.frombuffer(data, "<u2", sequences * states, position).reshape(-1, states).copy()
        base, dependent = table[:phones], table[phones:]
        self._base = base["sequence"].copy()
        where, phone, left, right = dependent["context"].T
        self._triphones = np.full((4, phones, phones, phones), -1, np.int32)
        self._triphones[where, phone, left, right] = dependent["sequence"]
        self._codebook = np.zeros(senones, np.int16)
        self._codebook[self._sequences[base["sequence"]]] = np.arange(phones)[:, None]
        self._codebook[self._sequences[dependent["sequence"]]] = phone[:, None]
        self.silence = self._names[SILENCE]

    def _read_transitions(self, counts: Floats) -> None:
        """[phones, 3] logarithms of staying in a state and of going to the next."""
        p = counts.reshape(len(self._names), STATES, STATES + 1)
        p = np.maximum(p / p.sum(2, keepdims=True), 1e-4)
        state = np.arange(STATES)
        self.stay = np.log(p[:, state, state]).astype(np.float32)
        self.leave = np.log(p[:, state, state + 1]).astype(np.float32)

    def _read_gaussians(self, means: Floats, variances: Floats) -> None:
        """[phones, 3, 128, 27]: the log-density as a product with the squares, the values and 1."""
        shape = (len(self._names), STREAMS, _DENSITIES, CEPSTRA)
        mean = means.reshape(shape)
        variance = np.maximum(variances.reshape(shape), _LEAST_VARIANCE)
        constant = -0.5 * (mean**2 / variance + np.log(2 * np.pi * variance)).sum(3, keepdims=True)
        self._gaussians = np.concatenate([-0.5 / variance, mean / variance, constant], 3, dtype=np.float32)

    def _read_weights(self, data: bytes) -> None:
        """[3, senones, 128] bytes."""
        position = 0
        while (length := struct.unpack_from("<i", data, position)[0]) != 0:
            position += 4 + length
        densities, senones = struct.unpack_from("<2i", data, position + 4)
        if (densities, senones) != (_DENSITIES, len(self._codebook)):
            raise ValueError(f"sendump has {densities} densities and {senones} senones")
        weights = np.frombuffer(data, np.uint8, STREAMS * densities * senones, position + 12)
        self._weights = weights.reshape(STREAMS, densities, senones).transpose(0, 2, 1).copy()
        self._weight_of_byte = np.exp(-_WEIGHT_STEP * np.arange(256)).astype(np.float32)

    def phone(self, name: str) -> int:
        """The number of an ARPAbet phone or of ``SIL``. Raises ``KeyError`` for any other name."""
        return self._names[name]

    def _senones(self, phone: int, left: int, right: int, where: int) -> tuple[int, int, int]:
        """The states of a phone between two others. One never seen in training is taken from another place in the word,
        then with silence for the neighbour beyond the edge of the word, then without its neighbours."""
        sequence = self._seen(phone, left, right, where)
        if sequence < 0:
            outer_left = self.silence if where in (BEGIN, SINGLE) else left
            outer_right = self.silence if where in (END, SINGLE) else right
            sequence = self._seen(phone, outer_left, outer_right, where)
        if sequence < 0:
            sequence = self._base[phone]
        first, second, third = self._sequences[sequence].tolist()
        return first, second, third

    def _seen(self, phone: int, left: int, right: int, where: int) -> int:
        places = self._triphones[:, phone, left, right]
        if places[where] >= 0:
            return int(places[where])
        known = places[places >= 0]
        return int(known[0]) if len(known) else -1

    def log_likelihoods(self, streams: Floats, senones: NDArray[np.integer]) -> Floats:
        """[senones, frames]: the log-likelihood of each frame of ``features`` in each of the given states."""
        frames = streams.shape[1]
        values = np.empty((STREAMS, 2 * CEPSTRA + 1, frames), np.float32)
        values[:, CEPSTRA : 2 * CEPSTRA] = streams.transpose(0, 2, 1)
        np.square(values[:, CEPSTRA : 2 * CEPSTRA], out=values[:, :CEPSTRA])
        values[:, -1] = 1
        scores = np.zeros((len(senones), frames), np.float32)
        density = np.empty((_DENSITIES, frames), np.float32)
        codebook = self._codebook[senones]
        for phone in np.unique(codebook):
            rows = np.flatnonzero(codebook == phone)
            total = np.zeros((len(rows), frames), np.float32)
            for stream in range(STREAMS):
                np.matmul(self._gaussians[phone, stream], values[stream], out=density)
                highest = density.max(0)
                density -= highest
                np.exp(density, out=density)
                mixed = self._weight_of_byte[self._weights[stream, senones[rows]]] @ density
                total += np.log(mixed, out=mixed)
                total += highest
            scores[rows] = total
        return scores


def _array(path: Path, dimensions: int) -> Floats:
    """The values of an "s3" file: a text header, a byte-order mark, sizes, their number, the values."""
    data = path.read_bytes()
    start = data.index(b"endhdr\n") + len(b"endhdr\n")
    if data[start : start + 4] != struct.pack("<I", 0x11223344):
        raise ValueError(f"{path.name} is not in little-endian order")
    sizes = struct.unpack_from(f"<{dimensions + 1}i", data, start + 4)
    return np.frombuffer(data, "<f4", sizes[-1], start + 4 * (dimensions + 2)).astype(np.float32)
