"""The decoder of the Moonshine models tiny and base, written anew around the weights in their file.

The file is a converted PyTorch graph: of its 900 operators a step, 750 compute shapes, and every step pads
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
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.TensorTypeAndShape import TensorTypeAndShape

from dragoman.codecs.onnx_graph import GraphBuilder

_POSITIONS: Final = 512
_EPSILON: Final = 1e-5
_TYPES: Final = {1: np.float32, 2: np.uint8, 3: np.int8}
"""Of tensors, by the numbers of the format."""
_PAST: Final = "past_key_values.0.decoder.key"

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
        self._sizes = {
            node.Name().decode(): _sizes(node) for node in map(graph.NodeArgs, range(graph.NodeArgsLength()))
        }

    def tensor(self, name: str) -> Array:
        tensor = self._tensors[name]
        shape = [tensor.Dims(at) for at in range(tensor.DimsLength())]
        values: Array = tensor.RawDataAsNumpy()
        return values.view(_TYPES[tensor.DataType()]).reshape(shape)

    def has(self, name: str) -> bool:
        return name in self._tensors

    def sizes(self, name: str) -> tuple[int, ...]:
        """Of an input or an output; 0 where it is free."""
        return self._sizes[name]

    def floats(self, output: str) -> list[Array]:
        """The unquantised tensors of the operator whose result has this name."""
        names = [name for name in self._uses[output] if name in self._tensors]
        return [self.tensor(name) for name in names if _TYPES.get(self._tensors[name].DataType()) is np.float32]

    def layers(self) -> int:
        return max(int(name.split(".")[1]) for name in self._sizes if name.startswith("past_key_values.")) + 1

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


def _sizes(node: Any) -> tuple[int, ...]:
    tensor = TensorTypeAndShape()
    value = node.Type().Value() if node.Type() is not None else None
    if value is None:
        return ()
    tensor.Init(value.Bytes, value.Pos)
    shape = tensor.Shape()
    return () if shape is None else tuple(shape.Dim(at).Value().DimValue() for at in range(shape.DimLength()))


@dataclass(frozen=True, slots=True)
class Shape:
    """Tiny: 6 layers of width 288 with 8 heads of 36; base: 8 of 416 with 8 of 52; both with 32,768 tokens."""

    layers: int
    width: int
    heads: int
    head_size: int
    rotary: int
    """Of each head's numbers, those that carry the position."""
    vocabulary: int

    @classmethod
    def of(cls, weights: Weights) -> Shape:
        """Raises ``LookupError`` when something is not where it is looked for."""
        _, heads, _, head_size = weights.sizes(_PAST)
        (frequencies,) = weights.floats("/model/decoder/rotary_emb/Expand_output_0")
        width, vocabulary = weights.matrix("logits").values.shape
        return cls(weights.layers(), width, heads, head_size, 2 * frequencies.size, vocabulary)


def cross_graph(weights: Weights, shape: Shape) -> bytes:
    """``states [1, frames, width]`` → ``key.N``, ``value.N`` ``[1, heads, frames, head size]`` of each layer's
    cross-attention."""
    g = GraphBuilder()
    split = g.constant("split", np.array([0, -1, shape.heads, shape.head_size], np.int64))
    quantised = g.node("DynamicQuantizeLinear", [g.input("states", "float32", 1, "frames", "width")], 3)
    for layer in range(shape.layers):
        for part in ("key", "value"):
            matrix = weights.matrix(f"/model/decoder/layers.{layer}/encoder_attn/{part[0]}_proj/MatMul_output_0")
            flat = _multiply(g, quantised, f"{part}.{layer}", matrix)
            (heads,) = g.node("Reshape", [flat, split])
            g.node("Transpose", [heads], [f"{part}.{layer}"], perm=[0, 2, 1, 3])
            g.output(f"{part}.{layer}", "float32", 1, shape.heads, "frames", shape.head_size)
    return g.model()


def step_graph(weights: Weights, shape: Shape) -> bytes:
    """Tokens ``[beams, new]`` at ``position`` → ``logits [beams, new, vocabulary]``.

    Takes ``key.N``, ``value.N`` of the audio and ``past_key.N``, ``past_value.N`` ``[beams, heads, so far, head
    size]``; gives ``present_key.N``, ``present_value.N`` with the new tokens' behind them.
    """
    g = GraphBuilder()
    hidden = _layers(g, weights, shape, g.input("position", "int64", 1), None)
    normed = _norm(g, hidden, weights, "model.decoder.norm")
    logits = _dense(g, normed, weights, "logits")
    g.node("Identity", [logits], ["logits"])
    g.output("logits", "float32", "beams", "new", shape.vocabulary)
    return g.model()


def attention_graph(weights: Weights, shape: Shape) -> bytes:
    """Tokens ``[1, n]`` from the beginning of one hypothesis, and ``key.N``, ``value.N`` of the audio → ``attention
    [n, frames]``: how much each position looks at each frame, the mean over all heads of all layers."""
    g = GraphBuilder()
    looks: list[str] = []
    _layers(g, weights, shape, g.constant("position", np.zeros(1, np.int64)), looks)
    (total,) = g.node("Sum", looks)
    (mean,) = g.node("Div", [total, g.constant("layers", np.array(shape.layers, np.float32))])
    g.node("Identity", [mean], ["attention"])
    g.output("attention", "float32", "new", "frames")
    return g.model()


