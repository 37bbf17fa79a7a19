"""The Moonshine network: samples → encoder states, tokens + encoder states → logits of the next tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from dragoman.engines.moonshine.decoder_graph import HEAD_SIZE, HEADS, LAYERS, Weights, cross_graph, step_graph

Floats = npt.NDArray[np.float32]

_PARTS: Final = [f"{part}.{layer}" for layer in range(LAYERS) for part in ("key", "value")]
_PAST: Final = [f"past_{part}" for part in _PARTS]
_STEP_OUTPUTS: Final = ["logits", *(f"present_{part}" for part in _PARTS)]


@dataclass(slots=True)
class DecoderState:
    """What the decoder remembers of some hypotheses over one piece of audio.

    ``audio`` are the keys and values of the audio; ``past`` those of the tokens so far, each
    ``[hypotheses, heads, position, head size]``.
    """

    audio: dict[str, ort.OrtValue]
    past: Sequence[Floats]
    position: int = 0

    def select(self, hypotheses: npt.NDArray[np.intp]) -> None:
        """Keep these hypotheses, in this order; one may be taken several times."""
        self.past = [array[hypotheses] for array in self.past]

    def cut(self, position: int) -> None:
        """Forget all tokens but the first ``position``."""
        self.past = [np.ascontiguousarray(array[:, :, :position]) for array in self.past]
        self.position = position


class MoonshineModel:
    """Stateless and shared. One thread: a core is a worker's whole budget."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> None:
        weights = Weights(self._folder / "decoder_model_merged.ort")
        self._encoder = _session(str(self._folder / "encoder_model.ort"))
        self._cross = _session(cross_graph(weights))
        self._step = _session(step_graph(weights))

    def encode(self, samples: Floats) -> Floats:
        """``[n]`` samples at 16 kHz → ``[1, frames, 288]`` states, about 41 frames a second."""
        mask = np.ones((1, len(samples)), np.int64)
        (states,) = self._encoder.run(None, {"input_values": samples[None, :], "attention_mask": mask})
        return np.asarray(states)

    def begin(self, states: Floats) -> DecoderState:
        """One hypothesis without tokens over encoder states."""
        values = self._cross.run_with_ort_values(None, {"states": ort.OrtValue.ortvalue_from_numpy(states)})
        empty = np.zeros((1, HEADS, 0, HEAD_SIZE), np.float32)
        return DecoderState(dict(zip(_PARTS, values, strict=True)), [empty] * len(_PARTS))

    def step(self, tokens: npt.NDArray[np.int64], state: DecoderState) -> Floats:
        """``[hypotheses, new]`` more tokens → logits ``[hypotheses, new, vocabulary]``; ``state`` moves on."""
        feed = dict(state.audio)
        feed["tokens"] = ort.OrtValue.ortvalue_from_numpy(tokens)
        feed["position"] = ort.OrtValue.ortvalue_from_numpy(np.array([state.position], np.int64))
        for name, array in zip(_PAST, state.past, strict=True):
            feed[name] = ort.OrtValue.ortvalue_from_numpy(array)
        logits, *past = self._step.run_with_ort_values(_STEP_OUTPUTS, feed)
        state.past = [value.numpy() for value in past]
        state.position += tokens.shape[1]
        return np.asarray(logits.numpy())


def _session(model: str | bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
