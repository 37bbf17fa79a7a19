"""A Moonshine model for streams: five graphs, and an encoder that need not hear again what it has heard.

Each graph is onnxruntime's to run as it is (github.com/moonshine-ai/moonshine: ``core/moonshine-streaming-model.cpp``
runs them, ``moonshine_voice.lora`` exports them):

- ``frontend``: samples and a state → features, a frame for 20 ms. Two convolutions halve what were frames of 5 ms, so
  their states are right only between chunks of a multiple of 320 samples, and only if a chunk has at least 640.
- ``encoder``: features → as many states. Each layer sees 16 frames back, and some see a few ahead, in all
  ``total_lookahead``; so what lies 16 frames a layer back changes nothing.
- ``adapter``: states and the place of the first → the decoder's memory.
- ``cross_kv``: memory → keys and values of the decoder's layers, frame by frame.
- ``decoder_kv``: tokens, keys and values → logits. It knows one hypothesis.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from dragoman.engines.moonshine.model import long_enough
from dragoman.engines.moonshine.network import DecoderState, Floats, each_alone, opened, run, session
from dragoman.engines.moonshine.tokenizer import BEGIN, END

CONFIG: Final = "streaming_config.json"
_HOP: Final = 320
"""Samples of a frame of features."""
_SMALLEST: Final = 2 * _HOP
_CARRIED: Final = 4
"""Frames before each convolution that the frontend carries from chunk to chunk."""
_SEES_BACK: Final = 16
"""Frames, each layer of the encoder."""
_STATE: Final = ("sample_buffer", "sample_len", "conv1_buffer", "conv2_buffer", "frame_count")


@dataclass(frozen=True, slots=True)
class StreamingConfig:
    """What of the model's ``streaming_config.json`` is used."""

    encoder_dim: int
    decoder_dim: int
    depth: int
    """Layers of the encoder, and of the decoder."""
    nheads: int
    head_dim: int
    vocab_size: int
    bos_id: int
    eos_id: int
    frame_len: int
    total_lookahead: int
    d_model_frontend: int
    c1: int

    @classmethod
    def read(cls, path: Path) -> StreamingConfig:
        """Raises ``ValueError``, ``OSError``."""
        try:
            values: Any = json.loads(path.read_text(encoding="utf-8"))
            found = {each.name: values[each.name] for each in fields(cls)}
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path.name} cannot be read: {error}") from error
        except KeyError as error:
            raise ValueError(f"{path.name} does not say {error.args[0]}") from error
        for name, value in found.items():
            if type(value) is not int or value < 0 or (value == 0 and name != "total_lookahead"):
                raise ValueError(f"{path.name} says {name} is {value!r}, where a whole number is expected")
        config = cls(**found)
        if (config.bos_id, config.eos_id, 4 * config.frame_len) != (BEGIN, END, _HOP):
            raise ValueError(
                f"{path.name} says bos_id, eos_id and frame_len are {config.bos_id}, {config.eos_id} and "
                f"{config.frame_len}; expected are {BEGIN}, {END} and {_HOP // 4}"
            )
        return config


