"""The decoder as the model's file has it, for files around whose weights we cannot build our own.

A graph of two branches (optimum's ``decoder_model_merged``): the first one computes the keys and values of the audio,
the second one takes them. Both are given all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from dragoman.engines.moonshine.network import DecoderState, Floats, each_alone, session


class FileDecoder:
    """Takes one hypothesis after the other: several together would need copies of the audio's keys and values."""

    batches = False

    def __init__(self, path: Path) -> None:
        self._graph = session(path)
        inputs = {each.name: each.shape for each in self._graph.get_inputs()}
        outputs = {each.name: each.shape for each in self._graph.get_outputs()}
        layers = sum(name.endswith(".decoder.key") for name in inputs)
        self._own, self._audio = (
            [f"{layer}.{side}.{part}" for layer in range(layers) for part in ("key", "value")]
            for side in ("decoder", "encoder")
        )
        parts = [*self._own, *self._audio]
        expected = {"input_ids", "encoder_hidden_states", "use_cache_branch", *(f"past_key_values.{p}" for p in parts)}
        self._masked = "encoder_attention_mask" in inputs
        if layers == 0 or set(inputs) - {"encoder_attention_mask"} != expected:
            raise ValueError(
                f"{path.name} takes {', '.join(sorted(inputs))} where input_ids, encoder_hidden_states, "
                "use_cache_branch and past_key_values.0.decoder.key and so on are expected; it is of a release that is "
                "not known here"
            )
        if missing := {"logits", *(f"present.{part}" for part in parts)} - set(outputs):
            raise ValueError(f"{path.name} does not give {', '.join(sorted(missing))}")
        heads, head_size = (inputs["past_key_values.0.decoder.key"][at] for at in (1, 3))
        self._empty = np.zeros((1, heads, 0, head_size), np.float32)
        self.vocabulary = int(outputs["logits"][2])

    def begin(self, states: Floats) -> DecoderState:
        audio = {"encoder_hidden_states": ort.OrtValue.ortvalue_from_numpy(states)}
        if self._masked:
            mask = np.ones((1, _samples_of(states.shape[1])), np.int64)
            audio["encoder_attention_mask"] = ort.OrtValue.ortvalue_from_numpy(mask)
        return DecoderState(audio, [self._empty] * len(self._own))

    def step(self, tokens: npt.NDArray[np.int64], state: DecoderState) -> Floats:
        audio = dict(state.audio)
        heard = f"past_key_values.{self._audio[0]}" in audio

        def one(tokens: npt.NDArray[np.int64], past: Sequence[Floats]) -> tuple[Floats, Sequence[Floats]]:
            feed = dict(audio)
            for name, array in zip(self._own, past, strict=True):
                feed[f"past_key_values.{name}"] = ort.OrtValue.ortvalue_from_numpy(array)
            if not heard:
                empty = ort.OrtValue.ortvalue_from_numpy(self._empty)
                feed |= {f"past_key_values.{name}": empty for name in self._audio}
            feed["input_ids"] = ort.OrtValue.ortvalue_from_numpy(tokens)
            feed["use_cache_branch"] = ort.OrtValue.ortvalue_from_numpy(np.array([heard]))
            names = ["logits", *(f"present.{name}" for name in self._own)]
            if not heard:
                names += [f"present.{name}" for name in self._audio]
            logits, *present = self._graph.run_with_ort_values(names, feed)
            own, keys = present[: len(self._own)], present[len(self._own) :]
            if not heard:
                state.audio = audio | {f"past_key_values.{n}": key for n, key in zip(self._audio, keys, strict=True)}
            return np.asarray(logits.numpy()), [value.numpy() for value in own]

        return each_alone(tokens, state, one)


def _samples_of(frames: int) -> int:
    """The fewest samples with so many encoder states: three convolutions, of 127, 7 and 3 in steps of 64, 3 and 2."""
    return 384 * frames + 511
