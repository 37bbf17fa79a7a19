"""Moonshine models that are made on the spot, with the files, graphs and names of published ones.

The larger one is the embedded model with a decoder of more layers and wider heads that computes the same, so it says
the same. The streaming one is small and invented: it says a word for every 200 ms of speech, which one depends on the
sound there and a little on the words before, and ends with the audio.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from dragoman.codecs.onnx_graph import GraphBuilder
from dragoman.engines.moonshine.decoder_graph import QuantisedMatrix, Shape, Weights
from dragoman.engines.moonshine.tokenizer import Tokenizer

LAYERS: Final = 7
HEAD_SIZE: Final = 40
"""Of the larger model; the embedded one has 6 layers, and heads of 36."""
WIDTH: Final = 24
HEADS: Final = 2
DEPTH: Final = 2
LOOKAHEAD: Final = 4
"""Of the streaming model."""
VOCABULARY: Final = 32_900
"""More than there are pieces, and no multiple of 128."""
_FRAMES_A_WORD: Final = 10
_WORDS: Final = 300
_SHARP: Final = 15.0
"""How much more it likes one word than another."""


def embedded_folder() -> Path:
    spec = importlib.util.find_spec("moonshine_voice")
    assert spec is not None
    return Path(str(spec.origin)).parent / "assets" / "tiny-en"


@cache
def larger_folder() -> Path:
    return save_larger(_folder("moonshine-base-en"))


@cache
def streaming_folder() -> Path:
    return save_streaming(_folder("moonshine-small-streaming-en"))


def _folder(name: str) -> Path:
    """Removed at the end."""
    directory = tempfile.TemporaryDirectory(prefix="moonshine-")
    atexit.register(directory.cleanup)
    return Path(directory.name, name)


def save(graph: GraphBuilder, path: Path) -> None:
    """In onnxruntime's own format."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.log_severity_level = 3
    ort.InferenceSession(graph.model(), options, providers=["CPUExecutionProvider"])


def save_larger(folder: Path, *, found: bool = True, epsilon: float = 1e-5) -> Path:
    """``found``: its weights lie where the embedded model has them. ``epsilon`` of its norms; that of the embedded
    model is this one."""
    folder.mkdir(parents=True)
    for name in ("encoder_model.ort", "tokenizer.bin"):
        shutil.copy(embedded_folder() / name, folder / name)
    weights = Weights(embedded_folder() / "decoder_model_merged.ort")
    save(_LargerDecoder(weights, "" if found else "elsewhere", epsilon).graph, folder / "decoder_model_merged.ort")
    return folder


def save_streaming(folder: Path, *, apart: bool = False) -> Path:
    """``apart``: the weights of the frontend are a file of their own, as newer releases have it."""
    folder.mkdir(parents=True)
    shutil.copy(embedded_folder() / "tokenizer.bin", folder / "tokenizer.bin")
    config = {
        "encoder_dim": WIDTH, "decoder_dim": WIDTH, "depth": DEPTH, "nheads": HEADS, "head_dim": WIDTH // HEADS,
        "vocab_size": VOCABULARY, "bos_id": 1, "eos_id": 2, "frame_len": 80, "total_lookahead": LOOKAHEAD,
        "d_model_frontend": WIDTH, "c1": 2 * WIDTH, "c2": WIDTH, "frontend_state_shapes": {"sample_buffer": [1, 79]},
    }  # fmt: skip
    (folder / "streaming_config.json").write_text(json.dumps(config))
    random = np.random.default_rng(0)
    weights = {
        "melspec": _draw(random, 80, WIDTH, scale=0.15),
        "conv1": _draw(random, 2 * WIDTH, WIDTH, 5, scale=0.1),
        "conv2": _draw(random, WIDTH, 2 * WIDTH, 5, scale=0.1),
    }
    if apart:
        save(_blob(weights), folder / "frontend.weights.ort")
    save(_frontend(weights, apart), folder / ("frontend.model.ort" if apart else "frontend.ort"))
    save(_encoder(random), folder / "encoder.ort")
    save(_adapter(), folder / "adapter.ort")
    save(_cross(), folder / "cross_kv.ort")
    save(_decoder(random), folder / "decoder_kv.ort")
    return folder


