"""Models for sherpa-onnx that are made on the spot: the real formats, around a network that names frequency bands.

Each word stands for a band of the spectrum; it is said when the band becomes the loudest by far, so a melody of tones
says a known sentence, and speech says something or other. ``RIVAL`` is nearly as likely as ``FAVOURITE``.
"""

from __future__ import annotations

import atexit
import base64
import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from dragoman.codecs.onnx_graph import GraphBuilder
from dragoman.engines.sherpa.library import Resources
from dragoman.engines.sherpa.network import SherpaNetwork

BANDS: Final = 9
_FIRST_BIN: Final = 8
_BINS: Final = 80
_BAND: Final = 8
"""Bins of a band."""
WORDS: Final = ("▁ALPHA", "▁BRAVO", "▁CHARLIE", "▁DELTA", "▁ECHO", "▁FOX", "TROT", "▁GOLF", "▁HOTEL")
"""Of the bands, from the lowest to the highest; the one without ▁ goes on with a word."""
FAVOURITE: Final = "▁DELTA"
RIVAL: Final = "▁DONAU"
ZH_WORDS: Final = ("你", "好", "我", "们", "在", "这", "里", "。", "人")
_SCALE: Final = 6.0
"""How sure the model is."""
_LEAD: Final = 1.2
"""By so many nats a band has to be louder than all."""
_BEHIND: Final = 0.1
"""By so many nats the rival comes too late."""
_STRICT: Final = 30.0
"""So much less likely than they are behind are all bands but the loudest."""
_TAIL: Final = 1000
"""Frames of silence that the library adds for Whisper."""
_CHUNK: Final = 32
"""Frames, of 10 ms."""
_FRAMES: Final = _CHUNK + 13
_LANGUAGES: Final = ("en", "zh", "de", "jw", "haw")


