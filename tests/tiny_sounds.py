"""Models for sherpa-onnx that are made on the spot: one that tags audio, and a Whisper that tells languages apart.

The tagger's answer is known: what is low is music, what is high is applause, everything is speech besides. The
Whisper's is not, but it depends on all of the audio.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pytest

from dragoman.codecs.onnx_graph import GraphBuilder
from dragoman.core.ports import SAMPLE_RATE
from tiny_sherpa import with_metadata

Floats = npt.NDArray[np.float32]

LABELS: Final = ("Speech", "Music", "Applause", "Silence", "Male speech, man speaking")
MUSIC_HZ: Final = 300.0
APPLAUSE_HZ: Final = 6_000.0
LANGUAGES: Final = ("en", "zh", "de", "haw", "jw", "cs")
"""Whisper's codes, of which one has none in ISO 639-1 and another a different one."""
_BANDS: Final = {"zipformer": 80, "ced": 64}
_VOCABULARY: Final = 24
_WIDTH: Final = 8
_CONTEXT: Final = 16
_START: Final = 10


def tone(hertz: float, seconds: float, level: float = 0.5) -> Floats:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def save_tiny_tagger(folder: Path, kind: Literal["zipformer", "ced"] = "zipformer", bands: int | None = None) -> Path:
    """``bands``: other features than models of this kind have. Skips the test where the extra is not installed."""
    pytest.importorskip("sherpa_onnx", reason="the extra sherpa is not installed: pip install 'dragoman[sherpa]'")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(_tagger(bands or _BANDS[kind], is_ced=kind == "ced"))
    lines = [f'{index},/m/{index},"{label}"' for index, label in enumerate(LABELS)]
    (folder / "class_labels_indices.csv").write_text("\n".join(["index,mid,display_name", *lines, ""]))
    return folder


def _tagger(bands: int, *, is_ced: bool) -> bytes:
    """The mean of each band over the time → how much more there is in the lower half than in the upper."""
    graph = GraphBuilder()
    if is_ced:
        features, time = graph.input("input", "float32", "N", bands, "T"), 2
    else:
        features, time = graph.input("x", "float32", "N", "T", bands), 1
        graph.input("x_lens", "int64", "N")
    axes = graph.constant("axes", np.array([time], np.int64))
    (means,) = graph.node("ReduceMean", [features, axes], keepdims=0)
    lower = np.where(np.arange(bands) < bands // 2, 2.0, -2.0) / bands
    weights = np.zeros((bands, len(LABELS)), np.float32)
    weights[:, 1], weights[:, 2] = 2 * lower, -2 * lower
    bias = np.array([2.0, -2.0, -2.0, 1.0, 2.0], np.float32)
    (mixed,) = graph.node("MatMul", [means, graph.constant("weights", weights)])
    (logits,) = graph.node("Add", [mixed, graph.constant("bias", bias)])
    graph.node("Sigmoid", [logits], ["probs"])
    graph.output("probs", "float32", "N", len(LABELS))
    return graph.model()


def save_tiny_identifier(folder: Path, **changed: str | None) -> Path:
    """``changed``: metadata of the encoder that is different, or left out."""
    described = {
        "model_type": "whisper-tiny",
        "n_mels": "80",
        "n_text_layer": "1",
        "n_text_ctx": str(_CONTEXT),
        "n_text_state": str(_WIDTH),
        "n_vocab": str(_VOCABULARY),
        "sot": str(_START),
        "eot": "9",
        "blank_id": "0",
        "translate": "20",
        "transcribe": "21",
        "no_speech": "22",
        "no_timestamps": "23",
        "sot_sequence": f"{_START},{_START + 1},21",
        "is_multilingual": "1",
        "all_language_tokens": ",".join(str(_START + 1 + place) for place in range(len(LANGUAGES))),
        "all_language_codes": ",".join(LANGUAGES),
    }
    kept = {key: value for key, value in (described | changed).items() if value is not None}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny-encoder.onnx").write_bytes(with_metadata(_encoder(), kept))
    (folder / "tiny-decoder.onnx").write_bytes(_decoder())
    return folder


def _encoder() -> bytes:
    random = np.random.default_rng(0)
    graph = GraphBuilder()
    mel = graph.input("mel", "float32", "N", 80, "T")
    (frames,) = graph.node("Transpose", [mel], perm=[0, 2, 1])
    layer = graph.constant("layer", np.zeros(1, np.int64))
    for name in ("n_layer_cross_k", "n_layer_cross_v"):
        weights = graph.constant(f"{name}_weights", random.standard_normal((80, _WIDTH)).astype(np.float32))
        (states,) = graph.node("MatMul", [frames, weights])
        graph.node("Unsqueeze", [states, layer], [name])
        graph.output(name, "float32", 1, "N", "T", _WIDTH)
    return graph.model()


def _decoder() -> bytes:
    """The mean of the values over the time → logits; it remembers nothing."""
    random = np.random.default_rng(1)
    graph = GraphBuilder()
    graph.input("tokens", "int64", "N", "tokens")
    for part in "kv":
        graph.input(f"in_n_layer_self_{part}_cache", "float32", 1, "N", _CONTEXT, _WIDTH)
    graph.input("n_layer_cross_k", "float32", 1, "N", "T", _WIDTH)
    values = graph.input("n_layer_cross_v", "float32", 1, "N", "T", _WIDTH)
    graph.input("offset", "int64", 1)
    axes = graph.constant("axes", np.array([0, 2], np.int64))
    (mean,) = graph.node("ReduceMean", [values, axes], keepdims=0)
    weights = graph.constant("weights", (0.1 * random.standard_normal((_WIDTH, _VOCABULARY))).astype(np.float32))
    (logits,) = graph.node("MatMul", [mean, weights])
    graph.node("Unsqueeze", [logits, graph.constant("place", np.ones(1, np.int64))], ["logits"])
    graph.output("logits", "float32", "N", 1, _VOCABULARY)
    for part in "kv":
        graph.node("Identity", [f"in_n_layer_self_{part}_cache"], [f"out_n_layer_self_{part}_cache"])
        graph.output(f"out_n_layer_self_{part}_cache", "float32", 1, "N", _CONTEXT, _WIDTH)
    return graph.model()