class _LargerDecoder:
    """One branch where published files have two, so it computes the keys of the audio each time. ``prefix`` comes
    before the names by which weights are found."""

    def __init__(self, weights: Weights, prefix: str, epsilon: float) -> None:
        self.graph = g = GraphBuilder()
        self._epsilon = epsilon
        self._weights = weights
        self._shape = shape = Shape.of(weights)
        self._prefix = prefix
        tokens = g.input("input_ids", "int64", "batch", "new")
        self._states = g.input("encoder_hidden_states", "float32", "batch", "frames", shape.width)
        g.input("encoder_attention_mask", "int64", "batch", "samples")
        g.input("use_cache_branch", "bool", 1)
        past = {
            f"{layer}.{part}": g.input(
                f"past_key_values.{layer}.{part}", "float32", "batch", shape.heads, part, HEAD_SIZE
            )
            for layer in range(LAYERS)
            for part in ("decoder.key", "decoder.value", "encoder.key", "encoder.value")
        }
        stem = "model.decoder.embed_tokens.weight_merged_0"
        values, scale, zero = (weights.tensor(stem + part) for part in ("_quantized", "_scale", "_zero_point"))
        floats = ((values.astype(np.float32) - zero) * scale).astype(np.float32)
        (hidden,) = g.node("Gather", [g.constant(prefix + stem, floats), tokens], axis=0)
        (position,) = g.node("Shape", [past["0.decoder.key"]], start=2, end=3)
        rotation = [position, *self._tables(shape.rotary // 2)]
        for layer in range(LAYERS):
            hidden = self._layer(
                layer, hidden, rotation, [past[f"{layer}.decoder.{part}"] for part in ("key", "value")]
            )
            for part in ("decoder.key", "decoder.value", "encoder.key", "encoder.value"):
                g.output(f"present.{layer}.{part}", "float32", "batch", shape.heads, f"present {part}", HEAD_SIZE)
        normed = self._norm(hidden, "model.decoder.norm", "model.decoder.norm")
        logits = self._dense(normed, weights.matrix("logits"), "logits")
        if prefix:
            g.node("Identity", [logits], ["logits"])
        g.output("logits", "float32", "batch", "new", shape.vocabulary)

    def _tables(self, half: int) -> list[str]:
        g = self.graph
        frequencies = (10000.0 ** (-np.arange(half) / half)).astype(np.float32).reshape(1, half, 1)
        sizes = g.constant("once", np.array([1, half, 1], np.int64))
        outputs = [f"{self._prefix}/model/decoder/rotary_emb/Expand_output_0"]
        (expanded,) = g.node("Expand", [g.constant("frequencies", frequencies), sizes], outputs)
        (angles,) = g.node("MatMul", [expanded, g.constant("places", np.arange(512, dtype=np.float32)[None, None])])
        (turned,) = g.node("Transpose", [angles], perm=[0, 2, 1])
        (table,) = g.node("Reshape", [turned, g.constant("table", np.array([512, half], np.int64))])
        return [g.node(operator, [table])[0] for operator in ("Cos", "Sin")]

    def _layer(self, layer: int, hidden: str, rotation: list[str], past: list[str]) -> str:
        """Those that the embedded model does not have add nothing."""
        g, heads, shape = self.graph, self._shape.heads, self._shape
        idle, kept = layer >= shape.layers, min(layer, shape.layers - 1)
        stem, theirs = f"model.decoder.layers.{layer}", f"model.decoder.layers.{kept}"
        attend = {"num_heads": heads, "scale": HEAD_SIZE**-0.5}

        def dense(x: str, where: str, change: Any = lambda matrix: matrix, bias: str = "") -> str:
            matrix = change(self._weights.matrix(f"/model/decoder/layers.{kept}/{where}"))
            added = self._weights.tensor(f"{theirs}.{bias}") if bias else None
            if idle and where.startswith(("self_attn/o", "encoder_attn/o", "mlp/fc2")):
                matrix = QuantisedMatrix(
                    np.full_like(matrix.values, matrix.zero_point), matrix.scale, matrix.zero_point
                )
                added = added if added is None else added * 0
            named = "" if added is None else g.constant(f"{self._prefix}{stem}.{bias}", added)
            return self._dense(x, matrix, f"/model/decoder/layers.{layer}/{where}", named)

        def wider(matrix: QuantisedMatrix, factor: float = 1.0) -> QuantisedMatrix:
            split = matrix.values.reshape(-1, heads, shape.head_size)
            more = ((0, 0), (0, 0), (0, HEAD_SIZE - shape.head_size))
            values = np.pad(split, more, constant_values=matrix.zero_point).reshape(len(split), -1)
            return QuantisedMatrix(values, (matrix.scale * factor).astype(np.float32), matrix.zero_point)

        def longer(matrix: QuantisedMatrix) -> QuantisedMatrix:
            """Queries, whose products are divided by more."""
            return wider(matrix, (HEAD_SIZE / shape.head_size) ** 0.5)

        def taller(matrix: QuantisedMatrix) -> QuantisedMatrix:
            turned = wider(QuantisedMatrix(matrix.values.T, matrix.scale, matrix.zero_point))
            return QuantisedMatrix(np.ascontiguousarray(turned.values.T), matrix.scale, matrix.zero_point)

        normed = self._norm(hidden, f"{stem}.input_layernorm", f"{theirs}.input_layernorm")
        query, key, value = (
            dense(normed, f"self_attn/{part}_proj/MatMul_output_0", longer if part == "q" else wider) for part in "qkv"
        )
        query, key = (
            g.node("RotaryEmbedding", [each, *rotation], contributed=True, interleaved=1, num_heads=heads,
                   rotary_embedding_dim=shape.rotary)[0]
            for each in (query, key)
        )  # fmt: skip
        outputs = [f"attended.{layer}", f"present.{layer}.decoder.key", f"present.{layer}.decoder.value"]
        inputs = [query, key, value, "", "", "", *past]
        attended = g.node("MultiHeadAttention", inputs, outputs, contributed=True, unidirectional=1, **attend)[0]
        hidden = g.node("Add", [hidden, dense(attended, "self_attn/o_proj/MatMul_output_0", taller)])[0]

        normed = self._norm(hidden, f"{stem}.post_attention_layernorm", f"{theirs}.post_attention_layernorm")
        query = dense(normed, "encoder_attn/q_proj/MatMul_output_0", longer)
        split = g.constant(f"split.{layer}", np.array([0, -1, heads, HEAD_SIZE], np.int64))
        audio = []
        for part in ("key", "value"):
            flat = dense(self._states, f"encoder_attn/{part[0]}_proj/MatMul_output_0", wider)
            (divided,) = g.node("Reshape", [flat, split])
            audio += g.node("Transpose", [divided], [f"present.{layer}.encoder.{part}"], perm=[0, 2, 1, 3])
        (attended,) = g.node("MultiHeadAttention", [query, *audio], contributed=True, **attend)
        hidden = g.node("Add", [hidden, dense(attended, "encoder_attn/o_proj/MatMul_output_0", taller)])[0]

        normed = self._norm(hidden, f"{stem}.final_layernorm", f"{theirs}.final_layernorm")
        wide = dense(normed, "mlp/fc1/Add_output_0", bias="mlp.fc1.bias_merged_0")
        content, gate = g.node("Split", [wide], 2, axis=-1, num_outputs=2)
        (opening,) = g.node("Sigmoid", [gate])
        (gate,) = g.node("Mul", [gate, opening])
        (gated,) = g.node("Mul", [gate, content])
        return g.node("Add", [hidden, dense(gated, "mlp/fc2/Add_output_0", bias="mlp.fc2.bias_merged_0")])[0]

    def _norm(self, x: str, name: str, theirs: str) -> str:
        scale = self.graph.constant(
            f"{self._prefix}{name}.weight_merged_0", self._weights.tensor(f"{theirs}.weight_merged_0")
        )
        return self.graph.node("LayerNormalization", [x, scale], axis=-1, epsilon=self._epsilon)[0]

    def _dense(self, x: str, matrix: QuantisedMatrix, output: str, bias: str = "") -> str:
        g, name = self.graph, f"matrix of {output}"
        parts = {"quantized": matrix.values, "scale": matrix.scale, "zero_point": matrix.zero_point}
        inputs = [x, *(g.constant(f"{name}_{part}", array) for part, array in parts.items())]
        return g.node("DynamicQuantizeMatMul", [*inputs, bias], [self._prefix + output], contributed=True)[0]


def _draw(random: np.random.Generator, *shape: int, scale: float) -> np.ndarray:
    return (scale * random.standard_normal(shape)).astype(np.float32)


def _blob(weights: dict[str, np.ndarray]) -> GraphBuilder:
    g = GraphBuilder()
    for name, array in weights.items():
        g.node("Identity", [g.constant(f"{name}.value", array)], [name])
        g.output(name, "float32", *array.shape)
    return g


def _frontend(weights: dict[str, np.ndarray], apart: bool) -> GraphBuilder:
    """Frames of 80 samples, each at its own level; then two convolutions that halve them and remember what came
    before."""
    g = GraphBuilder()
    audio = g.input("audio_chunk", "float32", 1, "samples")
    rest = g.input("sample_buffer", "float32", 1, 79)
    length = g.input("sample_len", "int64", 1)
    before1 = g.input("conv1_buffer", "float32", 1, WIDTH, 4)
    before2 = g.input("conv2_buffer", "float32", 1, 2 * WIDTH, 4)
    count = g.input("frame_count", "int64", 1)
    melspec, conv1, conv2 = (
        g.input(name, "float32", *array.shape) if apart else g.constant(name, array) for name, array in weights.items()
    )
    zero, one, end = (g.constant(f"at {value}", np.array([value], np.int64)) for value in (0, 1, 2**40))
    (kept,) = g.node("Slice", [rest, zero, length, one])
    (whole,) = g.node("Concat", [kept, audio], axis=1)
    (size,) = g.node("Shape", [whole], start=1)
    (frames,) = g.node("Div", [size, g.constant("frame", np.array([80], np.int64))])
    (used,) = g.node("Mul", [frames, g.constant("frame again", np.array([80], np.int64))])
    (taken,) = g.node("Slice", [whole, zero, used, one])
    (cut,) = g.node("Reshape", [taken, g.constant("cut", np.array([1, -1, 80], np.int64))])
    (level,) = g.node("LayerNormalization", [cut, g.constant("level", np.ones(80, np.float32))], axis=-1)
    (hidden,) = g.node("MatMul", [level, melspec])
    (hidden,) = g.node("Tanh", [hidden])
    (hidden,) = g.node("Transpose", [hidden], perm=[0, 2, 1])
    (first,) = g.node("Concat", [before1, hidden], axis=2)
    (halved,) = g.node("Conv", [first, conv1], strides=[2], kernel_shape=[5])
    (halved,) = g.node("Tanh", [halved])
    (second,) = g.node("Concat", [before2, halved], axis=2)
    (features,) = g.node("Conv", [second, conv2], strides=[2], kernel_shape=[5])
    g.node("Transpose", [features], ["features"], perm=[0, 2, 1])
    (left,) = g.node("Slice", [whole, used, end, one])
    (padded,) = g.node("Concat", [left, g.constant("silence", np.zeros((1, 79), np.float32))], axis=1)
    g.node("Slice", [padded, zero, g.constant("most", np.array([79], np.int64)), one], ["sample_buffer_out"])
    g.node("Sub", [size, used], ["sample_len_out"])
    last, two = (g.constant(f"at {value}", np.array([value], np.int64)) for value in (-4, 2))
    g.node("Slice", [first, last, end, two], ["conv1_buffer_out"])
    g.node("Slice", [second, last, end, two], ["conv2_buffer_out"])
    g.node("Add", [count, frames], ["frame_count_out"])
    g.output("features", "float32", 1, "frames", WIDTH)
    g.output("sample_buffer_out", "float32", 1, 79)
    g.output("sample_len_out", "int64", 1)
    g.output("conv1_buffer_out", "float32", 1, WIDTH, 4)
    g.output("conv2_buffer_out", "float32", 1, 2 * WIDTH, 4)
    g.output("frame_count_out", "int64", 1)
    return g


def _encoder(random: np.random.Generator) -> GraphBuilder:
    """Each layer sees 16 frames back and a few ahead, as far as there are any."""
    g = GraphBuilder()
    features = g.input("features", "float32", 1, "frames", WIDTH)
    (hidden,) = g.node("Transpose", [features], perm=[0, 2, 1])
    ahead = LOOKAHEAD // DEPTH
    for layer in range(DEPTH):
        kernel = _draw(random, WIDTH, WIDTH, 17 + ahead, scale=0.02)
        kernel[range(WIDTH), range(WIDTH), 16] += 1.0
        name = g.constant(f"kernel.{layer}", kernel)
        (hidden,) = g.node("Conv", [hidden, name], pads=[16, ahead], kernel_shape=[17 + ahead])
    g.node("Transpose", [hidden], ["encoded"], perm=[0, 2, 1])
    g.output("encoded", "float32", 1, "frames", WIDTH)
    return g


def _adapter() -> GraphBuilder:
    """The last number of a state becomes its place in the audio."""
    g = GraphBuilder()
    encoded = g.input("encoded", "float32", 1, "frames", WIDTH)
    offset = g.input("pos_offset", "int64", 1)
    table = np.arange(4096, dtype=np.float32)[:, None] * np.eye(WIDTH, dtype=np.float32)[-1]
    only = 1 - np.eye(WIDTH, dtype=np.float32)[-1]
    (size,) = g.node("Shape", [encoded], start=1, end=2)
    (stop,) = g.node("Add", [offset, size])
    zero, one = (g.constant(f"at {value}", np.array([value], np.int64)) for value in (0, 1))
    (places,) = g.node("Slice", [g.constant("table", table), offset, stop, zero, one])
    (rest,) = g.node("Mul", [encoded, g.constant("only", only)])
    g.node("Add", [rest, places], ["memory"])
    g.output("memory", "float32", 1, "frames", WIDTH)
    return g


def _cross() -> GraphBuilder:
    """Keys and values are the memory itself, in each layer."""
    g = GraphBuilder()
    memory = g.input("memory", "float32", 1, "frames", WIDTH)
    (split,) = g.node("Reshape", [memory, g.constant("split", np.array([1, -1, HEADS, WIDTH // HEADS], np.int64))])
    (heads,) = g.node("Transpose", [split], perm=[0, 2, 1, 3])
    (layer,) = g.node("Unsqueeze", [heads, g.constant("axis", np.array([0], np.int64))])
    for name in ("k_cross", "v_cross"):
        g.node("Concat", [layer] * DEPTH, [name], axis=0)
        g.output(name, "float32", DEPTH, 1, HEADS, "frames", WIDTH // HEADS)
    return g


def _decoder(random: np.random.Generator) -> GraphBuilder:
    """The word at each position is what the frames of its 200 ms are most like, and a little what the words before it
    were; past the last frame it is the end."""
    g = GraphBuilder()
    head = WIDTH // HEADS
    tokens = g.input("token", "int64", 1, "new")
    past = [g.input(name, "float32", DEPTH, 1, HEADS, "past", head) for name in ("k_self", "v_self")]
    g.input("out_k_cross", "float32", DEPTH, 1, HEADS, "frames", head)
    memory = g.input("out_v_cross", "float32", DEPTH, 1, HEADS, "frames", head)
    embedding = g.constant("embedding", _draw(random, VOCABULARY, WIDTH, scale=0.3))
    (said,) = g.node("Gather", [embedding, tokens], axis=0)
    (split,) = g.node("Reshape", [said, g.constant("split", np.array([1, -1, HEADS, head], np.int64))])
    (new,) = g.node("Transpose", [split], perm=[0, 2, 1, 3])
    (new,) = g.node("Unsqueeze", [new, g.constant("axis", np.array([0], np.int64))])
    (new,) = g.node("Concat", [new] * DEPTH, axis=0)
    for before, name in zip(past, ("out_k_self", "out_v_self"), strict=True):
        g.node("Concat", [before, new], [name], axis=3)
        g.output(name, "float32", DEPTH, 1, HEADS, "so far", head)
    # [1, WIDTH, so far]: running sums of what was said, weighted so that the last words count most
    (first,) = g.node("Gather", ["out_v_self", g.constant("zero", np.array(0, np.int64))], axis=0)
    (history,) = g.node("Transpose", [first], perm=[0, 1, 3, 2])
    (history,) = g.node("Reshape", [history, g.constant("joined", np.array([1, WIDTH, -1], np.int64))])
    mean = np.zeros((WIDTH, WIDTH, 3), np.float32)
    mean[range(WIDTH), range(WIDTH)] = 0.05
    (recent,) = g.node("Conv", [history, g.constant("recent", mean)], pads=[2, 0], kernel_shape=[3])
    (recent,) = g.node("Transpose", [recent], perm=[0, 2, 1])
    (known,) = g.node("Shape", [past[0]], start=3, end=4)
    zero, one, end, axis = (
        g.constant(f"the {name}", np.array([value], np.int64))
        for name, value in (("zero", 0), ("one", 1), ("end", 2**40), ("axis", 1))
    )
    (recent,) = g.node("Slice", [recent, known, end, axis])

    (heard,) = g.node("Gather", [memory, g.constant("layer", np.array(0, np.int64))], axis=0)
    (heard,) = g.node("Transpose", [heard], perm=[0, 1, 3, 2])
    (heard,) = g.node("Reshape", [heard, g.constant("together", np.array([1, WIDTH, -1], np.int64))])
    (present,) = g.node(
        "Mul", [g.node("Slice", [heard, zero, one, axis])[0], g.constant("nothing", np.zeros(1, np.float32))]
    )
    (present,) = g.node("Add", [present, g.constant("something", np.ones(1, np.float32))])
    (heard,) = g.node("Concat", [heard, present], axis=1)
    later = g.constant("later", np.array([0, 0, 0, 0, 0, 4096], np.int64))
    (heard,) = g.node("Pad", [heard, later])
    (means,) = g.node("AveragePool", [heard], kernel_shape=[_FRAMES_A_WORD], strides=[_FRAMES_A_WORD])
    (means,) = g.node("Transpose", [means], perm=[0, 2, 1])
    (now,) = g.node("Shape", [tokens], start=1)
    (until,) = g.node("Add", [known, now])
    (means,) = g.node("Slice", [means, known, until, axis])
    zeros = g.constant("no one", np.zeros((1, 1, 1), np.float32))
    (widened,) = g.node("Pad", [recent, g.constant("beside", np.array([0, 0, 0, 0, 0, 1], np.int64))])
    (both,) = g.node("Add", [g.node("Add", [means, widened])[0], zeros])
    g.node("MatMul", [both, g.constant("words", _words(random))], ["scores"])
    g.node("Add", ["scores", g.constant("unsaid", _unsaid())], ["logits"])
    g.output("logits", "float32", 1, "new", VOCABULARY)
    return g


@cache
def spoken_tokens() -> tuple[int, ...]:
    """Those that the streaming model ever says: whole words."""
    tokenizer = Tokenizer.read(embedded_folder() / "tokenizer.bin")
    words = [
        token for token, piece in enumerate(tokenizer.pieces)
        if piece.startswith(b"\xe2\x96\x81") and piece[3:].isalpha() and piece[3:].islower() and len(piece) > 6
    ]  # fmt: skip
    return tuple(words[: _WORDS * 20 : 20])


def _words(random: np.random.Generator) -> np.ndarray:
    """``[WIDTH + 1, VOCABULARY]``: what each word is like; where there is sound the end is unlike it."""
    matrix = np.zeros((WIDTH + 1, VOCABULARY), np.float32)
    chosen = list(spoken_tokens())
    matrix[: WIDTH - 1, chosen] = _draw(random, WIDTH - 1, len(chosen), scale=1.0) * _SHARP
    matrix[WIDTH, chosen] = 60.0
    return matrix


def _unsaid() -> np.ndarray:
    bias = np.full(VOCABULARY, -60.0, np.float32)
    bias[list(spoken_tokens())] = -30.0
    bias[2] = 0.0
    return bias