def melody(*bands: int, seconds: float = 0.32) -> np.ndarray:
    """A tone in the middle of each band, one after the other."""
    edges = 700 * (10 ** (np.linspace(_mel(20), _mel(7600), _BINS + 2) / 2595) - 1)
    hertz = [edges[1 + _FIRST_BIN + band * _BAND + _BAND // 2] for band in bands]
    time = np.arange(round(seconds * 16_000)) / 16_000
    tones = [np.sin(2 * np.pi * each * time) for each in hertz]
    return np.concatenate([0.3 * tone for tone in tones] or [time[:0]]).astype(np.float32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


@cache
def tiny_folder(kind: str) -> Path:
    """Made once, and removed at the end. Skips the test where the extra is not installed."""
    pytest.importorskip("sherpa_onnx", reason="the extra sherpa is not installed: pip install 'dragoman[sherpa]'")
    directory = tempfile.TemporaryDirectory(prefix="sherpa-")
    atexit.register(directory.cleanup)
    folder = Path(directory.name, f"tiny-{kind}")
    folder.mkdir()
    KINDS[kind](folder)
    return folder


def tiny_network(kind: str, *, idle_s: float | None = None, beam: int = 4) -> SherpaNetwork:
    return SherpaNetwork(tiny_folder(kind), Resources(idle_s=idle_s), beam=beam)


def with_metadata(model: bytes, entries: Mapping[str, object]) -> bytes:
    """Protocol buffers may be joined: fields that follow are added."""

    def field(number: int, value: bytes) -> bytes:
        assert len(value) < 2**14
        return bytes([number << 3 | 2, len(value) & 127 | 128, len(value) >> 7]) + value

    pairs = (field(1, key.encode()) + field(2, str(value).encode()) for key, value in entries.items())
    return model + b"".join(field(14, pair) for pair in pairs)


def _weights(
    size: int, blank: int, bands: Mapping[int, tuple[int, float]], lead: float = _LEAD
) -> tuple[np.ndarray, np.ndarray]:
    """``bands``: of a token its band, and how late it is. Bins → how likely each token is, and what is added."""
    kernel, bias = np.zeros((_BINS, size), np.float32), np.full(size, -100.0, np.float32)
    for token, (band, behind) in bands.items():
        first = _FIRST_BIN + band * _BAND
        kernel[:, token] = -_SCALE / _BINS
        kernel[first : first + _BAND, token] += _SCALE / _BAND
        bias[token] = -_SCALE * behind
    bias[blank] = _SCALE * lead
    return kernel, bias


def _once(size: int, bands: Mapping[int, tuple[int, float]]) -> np.ndarray:
    """What the last token takes away from each: all that are of its band."""
    last = np.zeros((size, size), np.float32)
    for token, other in itertools.product(bands, repeat=2):
        if bands[token][0] == bands[other][0]:
            last[token, other] = -1000.0
    return last


def _with_rival(words: Sequence[str], first: int) -> dict[int, tuple[int, float]]:
    """The words from token ``first`` on, and their rival behind them."""
    bands = {first + band: (band, 0.0) for band in range(len(words))}
    return bands | {first + len(words): (WORDS.index(FAVOURITE), _BEHIND)}


def _pooled(graph: GraphBuilder, features: str, frames: int, step: int) -> str:
    """``[n, t, bins]`` → means of every ``step`` frames, ``frames`` of them at most; 0: all."""
    zero, one = graph.constant("zero", np.array([0])), graph.constant("one", np.array([1]))
    if frames:
        stop = graph.constant("stop", np.array([frames * step]))
    else:
        shape = graph.node("Shape", [features])
        length = graph.node("Slice", [*shape, one, graph.constant("two", np.array([2]))])
        steps = graph.constant("steps", np.array([step]))
        (stop,) = graph.node("Mul", [*graph.node("Div", [*length, steps]), steps])
    whole = graph.node("Slice", [features, zero, stop, one])
    parts = graph.node("Reshape", [*whole, graph.constant("parts", np.array([0, -1, step, _BINS]))])
    return graph.node("ReduceMean", [*parts, graph.constant("at", np.array([2]))], keepdims=0)[0]


def _likely(graph: GraphBuilder, features: str, kernel: str, bias: str, name: str) -> None:
    """Means → log-odds of the tokens. Of several bands that are loud only the loudest counts."""
    (loud,) = graph.node("MatMul", [features, kernel])
    loudest = graph.node("ReduceMax", [loud, graph.constant("last_axis", np.array([-1]))])
    behind = graph.node("Mul", [*graph.node("Sub", [loud, *loudest]), graph.constant("strictly", np.float32(_STRICT))])
    (counted,) = graph.node("Mul", [*graph.node("Add", [loud, *behind]), _is_word(graph, kernel)])
    graph.node("Add", [counted, bias], [name])


def _is_word(graph: GraphBuilder, kernel: str) -> str:
    """1 for tokens that have a band, else 0."""
    sizes = graph.node("ReduceMax", [*graph.node("Abs", [kernel]), graph.constant("bin_axis", np.array([-2]))])
    return graph.node("Sign", sizes)[0]


def _constants(graph: GraphBuilder, kernel: np.ndarray, bias: np.ndarray) -> tuple[str, str]:
    return graph.constant("kernel", kernel), graph.constant("bias", bias)


def _decoder(size: int, last: np.ndarray) -> bytes:
    graph = GraphBuilder()
    graph.input("y", "int64", "N", 2)
    token = graph.node("Gather", ["y", graph.constant("at", np.array(1))], axis=1)
    zero = graph.constant("zero", np.array(0))
    graph.node("Gather", [graph.constant("last", last), *graph.node("Max", [*token, zero])], ["decoder_out"], axis=0)
    graph.output("decoder_out", "float32", "N", size)
    return with_metadata(graph.model(), {"vocab_size": size, "context_size": 2})


def _joiner(size: int) -> bytes:
    graph = GraphBuilder()
    graph.node("Add", [graph.input(n, "float32", "N", size) for n in ("encoder_out", "decoder_out")], ["logit"])
    graph.output("logit", "float32", "N", size)
    return graph.model()


def _save_tokens(path: Path, tokens: Sequence[str]) -> None:
    path.write_text("".join(f"{token} {at}\n" for at, token in enumerate(tokens)), encoding="utf-8")


def _save_pieces(path: Path, tokens: Sequence[str]) -> None:
    letters = sorted({letter for token in tokens for letter in token})
    pieces = [*("<unk>", "<s>", "</s>"), *tokens, *letters]
    path.write_text("".join(f"{piece}\t{-at}\n" for at, piece in enumerate(dict.fromkeys(pieces))), encoding="utf-8")


def save_transducer(
    folder: Path, words: Sequence[str] = WORDS, rival: str = RIVAL, *, streaming: bool = False, pieces: bool = True
) -> None:
    """A Zipformer, as icefall exports it."""
    spelt = [*words, rival]
    tokens = ["<blk>", "<sos/eos>", "<unk>", *spelt, *sorted({c for word in spelt for c in word} - set(spelt))]
    bands = _with_rival(words, 3)
    kernel, bias = _weights(len(tokens), 0, bands)
    encode = _streaming_encoder if streaming else _offline_encoder
    (folder / "encoder-epoch-1-avg-1.onnx").write_bytes(encode(len(tokens), kernel, bias))
    (folder / "decoder-epoch-1-avg-1.onnx").write_bytes(_decoder(len(tokens), _once(len(tokens), bands)))
    (folder / "joiner-epoch-1-avg-1.onnx").write_bytes(_joiner(len(tokens)))
    _save_tokens(folder / "tokens.txt", tokens)
    if pieces:
        _save_pieces(folder / "bpe.vocab", spelt)


def _offline_encoder(size: int, kernel: np.ndarray, bias: np.ndarray) -> bytes:
    graph = GraphBuilder()
    features = graph.input("x", "float32", "N", "T", _BINS)
    lengths = graph.input("x_lens", "int64", "N")
    _likely(graph, _pooled(graph, features, 0, 4), *_constants(graph, kernel, bias), "encoder_out")
    graph.node("Div", [lengths, graph.constant("four", np.array([4]))], ["encoder_out_lens"])
    graph.output("encoder_out", "float32", "N", "T_4", size)
    graph.output("encoder_out_lens", "int64", "N")
    return with_metadata(graph.model(), {"model_type": "zipformer2", "comment": "non-streaming zipformer2"})


def _streaming_encoder(size: int, kernel: np.ndarray, bias: np.ndarray) -> bytes:
    """One layer, whose memory is handed through."""
    graph = GraphBuilder()
    features = graph.input("x", "float32", "N", _FRAMES, _BINS)
    left, dim = 4, 8
    states: dict[str, tuple[int | str, ...]] = {
        "cached_key_0": (left, "N", dim),
        "cached_nonlin_attn_0": (1, "N", left, 3 * dim // 4),
        "cached_val1_0": (left, "N", dim),
        "cached_val2_0": (left, "N", dim),
        "cached_conv1_0": ("N", dim, 2),
        "cached_conv2_0": ("N", dim, 2),
        "embed_states": ("N", 128, 3, 19),
    }
    for name, shape in states.items():
        graph.input(name, "float32", *shape)
    lengths = graph.input("processed_lens", "int64", "N")
    _likely(graph, _pooled(graph, features, _CHUNK // 4, 4), *_constants(graph, kernel, bias), "encoder_out")
    graph.output("encoder_out", "float32", "N", _CHUNK // 4, size)
    for name, shape in states.items():
        graph.node("Identity", [name], [f"new_{name}"])
        graph.output(f"new_{name}", "float32", *shape)
    graph.node("Add", [lengths, graph.constant("chunk", np.array([_CHUNK // 2]))], ["new_processed_lens"])
    graph.output("new_processed_lens", "int64", "N")
    one_layer = {"encoder_dims": dim, "query_head_dims": dim, "value_head_dims": dim, "num_heads": 1}
    lengths_of = {"num_encoder_layers": 1, "cnn_module_kernels": 5, "left_context_len": left}
    sizes = {"T": _FRAMES, "decode_chunk_len": _CHUNK}
    return with_metadata(graph.model(), {"model_type": "zipformer2", **one_layer, **lengths_of, **sizes})


def save_nemo(folder: Path) -> None:
    """A token-and-duration transducer, as NeMo's Parakeet is exported."""
    spelt = [*WORDS, RIVAL]
    tokens = [*spelt, *sorted({letter for word in spelt for letter in word}), "<blk>"]
    size, durations = len(tokens), 5
    bands = _with_rival(WORDS, 0)
    kernel, bias = _weights(size, size - 1, bands)
    graph = GraphBuilder()
    features = graph.input("audio_signal", "float32", "N", _BINS, "T")
    lengths = graph.input("length", "int64", "N")
    (turned,) = graph.node("Transpose", [features], perm=[0, 2, 1])
    _likely(graph, _pooled(graph, turned, 0, 8), *_constants(graph, kernel, bias), "likely")
    graph.node("Transpose", ["likely"], ["outputs"], perm=[0, 2, 1])
    graph.node("Div", [lengths, graph.constant("eight", np.array([8]))], ["encoded_lengths"])
    graph.output("outputs", "float32", "N", size, "T_8")
    graph.output("encoded_lengths", "int64", "N")
    entries = {"vocab_size": size - 1, "normalize_type": "", "pred_rnn_layers": 1, "pred_hidden": 2}
    more = {"subsampling_factor": 8, "model_type": "EncDecRNNTBPEModel", "feat_dim": _BINS,
            "url": "parakeet-tdt"}  # fmt: skip
    (folder / "encoder.int8.onnx").write_bytes(with_metadata(graph.model(), {**entries, **more}))
    graph = GraphBuilder()
    targets, length = graph.input("targets", "int32", "N", "U"), graph.input("target_length", "int32", "N")
    states = [graph.input(f"states.{at}", "float32", 1, "N", 2) for at in (1, 2)]
    found = graph.node("Gather", [graph.constant("last", _once(size, bands)), targets], axis=0)
    graph.node("Transpose", found, ["outputs"], perm=[0, 2, 1])
    graph.node("Identity", [length], ["prednet_lengths"])
    graph.output("outputs", "float32", "N", size, "U")
    graph.output("prednet_lengths", "int32", "N")
    for state in states:
        graph.node("Identity", [state], [f"next_{state}"])
        graph.output(f"next_{state}", "float32", 1, "N", 2)
    (folder / "decoder.int8.onnx").write_bytes(graph.model())
    graph = GraphBuilder()
    parts = [graph.input(name, "float32", "N", size, 1) for name in ("encoder_outputs", "decoder_outputs")]
    (both,) = graph.node("Transpose", graph.node("Add", parts), perm=[0, 2, 1])
    one_frame = graph.constant("durations", np.array([[[0, 9, 0, 0, 0]]], np.float32))
    shape = graph.node("Concat", [*graph.node("Slice", [*graph.node("Shape", [both]), *_first_two(graph)]),
                                  graph.constant("five", np.array([durations]))], axis=0)  # fmt: skip
    joined = graph.node("Concat", [both, *graph.node("Expand", [one_frame, *shape])], axis=2)
    graph.node("Unsqueeze", [*joined, graph.constant("axis", np.array([2]))], ["joined"])
    graph.output("joined", "float32", "N", 1, 1, size + durations)
    (folder / "joiner.int8.onnx").write_bytes(graph.model())
    _save_tokens(folder / "tokens.txt", tokens)
    _save_pieces(folder / "bpe.vocab", spelt)


def _first_two(graph: GraphBuilder) -> list[str]:
    return [graph.constant("from", np.array([0])), graph.constant("to", np.array([2]))]


def save_sense_voice(folder: Path) -> None:
    """In Chinese it says the words of ``ZH_WORDS``, in all other languages those of ``WORDS``."""
    tags = ["<|zh|>", "<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>"]
    tokens = ["<blank>", *WORDS, *ZH_WORDS, *tags]
    size = len(tokens)
    both = [_weights(size, 0, {first + band: (band, 0.0) for band in range(BANDS)}) for first in (1, 1 + BANDS)]
    graph = GraphBuilder()
    features = graph.input("x", "float32", "N", "T", 7 * _BINS)
    graph.input("x_length", "int32", "N")
    language, norm = graph.input("language", "int32", "N"), graph.input("text_norm", "int32", "N")
    frames = graph.node("Reshape", [features, graph.constant("frames", np.array([0, -1, 7, _BINS]))])
    (means,) = graph.node("ReduceMean", [*frames, graph.constant("at", np.array([2]))], keepdims=0)
    is_zh = graph.node("Cast", graph.node("Equal", [language, graph.constant("zh", np.array([3], np.int32))]), to=6)
    kernels = graph.constant("kernels", np.stack([kernel for kernel, _ in both]))
    biases = graph.constant("biases", np.stack([bias[None] for _, bias in both]))
    chosen = [graph.node("Gather", [each, *is_zh], axis=0)[0] for each in (kernels, biases)]
    _likely(graph, means, *chosen, "likely")
    heads = np.full((2, 4, size), -100.0, np.float32)
    for row, first in enumerate(("<|en|>", "<|zh|>")):
        for at, tag in enumerate((first, *tags[2:])):
            heads[row, at, tokens.index(tag)] = 0
    head = graph.node("Gather", [graph.constant("heads", heads), *is_zh], axis=0)
    graph.node("Concat", [*head, "likely"], ["logits"], axis=1)
    graph.node("Identity", [norm], ["unused"])
    graph.output("logits", "float32", "N", "T_4", size)
    entries = {"model_type": "sense_voice_ctc", "vocab_size": size, "lfr_window_size": 7, "lfr_window_shift": 6}
    languages = {"lang_auto": 0, "lang_zh": 3, "lang_en": 4, "lang_yue": 7, "lang_ja": 11, "lang_ko": 12}
    scaling = {"neg_mean": ",".join(["0"] * 560), "inv_stddev": ",".join(["1"] * 560)}
    norms = {"with_itn": 14, "without_itn": 15, "normalize_samples": 0}
    saved = with_metadata(graph.model(), {**entries, **languages, **norms, **scaling})
    (folder / "model.int8.onnx").write_bytes(saved)
    _save_tokens(folder / "tokens.txt", tokens)


def save_whisper(folder: Path, *, multilingual: bool = True) -> None:
    """Says a word for every 0.32 s; in Chinese those of ``ZH_WORDS``."""
    ordinary = ["", *(word.replace("▁", " ") for word in WORDS), *ZH_WORDS]
    eot = len(ordinary)
    sot, first = eot + 1, eot + 2
    translate = first + len(_LANGUAGES)
    transcribe, no_speech, no_timestamps = translate + 1, translate + 2, translate + 3
    size = no_timestamps + 1
    graph = GraphBuilder()
    turned = graph.node("Transpose", [graph.input("mel", "float32", "N", _BINS, "T")], perm=[0, 2, 1])
    (kept,) = graph.node("Unsqueeze", [*turned, graph.constant("layer", np.array([0]))])
    for name in ("n_layer_cross_k", "n_layer_cross_v"):
        graph.node("Identity", [kept], [name])
        graph.output(name, "float32", 1, "N", "T", _BINS)
    entries: dict[str, object] = {"model_type": "whisper-tiny", "n_mels": _BINS, "n_text_layer": 1, "n_text_ctx": 448}
    entries |= {"n_text_state": 4, "n_vocab": size, "sot": sot, "eot": eot, "blank_id": 0, "translate": translate}
    entries |= {"transcribe": transcribe, "no_timestamps": no_timestamps, "no_speech": no_speech}
    entries |= {"is_multilingual": int(multilingual), "sot_sequence": f"{sot},{first},{transcribe}"}
    if multilingual:
        entries["all_language_tokens"] = ",".join(str(first + at) for at in range(len(_LANGUAGES)))
        entries["all_language_codes"] = ",".join(_LANGUAGES)
    (folder / "tiny-encoder.int8.onnx").write_bytes(with_metadata(graph.model(), entries))
    both = [_weights(size, eot, {at + band: (band, 0.0) for band in range(BANDS)}, -10.0) for at in (1, 1 + BANDS)]
    decoder = _whisper_decoder(both, (first, first + len(_LANGUAGES)), first + _LANGUAGES.index("zh"), size, eot)
    (folder / "tiny-decoder.int8.onnx").write_bytes(decoder)
    lines = (f"{base64.b64encode(token.encode() or bytes([0xE4])).decode()} {at}" for at, token in enumerate(ordinary))
    (folder / "tiny-tokens.txt").write_text("".join(f"{line}\n" for line in lines))


def _ending(graph: GraphBuilder, cross: str, start: str, *, size: int, eot: int) -> None:
    """``words`` → ``logits``, of which the end is the likeliest once the audio is over."""
    frames = graph.node("Gather", [*graph.node("Shape", [cross]), "two"], axis=0)
    over = graph.node(
        "GreaterOrEqual", [start, *graph.node("Sub", [*frames, graph.constant("tail", np.array([_TAIL]))])]
    )
    end = np.zeros(size, np.float32)
    end[eot] = 10_000
    weight = graph.node("Mul", [*graph.node("Cast", over, to=1), graph.constant("end", end)])
    graph.node("Add", ["words", *weight], ["logits"])


def _whisper_decoder(
    both: Sequence[tuple[np.ndarray, np.ndarray]], languages: tuple[int, int], zh: int, size: int, eot: int
) -> bytes:
    """What is said depends on the piece of audio that belongs to the position. The cache remembers the language."""
    graph = GraphBuilder()
    tokens = graph.input("tokens", "int64", "N", "n")
    caches = [graph.input(f"in_n_layer_self_{name}_cache", "float32", 1, "N", 448, 4) for name in "kv"]
    cross = [graph.input(f"n_layer_cross_{name}", "float32", 1, "N", "T", _BINS) for name in "kv"]
    offset = graph.input("offset", "int64", 1)
    from_, below = (graph.constant(f"language_{at}", np.array(at)) for at in languages)
    inside = graph.node("And", graph.node("GreaterOrEqual", [tokens, from_]) + graph.node("Less", [tokens, below]))
    named = graph.node("Mul", [tokens, *graph.node("Cast", inside, to=7)])
    told = graph.node("Cast", graph.node("ReduceMax", named, keepdims=0), to=1)
    for state, added in zip(caches, (told, [graph.constant("nothing", np.float32(0))]), strict=True):
        graph.node("Add", [state, *added], [state.replace("in_", "out_")])
    (language,) = graph.node("ReduceMax", [caches[0].replace("in_", "out_")], keepdims=0)
    is_zh = graph.node("Cast", graph.node("Equal", [language, graph.constant("zh", np.float32(zh))]), to=7)
    count = graph.node("Slice", [*graph.node("Shape", [tokens]), *(graph.constant(n, np.array([v])) for n, v in
                                                                 (("one", 1), ("two", 2)))])  # fmt: skip
    said = graph.node("Sub", [*graph.node("Add", [offset, *count]), graph.constant("prompt", np.array([4]))])
    before = graph.node("Mul", [*said, graph.constant("step", np.array([_CHUNK]))])
    start, stop = (
        graph.node("Add", [*before, graph.constant(name, np.array([at]))]) for name, at in (("start", 14), ("stop", 18))
    )
    window = graph.node("Slice", [cross[0], *start, *stop, "two"])
    means = graph.node("ReduceMean", [*window, "two"], keepdims=0)
    nats = graph.node("Mul", [*means, graph.constant("nats", np.float32(4 * np.log(10)))])
    # The other kinds have features in which high sounds were made louder.
    raised = graph.node("Add", [*nats, graph.constant("tilt", np.linspace(0, 4, _BINS, dtype=np.float32))])
    kernels = graph.constant("kernels", np.stack([kernel for kernel, _ in both]))
    biases = graph.constant("biases", np.stack([bias for _, bias in both]))
    _likely(graph, *raised, *(graph.node("Gather", [each, *is_zh], axis=0)[0] for each in (kernels, biases)), "words")
    _ending(graph, cross[0], start[0], size=size, eot=eot)
    graph.output("logits", "float32", 1, "N", size)
    for state in caches:
        graph.output(state.replace("in_", "out_"), "float32", 1, "N", 448, 4)
    return graph.model()


KINDS: Final[dict[str, Callable[[Path], None]]] = {
    "transducer": save_transducer,
    "streaming_transducer": lambda folder: save_transducer(folder, streaming=True),
    "nemo_transducer": save_nemo,
    "sense_voice": save_sense_voice,
    "whisper": save_whisper,
}
