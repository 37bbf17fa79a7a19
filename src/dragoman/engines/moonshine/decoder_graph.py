"""The decoder of the Moonshine model, written anew around the weights of the wheel.

The file in the wheel is a converted PyTorch graph: of its 900 operators a step, 750 compute shapes, and every step pads
the keys and values of the whole audio again. This graph computes the same function in about 140, takes beams over one
audio as a sequence in the cross-attention instead of copying the audio's keys for each, and needs half the time
(``docs/decisions/0012-moonshine.md``). A test holds its logits against those of the file.

Architecture (Jeffries et al. 2024, "Moonshine: Speech Recognition for Live Transcription and Voice Commands"): layers
of self-attention with rotary positions, cross-attention, and a gated feed-forward; layer norms without bias; the
matrices quantised to unsigned bytes, one scale and zero point each, activations quantised as they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession as OrtFile

from dragoman.codecs.onnx_graph import GraphBuilder

LAYERS: Final = 6
HEADS: Final = 8
HEAD_SIZE: Final = 36
HIDDEN: Final = HEADS * HEAD_SIZE
_ROTARY: Final = 32
"""Of each head's numbers, those that carry the position."""
_POSITIONS: Final = 512
_EPSILON: Final = 1e-5
_SCALE: Final = HEAD_SIZE**-0.5

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class QuantisedMatrix:
    """``values[i, j]`` stands for ``(values[i, j] - zero_point) * scale``; scale and zero point may be per column."""

    values: Array
    scale: Array
    zero_point: Array


class Weights:
    """The weights inside a model file of onnxruntime's own format, found by the operators that use them."""

    def __init__(self, path: Path) -> None:
        graph = OrtFile.GetRootAs(path.read_bytes(), 0).Model().Graph()
        self._tensors: dict[str, Any] = {}
        self._uses: dict[str, list[str]] = {}
        self._take(graph)

    def tensor(self, name: str) -> Array:
        tensor = self._tensors[name]
        dtype = {1: np.float32, 2: np.uint8}[tensor.DataType()]
        shape = [tensor.Dims(at) for at in range(tensor.DimsLength())]
        values: Array = tensor.RawDataAsNumpy()
        return values.view(dtype).reshape(shape)

    def matrix(self, output: str) -> QuantisedMatrix:
        """The matrix of the quantised multiplication whose result has this name."""
        names = [name for name in self._uses[output] if name in self._tensors]
        (values,) = (name for name in names if name.endswith("_quantized"))
        stem = values.removesuffix("_quantized")
        return QuantisedMatrix(self.tensor(values), self.tensor(f"{stem}_scale"), self.tensor(f"{stem}_zero_point"))

    def _take(self, graph: Any) -> None:
        for at in range(graph.InitializersLength()):
            tensor = graph.Initializers(at)
            self._tensors.setdefault(tensor.Name().decode(), tensor)
        for at in range(graph.NodesLength()):
            node = graph.Nodes(at)
            # A branch's outputs are also those of the operator that chooses the branch: the branch comes first.
            for i in range(node.AttributesLength()):
                inner = node.Attributes(i).G()
                if inner is not None:
                    self._take(inner)
            inputs = [node.Inputs(i).decode() for i in range(node.InputsLength())]
            for i in range(node.OutputsLength()):
                self._uses.setdefault(node.Outputs(i).decode(), inputs)


def cross_graph(weights: Weights) -> bytes:
    """``states [1, frames, 288]`` → ``key.N``, ``value.N`` ``[1, 8, frames, 36]`` of each layer's cross-attention."""
    g = GraphBuilder()
    split = g.constant("split", np.array([0, -1, HEADS, HEAD_SIZE], np.int64))
    quantised = g.node("DynamicQuantizeLinear", [g.input("states", "float32", 1, "frames", HIDDEN)], 3)
    for layer in range(LAYERS):
        for part in ("key", "value"):
            matrix = weights.matrix(f"/model/decoder/layers.{layer}/encoder_attn/{part[0]}_proj/MatMul_output_0")
            flat = _multiply(g, quantised, f"{part}.{layer}", matrix)
            (heads,) = g.node("Reshape", [flat, split])
            g.node("Transpose", [heads], [f"{part}.{layer}"], perm=[0, 2, 1, 3])
            g.output(f"{part}.{layer}", "float32", 1, HEADS, "frames", HEAD_SIZE)
    return g.model()