def _layers(g: GraphBuilder, weights: Weights, shape: Shape, position: str, looks: list[str] | None) -> str:
    """All layers over the input ``tokens``. With ``looks`` there is no past, and what each layer looks at is added to
    it."""
    heads, head_size = shape.heads, shape.head_size
    scale = head_size**-0.5
    tokens = g.input("tokens", "int64", "beams", "new")
    half = shape.rotary // 2
    angles = np.arange(_POSITIONS)[:, None] * 10000.0 ** (-np.arange(half) / half)
    rotation = [
        position,
        g.constant("cosines", np.cos(angles).astype(np.float32)),
        g.constant("sines", np.sin(angles).astype(np.float32)),
    ]
    as_one = g.constant("as_one", np.array([1, -1, heads * head_size], np.int64))
    hidden = _embed(g, weights, tokens)
    (rows,) = g.node("Shape", [hidden], end=2)
    (attended_shape,) = g.node("Concat", [rows, g.constant("inner", np.array([heads * head_size], np.int64))], axis=0)
    for layer in range(shape.layers):
        name = f"/model/decoder/layers.{layer}"
        stem = f"model.decoder.layers.{layer}"
        past = (
            [g.input(f"past_{part}.{layer}", "float32", "beams", heads, "past", head_size) for part in ("key", "value")]
            if looks is None
            else []
        )
        audio = [g.input(f"{part}.{layer}", "float32", 1, heads, "frames", head_size) for part in ("key", "value")]

        normed = _norm(g, hidden, weights, f"{stem}.input_layernorm")
        joined = _join([weights.matrix(f"{name}/self_attn/{part}_proj/MatMul_output_0") for part in "qkv"])
        flat = _multiply(g, g.node("DynamicQuantizeLinear", [normed], 3), f"self.{layer}", joined)
        query, key, value = g.node("Split", [flat], 3, axis=-1, num_outputs=3)
        turned = [
            g.node(
                "RotaryEmbedding", [each, *rotation], contributed=True,
                interleaved=1, num_heads=heads, rotary_embedding_dim=shape.rotary,
            )[0]
            for each in (query, key)
        ]  # fmt: skip
        attended, *present = g.node(
            "MultiHeadAttention", [*turned, value, "", "", "", *past],
            [f"attended.{layer}", f"present_key.{layer}", f"present_value.{layer}"], contributed=True,
            num_heads=heads, scale=scale, unidirectional=1,
        )  # fmt: skip
        if looks is None:
            for each in present:
                g.output(each, "float32", "beams", heads, "so far", head_size)
        hidden = _add(g, hidden, _dense(g, attended, weights, f"{name}/self_attn/o_proj/MatMul_output_0"))

        # Nothing in the cross-attention depends on which beam or position a query comes from, so all are one sequence.
        normed = _norm(g, hidden, weights, f"{stem}.post_attention_layernorm")
        query = _dense(g, normed, weights, f"{name}/encoder_attn/q_proj/MatMul_output_0")
        (query,) = g.node("Reshape", [query, as_one])
        if looks is not None:
            looks.append(_look(g, query, audio[0], heads, head_size))
        (attended,) = g.node("MultiHeadAttention", [query, *audio], contributed=True, num_heads=heads, scale=scale)
        (attended,) = g.node("Reshape", [attended, attended_shape])
        hidden = _add(g, hidden, _dense(g, attended, weights, f"{name}/encoder_attn/o_proj/MatMul_output_0"))

        normed = _norm(g, hidden, weights, f"{stem}.final_layernorm")
        wide = _dense(g, normed, weights, f"{name}/mlp/fc1/Add_output_0", bias=f"{stem}.mlp.fc1.bias_merged_0")
        content, gate = g.node("Split", [wide], 2, axis=-1, num_outputs=2)
        (opening,) = g.node("Sigmoid", [gate])
        (gate,) = g.node("Mul", [gate, opening])
        (gated,) = g.node("Mul", [gate, content])
        narrow = _dense(g, gated, weights, f"{name}/mlp/fc2/Add_output_0", bias=f"{stem}.mlp.fc2.bias_merged_0")
        hidden = _add(g, hidden, narrow)
    return hidden


def _look(g: GraphBuilder, query: str, key: str, heads: int, head_size: int) -> str:
    """Queries ``[1, n, heads * size]``, keys ``[1, heads, frames, size]`` → the mean attention ``[n, frames]``."""
    (split,) = g.node("Reshape", [query, g.constant(f"{query}.split", np.array([-1, heads, head_size], np.int64))])
    (turned,) = g.node("Transpose", [split], perm=[1, 0, 2])
    (alone,) = g.node("Reshape", [key, g.constant(f"{query}.alone", np.array([heads, -1, head_size], np.int64))])
    (upright,) = g.node("Transpose", [alone], perm=[0, 2, 1])
    (products,) = g.node("MatMul", [turned, upright])
    (scaled,) = g.node("Mul", [products, g.constant(f"{query}.scale", np.array(head_size**-0.5, np.float32))])
    (shares,) = g.node("Softmax", [scaled], axis=-1)
    axis = g.constant(f"{query}.axis", np.array([0], np.int64))
    return g.node("ReduceMean", [shares, axis], keepdims=0)[0]


def _embed(g: GraphBuilder, weights: Weights, tokens: str) -> str:
    stem = "model.decoder.embed_tokens.weight_merged_0"
    if weights.has(stem):
        return g.node("Gather", [g.constant("embedding", weights.tensor(stem)), tokens], axis=0)[0]
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
        np.concatenate([np.full(width, m.zero_point, m.values.dtype) for m in matrices]),
    )


def _add(g: GraphBuilder, a: str, b: str) -> str:
    return g.node("Add", [a, b])[0]