class StreamingModel:
    """The ``Network`` of the streaming models. States are keys and values for the decoder's layers, ``[2, layers, 1,
    heads, frames, head size]``, 50 frames a second."""

    batches = False
    vocabulary: int

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> None:
        self._config = config = StreamingConfig.read(self._folder / CONFIG)
        self.vocabulary = config.vocab_size
        self._frontend, self._weights = self._open_frontend()
        self._encoder = opened(self._folder / "encoder.ort", ["features"], ["encoded"])
        self._adapter = opened(self._folder / "adapter.ort", ["encoded", "pos_offset"], ["memory"])
        self._cross = opened(self._folder / "cross_kv.ort", ["memory"], ["k_cross", "v_cross"])
        self._decoder = opened(
            self._folder / "decoder_kv.ort",
            ["token", "k_self", "v_self", "out_k_cross", "out_v_cross"],
            ["logits", "out_k_self", "out_v_self"],
        )
        self._try()

    def prepare(self, audio: Floats) -> Floats:
        """The frontend brings every frame to one level."""
        return long_enough(audio)

    def encode(self, samples: Floats, cancelled: Callable[[], bool] | None = None) -> Floats:
        short = -len(samples) % _SMALLEST
        features, _ = self.hear(np.pad(samples, (0, short)), self.silence(), cancelled)
        (encoded,) = run(self._encoder, None, {"features": features}, cancelled)
        return self.place(encoded, 0, cancelled)

    def listen(self) -> Callable[[Floats], Floats]:
        return _Listening(self, self._config).hear

    def begin(self, states: Floats) -> DecoderState:
        keys, values = (ort.OrtValue.ortvalue_from_numpy(each) for each in states)
        config = self._config
        empty = np.zeros((1, config.depth, config.nheads, 0, config.head_dim), np.float32)
        return DecoderState({"out_k_cross": keys, "out_v_cross": values}, [empty, empty])

    def step(self, tokens: npt.NDArray[np.int64], state: DecoderState) -> Floats:
        def one(tokens: npt.NDArray[np.int64], past: Sequence[Floats]) -> tuple[Floats, Sequence[Floats]]:
            feed = dict(state.audio)
            feed["token"] = ort.OrtValue.ortvalue_from_numpy(tokens)
            for name, array in zip(("k_self", "v_self"), past, strict=True):
                feed[name] = ort.OrtValue.ortvalue_from_numpy(array[0, :, None])
            logits, *present = self._decoder.run_with_ort_values(["logits", "out_k_self", "out_v_self"], feed)
            return np.asarray(logits.numpy()), [value.numpy()[:, 0][None] for value in present]

        return each_alone(tokens, state, one)

    def attention(self, states: Floats, tokens: Sequence[int]) -> Floats | None:
        return None

    def silence(self) -> Mapping[str, npt.NDArray[Any]]:
        """The frontend's state before the first sample."""
        config = self._config
        return {
            "sample_buffer": np.zeros((1, config.frame_len - 1), np.float32),
            "sample_len": np.zeros(1, np.int64),
            "conv1_buffer": np.zeros((1, config.d_model_frontend, _CARRIED), np.float32),
            "conv2_buffer": np.zeros((1, config.c1, _CARRIED), np.float32),
            "frame_count": np.zeros(1, np.int64),
        }

    def hear(
        self, samples: Floats, state: Mapping[str, npt.NDArray[Any]], cancelled: Callable[[], bool] | None = None
    ) -> tuple[Floats, Mapping[str, npt.NDArray[Any]]]:
        """A multiple of 320 samples, at least 640 → features ``[1, frames, width]`` and the state after them."""
        names = ["features", *(f"{name}_out" for name in _STATE)]
        feed = {"audio_chunk": samples[None], **state, **self._weights}
        features, *after = run(self._frontend, names, feed, cancelled)
        return features, dict(zip(_STATE, after, strict=True))

    def encode_features(self, features: Floats) -> Floats:
        """``[1, frames, width]``, both."""
        (encoded,) = run(self._encoder, ["encoded"], {"features": features})
        return encoded

    def place(self, encoded: Floats, offset: int, cancelled: Callable[[], bool] | None = None) -> Floats:
        """Encoder states, the first of which is frame ``offset`` of the audio → what the decoder takes."""
        feed = {"encoded": encoded, "pos_offset": np.array([offset], np.int64)}
        (memory,) = run(self._adapter, ["memory"], feed, cancelled)
        return np.stack(run(self._cross, ["k_cross", "v_cross"], {"memory": memory}, cancelled))

    def _open_frontend(self) -> tuple[ort.InferenceSession, Mapping[str, npt.NDArray[Any]]]:
        """And the weights that it takes beside the audio, in newer releases."""
        inputs = ("audio_chunk", *_STATE)
        outputs = ("features", *(f"{name}_out" for name in _STATE))
        whole = self._folder / "frontend.ort"
        if whole.is_file():
            return opened(whole, inputs, outputs), {}
        apart = session(self._folder / "frontend.weights.ort")
        names = [each.name for each in apart.get_outputs()]
        weights = dict(zip(names, apart.run(names, {}), strict=True))
        return opened(self._folder / "frontend.model.ort", [*inputs, *names], outputs), weights

    def _try(self) -> None:
        """One second through all graphs. Raises ``ValueError`` when the sizes are not those of the configuration."""
        config = self._config
        expected = (2, config.depth, 1, config.nheads, 50, config.head_dim)
        states = self.encode(np.zeros(50 * _HOP, np.float32))
        if states.shape != expected:
            raise ValueError(f"a second of audio has states {states.shape} where {CONFIG} says {expected}")
        logits = self.step(np.array([[BEGIN, END]], np.int64), self.begin(states))
        if logits.shape != (1, 2, config.vocab_size):
            raise ValueError(
                f"decoder_kv.ort gives logits {logits.shape} where {CONFIG} says {(1, 2, config.vocab_size)}"
            )


@dataclass(slots=True)
class _Listening:
    """What was heard of an utterance so far."""

    model: StreamingModel
    config: StreamingConfig
    heard: int = 0
    """Samples."""
    frontend: Mapping[str, npt.NDArray[Any]] = field(init=False)
    features: Floats = field(init=False)
    """Those that later states depend on."""
    first: int = 0
    """The frame of the first of them."""
    states: Floats = field(init=False)
    """Those that no later sound changes."""

    def __post_init__(self) -> None:
        config = self.config
        self.frontend = self.model.silence()
        self.features = np.zeros((1, 0, config.encoder_dim), np.float32)
        self.states = np.zeros((2, config.depth, 1, config.nheads, 0, config.head_dim), np.float32)

    def hear(self, audio: Floats) -> Floats:
        """All of the utterance so far. What is new goes through the encoder, with as much before it as it can see."""
        config = self.config
        length = (len(audio) - self.heard) // _HOP * _HOP
        if length < _SMALLEST:
            length = 0
        else:
            features, self.frontend = self.model.hear(audio[self.heard : self.heard + length], self.frontend)
            self.heard += length
            self.features = np.concatenate([self.features, features], axis=1)
        settled, total = self.states.shape[-2], self.first + self.features.shape[1]
        if total == settled:
            return self.states
        encoded = self.model.encode_features(self.features)[:, settled - self.first :]
        states = np.concatenate([self.states, self.model.place(encoded, settled)], axis=-2)
        self.states = states[..., : max(settled, total - config.total_lookahead), :]
        keep = max(self.first, self.states.shape[-2] - _SEES_BACK * config.depth)
        self.features = self.features[:, keep - self.first :]
        self.first = keep
        return states