def step_graph(weights: Weights) -> bytes:
    """Tokens ``[beams, new]`` at ``position`` → ``logits [beams, new, 32768]``.

    Takes ``key.N``, ``value.N`` of the audio and ``past_key.N``, ``past_value.N`` ``[beams, 8, so far, 36]``; gives
    ``present_key.N``, ``present_value.N`` with the new tokens' behind them.
    """
    g = GraphBuilder()
    tokens = g.input("tokens", "int64", "beams", "new")
    position = g.input("position", "int64", 1)
    angles = np.arange(_POSITIONS)[:, None] * 10000.0 ** (-np.arange(_ROTARY // 2) / (_ROTARY // 2))
    rotation = [
        position,
        g.constant("cosines", np.cos(angles).astype(np.float32)),
        g.constant("sines", np.sin(angles).astype(np.float32)),
    ]
    as_one = g.constant("as_one", np.array([1, -1, HIDDEN], np.int64))
    hidden = _embed(g, weights, tokens)
    (shape,) = g.node("Shape", [hidden])
    for layer in range(LAYERS):
        name = f"/model/decoder/layers.{layer}"
        stem = f"model.decoder.layers.{layer}"
        past = [
            g.input(f"past_{part}.{layer}", "float32", "beams", HEADS, "past", HEAD_SIZE) for part in ("key", "value")
        ]
        audio = [g.input(f"{part}.{layer}", "float32", 1, HEADS, "frames", HEAD_SIZE) for part in ("key", "value")]

        normed = _norm(g, hidden, weights, f"{stem}.input_layernorm")
        joined = _join([weights.matrix(f"{name}/self_attn/{part}_proj/MatMul_output_0") for part in "qkv"])
        flat = _multiply(g, g.node("DynamicQuantizeLinear", [normed], 3), f"self.{layer}", joined)
        query, key, value = g.node("Split", [flat], 3, axis=-1, num_outputs=3)
        turned = [
            g.node(
                "RotaryEmbedding", [each, *rotation], contributed=True,
                interleaved=1, num_heads=HEADS, rotary_embedding_dim=_ROTARY,
            )[0]
            for each in (query, key)
        ]  # fmt: skip
        attended, *present = g.node(
            "MultiHeadAttention", [*turned, value, "", "", "", *past],
            [f"attended.{layer}", f"present_key.{layer}", f"present_value.{layer}"], contributed=True,
            num_heads=HEADS, scale=_SCALE, unidirectional=1,
        )  # fmt: skip
        for each in present:
            g.output(each, "float32", "beams", HEADS, "so far", HEAD_SIZE)
        hidden = _add(g, hidden, _dense(g, attended, weights, f"{name}/self_attn/o_proj/MatMul_output_0"))

        # Nothing in the cross-attention depends on which beam or position a query comes from, so all are one sequence.
        normed = _norm(g, hidden, weights, f"{stem}.post_attention_layernorm")
        query = _dense(g, normed, weights, f"{name}/encoder_attn/q_proj/MatMul_output_0")
        (query,) = g.node("Reshape", [query, as_one])
        (attended,) = g.node("MultiHeadAttention", [query, *audio], contributed=True, num_heads=HEADS, scale=_SCALE)
        (attended,) = g.node("Reshape", [attended, shape])
        hidden = _add(g, hidden, _dense(g, attended, weights, f"{name}/encoder_attn/o_proj/MatMul_output_0"))

        normed = _norm(g, hidden, weights, f"{stem}.final_layernorm")
        wide = _dense(g, normed, weights, f"{name}/mlp/fc1/Add_output_0", bias=f"{stem}.mlp.fc1.bias_merged_0")
        content, gate = g.node("Split", [wide], 2, axis=-1, num_outputs=2)
        (opening,) = g.node("Sigmoid", [gate])
        (gate,) = g.node("Mul", [gate, opening])
        (gated,) = g.node("Mul", [gate, content])
        narrow = _dense(g, gated, weights, f"{name}/mlp/fc2/Add_output_0", bias=f"{stem}.mlp.fc2.bias_merged_0")
        hidden = _add(g, hidden, narrow)
    normed = _norm(g, hidden, weights, "model.decoder.norm")
    logits = _dense(g, normed, weights, "logits")
    g.node("Identity", [logits], ["logits"])
    g.output("logits", "float32", "beams", "new", 32768)
    return g.model()


def _embed(g: GraphBuilder, weights: Weights, tokens: str) -> str:
    stem = "model.decoder.embed_tokens.weight_merged_0"
    parts = [
        g.constant(f"embedding{part}", weights.tensor(stem + part)) for part in ("_quantized", "_scale", "_zero_point")
    ]
    (rows,) = g.node("Gather", [parts[0], tokens], axis=0)
    return g.node("DequantizeLinear", [rows, *parts[1:]])[0]


def _norm(g: GraphBuilder, x: str, weights: Weights, stem: str) -> str:
    scale = g.constant(stem, weights.tensor(f"{stem}.weight_merged_0"))
    return g.node("LayerNormalization", [x, scale], axis=-1, epsilon=_EPSILON)[0]


def _dense(g: GraphBuilder, x: str, weights: Weights, output: str, *, bias: str | None = None) -> str:
    matrix = weights.matrix(output)
    inputs = [x, *_constants(g, output, matrix)]
    if bias is not None:
        inputs.append(g.constant(f"{output}.bias", weights.tensor(bias)))
    return g.node("DynamicQuantizeMatMul", inputs, contributed=True)[0]


def _multiply(g: GraphBuilder, quantised: list[str], name: str, matrix: QuantisedMatrix) -> str:
    values, scale, zero_point = quantised
    b, b_scale, b_zero_point = _constants(g, name, matrix)
    inputs = [values, b, scale, b_scale, zero_point, b_zero_point]
    return g.node("MatMulIntegerToFloat", inputs, contributed=True)[0]


def _constants(g: GraphBuilder, name: str, matrix: QuantisedMatrix) -> list[str]:
    parts = {"values": matrix.values, "scale": matrix.scale, "zero_point": matrix.zero_point}
    return [g.constant(f"{name}.{part}", array) for part, array in parts.items()]


def _join(matrices: list[QuantisedMatrix]) -> QuantisedMatrix:
    """Side by side, each column keeping its scale and zero point."""
    width = matrices[0].values.shape[1]
    return QuantisedMatrix(
        np.concatenate([m.values for m in matrices], axis=1),
        np.concatenate([np.full(width, m.scale, np.float32) for m in matrices]),
        np.concatenate([np.full(width, m.zero_point, np.uint8) for m in matrices]),
    )


def _add(g: GraphBuilder, a: str, b: str) -> str:
    return g.node("Add", [a, b])[0]
