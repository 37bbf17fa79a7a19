"""A Moonshine model that hears a whole segment: encoder and decoder, two files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.moonshine.decoder_graph import Shape, Weights, attention_graph, cross_graph, step_graph
from dragoman.engines.moonshine.file_decoder import FileDecoder
from dragoman.engines.moonshine.network import Decoder, DecoderState, Floats, run, session
from dragoman.engines.moonshine.tokenizer import BEGIN

log = logging.getLogger("dragoman.engine")

ENCODER: Final = "encoder_model.ort"
DECODER: Final = "decoder_model_merged.ort"
SHORTEST: Final = int(1.5 * SAMPLE_RATE)
_LEVEL: Final = 10 ** (-14 / 20)
_PEAK: Final = 0.97
_PROBE: Final = (BEGIN, *range(300, 2_700, 100))
"""Tokens with which two decoders are compared; so many that what turns with their places shows."""
_MOST_APART: Final = 0.002
"""Mean difference of two decoders' logits, as a part of their spread, with which they compute the same: sums in another
order tip a few quantised activations into the next step."""


def prepare(audio: Floats) -> Floats:
    """To a common level, and ``long_enough``."""
    level = float(np.sqrt(np.mean(audio * audio)))
    gain = min(_LEVEL / max(level, 1e-6), _PEAK / max(float(np.abs(audio).max()), 1e-6))
    return long_enough(audio * np.float32(gain))


def long_enough(audio: Floats) -> Floats:
    """With silence behind what is too short, which the model would complete to a stock phrase."""
    return np.pad(audio, (0, max(0, SHORTEST - len(audio))))


class MoonshineModel:
    """The ``Network`` of the models tiny and base."""

    vocabulary: int
    batches: bool

    def __init__(self, folder: Path, *, known: bool = True) -> None:
        """``known``: that our decoder computes what the file's does; otherwise it is found out."""
        self._folder = folder
        self._known = known

    def load(self) -> None:
        self._encoder = session(self._folder / ENCODER)
        inputs = {each.name for each in self._encoder.get_inputs()}
        if not {"input_values"} <= inputs <= {"input_values", "attention_mask"}:
            raise ValueError(
                f"{ENCODER} takes {', '.join(sorted(inputs))} where input_values and attention_mask are expected; it "
                "is of a release that is not known here"
            )
        self._masked = "attention_mask" in inputs
        self._decoder = self._load_decoder()
        self.vocabulary, self.batches = self._decoder.vocabulary, self._decoder.batches

    def prepare(self, audio: Floats) -> Floats:
        return prepare(audio)

    def encode(self, samples: Floats, cancelled: Callable[[], bool] | None = None) -> Floats:
        """States are ``[1, frames, width]``, about 41 frames a second."""
        feed: dict[str, npt.NDArray[np.generic]] = {"input_values": samples[None, :]}
        if self._masked:
            feed["attention_mask"] = np.ones((1, len(samples)), np.int64)
        (states,) = run(self._encoder, None, feed, cancelled)
        return states

    def listen(self) -> Callable[[Floats], Floats]:
        """All of it anew each time: the states carry their place in the audio."""
        return lambda audio: self.encode(prepare(audio))

    def begin(self, states: Floats) -> DecoderState:
        return self._decoder.begin(states)

    def step(self, tokens: npt.NDArray[np.int64], state: DecoderState) -> Floats:
        return self._decoder.step(tokens, state)

    def attention(self, states: Floats, tokens: Sequence[int]) -> Floats | None:
        return self._decoder.attention(states, tokens) if isinstance(self._decoder, OwnDecoder) else None

    def _load_decoder(self) -> OwnDecoder | FileDecoder:
        path = self._folder / DECODER
        if self._known:
            return OwnDecoder(path)
        theirs = FileDecoder(path)
        try:
            ours = OwnDecoder(path)
            apart = self._apart(ours, theirs)
        except Exception as error:
            reason = f"its weights are not where they are looked for ({type(error).__name__}: {error})"
        else:
            if apart < _MOST_APART:
                return ours
            reason = f"what is built around its weights computes something else (apart by {apart:.3f})"
        log.warning("%s in %s is run as it is, which takes several times as long: %s", DECODER, self._folder, reason)
        return theirs

    def _apart(self, ours: Decoder, theirs: Decoder) -> float:
        states = self.encode(np.random.default_rng(0).normal(0, 0.1, SHORTEST).astype(np.float32))
        tokens = np.array([_PROBE], np.int64)
        a, b = (decoder.step(tokens, decoder.begin(states)) for decoder in (ours, theirs))
        if a.shape != b.shape:
            raise ValueError(f"{DECODER} gives logits {b.shape} where {a.shape} are expected")
        return float(np.abs(a - b).mean() / (np.ptp(b) + 1e-9))


class OwnDecoder:
    """The decoder that is built around the weights in the file."""

    batches = True

    def __init__(self, path: Path) -> None:
        self._path = path
        weights = Weights(path)
        self._shape = shape = Shape.of(weights)
        self.vocabulary = shape.vocabulary
        self._cross = session(cross_graph(weights, shape))
        self._step = session(step_graph(weights, shape))
        self._looking: ort.InferenceSession | None = None
        parts = [f"{part}.{layer}" for layer in range(shape.layers) for part in ("key", "value")]
        self._parts = parts
        self._past = [f"past_{part}" for part in parts]
        self._outputs = ["logits", *(f"present_{part}" for part in parts)]

    def begin(self, states: Floats) -> DecoderState:
        values = self._cross.run_with_ort_values(None, {"states": ort.OrtValue.ortvalue_from_numpy(states)})
        empty = np.zeros((1, self._shape.heads, 0, self._shape.head_size), np.float32)
        return DecoderState(dict(zip(self._parts, values, strict=True)), [empty] * len(self._parts))

    def step(self, tokens: npt.NDArray[np.int64], state: DecoderState) -> Floats:
        feed = dict(state.audio)
        feed["tokens"] = ort.OrtValue.ortvalue_from_numpy(tokens)
        feed["position"] = ort.OrtValue.ortvalue_from_numpy(np.array([state.position], np.int64))
        for name, array in zip(self._past, state.past, strict=True):
            feed[name] = ort.OrtValue.ortvalue_from_numpy(array)
        logits, *past = self._step.run_with_ort_values(self._outputs, feed)
        state.past = [value.numpy() for value in past]
        state.position += tokens.shape[1]
        return np.asarray(logits.numpy())

    def attention(self, states: Floats, tokens: Sequence[int]) -> Floats:
        """``[tokens, frames]``, the mean of all heads; the graph for it is loaded when it is first needed."""
        if self._looking is None:
            self._looking = session(attention_graph(Weights(self._path), self._shape))
        state = self.begin(states)
        feed = {**state.audio, "tokens": ort.OrtValue.ortvalue_from_numpy(np.array([[BEGIN, *tokens]], np.int64))}
        (attention,) = self._looking.run_with_ort_values(["attention"], feed)
        return np.asarray(attention.numpy())[: len(tokens)]
